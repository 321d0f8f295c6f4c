"""ONNX graphs written as arithmetic: a `Graph` collects nodes, a `Value` stands for a tensor that one of them makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bodycascade.onnx_graphs.packages import IR_VERSION, OPSET, onnx


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of `graph` called `name`. Operators broadcast as numpy does; both sides need one element type."""

    graph: Graph
    name: str

    def __add__(self, other: Operand) -> Value:
        return self.graph.op("Add", [self, other])

    def __sub__(self, other: Operand) -> Value:
        return self.graph.op("Sub", [self, other])

    def __mul__(self, other: Operand) -> Value:
        return self.graph.op("Mul", [self, other])

    def __truediv__(self, other: Operand) -> Value:
        return self.graph.op("Div", [self, other])

    def __matmul__(self, other: Operand) -> Value:
        return self.graph.op("MatMul", [self, other])

    def __and__(self, other: Operand) -> Value:
        return self.graph.op("And", [self, other])

    def __ge__(self, other: Operand) -> Value:
        return self.graph.op("GreaterOrEqual", [self, other])

    def __lt__(self, other: Operand) -> Value:
        return self.graph.op("Less", [self, other])

    def cast(self, kind: type[np.generic]) -> Value:
        """The values as numbers of `kind`; a fraction that becomes a whole number is cut off."""
        code = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        return self.graph.op("Cast", [self], {"to": code})

    def turned(self, *axes: int) -> Value:
        """The tensor with its axes in another order."""
        return self.graph.op("Transpose", [self], {"perm": list(axes)})

    def channels(self, first: int, last: int) -> Value:
        """Places `first` to `last`, excluded, along the axis 1."""
        return self.graph.op("Slice", [self, *(np.array([place]) for place in (first, last, 1))])


Operand: TypeAlias = Value | npt.NDArray[Any] | np.generic


class Graph:
    """Nodes in the order in which they were asked for, and the constants that they use."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def op(self, kind: str, inputs: Sequence[Operand | None], attributes: Mapping[str, Any] | None = None) -> Value:
        """The one result of the ONNX operator `kind`; None stands for an optional input that is left out."""
        names = ["" if one is None else self._name(one) for one in inputs]
        result = Value(self, f"{kind.lower()}_{len(self._nodes)}")
        self._nodes.append(onnx.helper.make_node(kind, names, [result.name], **dict(attributes or {})))
        return result

    def named(self, value: Value, name: str) -> Value:
        """The same tensor under a name of its own, as inputs and outputs of the whole graph need it."""
        self._nodes.append(onnx.helper.make_node("Identity", [value.name], [name]))
        return Value(self, name)

    def include(self, model: Any, prefix: str, given: Value) -> Value:
        """What `model`, a graph with one input and one output, makes of `given`; its names get the prefix."""
        part = onnx.compose.add_prefix(model, f"{prefix}/").graph
        self.named(given, part.input[0].name)
        self._nodes += part.node
        self._constants += part.initializer
        return Value(self, part.output[0].name)

    def model(
        self, inputs: Sequence[Any], outputs: Sequence[Any], *, name: str, text: str, facts: Mapping[str, str]
    ) -> Any:
        """The finished model, checked against ONNX's rules; `text` documents it, `facts` are its metadata."""
        graph = onnx.helper.make_graph(self._nodes, name, list(inputs), list(outputs), self._constants)
        model = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        describe(model, text=text, facts=facts)
        onnx.checker.check_model(model)
        return model

    def _name(self, operand: Operand) -> str:
        if isinstance(operand, Value):
            return operand.name
        name = f"constant_{len(self._constants)}"
        self._constants.append(onnx.numpy_helper.from_array(np.asarray(operand), name))
        return name


def describe(model: Any, *, text: str, facts: Mapping[str, str]) -> None:
    """Write into `model` who made it, what it is (`text`) and its metadata (`facts`)."""
    model.producer_name, model.doc_string = "bodycascade", text
    model.graph.doc_string = text
    onnx.helper.set_model_props(model, dict(facts))


def tensor_info(name: str, kind: type[np.generic], axes: Sequence[str | int]) -> Any:
    """An input or output of a graph; an axis that may have any length is given by its name."""
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind)), list(axes))
