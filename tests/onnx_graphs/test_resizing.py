"""Pictures are resized in a graph to the bit as outside of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bodycascade.hierarchy import PASCAL_PART
from bodycascade.onnx_graphs.packages import open_session
from bodycascade.onnx_graphs.resizing import input_side, resized_map, resized_picture
from bodycascade.onnx_graphs.writing import Graph, Value, tensor_info
from bodycascade.resizing import resize_to_tensor
from tests.toy_experts import random_image, tiny_expert


def run(graph: Graph, given: dict[str, Any], result: Value, kind: type[np.generic]) -> Any:
    """The value of `result`; the axes of what is given may have any length."""
    graph.named(result, "result")
    infos = [
        tensor_info(name, value.dtype.type, [f"{name}{i}" for i in range(value.ndim)]) for name, value in given.items()
    ]
    model = graph.model(infos, [tensor_info("result", kind, ())], name="test", text="", facts={})
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    session = open_session(model.SerializeToString(), threads=1)
    return session.run(None, given)[0]


def length(graph: Graph, value: int) -> Value:
    """A constant int64 (1,)."""
    return graph.op("Identity", [np.array([value])])


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((75, 100), (48, 64)),
        ((100, 67), (64, 32)),
        ((411, 300), (32, 24)),
        ((10, 12), (64, 96)),
        ((48, 64), (48, 64)),
        ((48, 100), (48, 32)),
        ((1, 1), (32, 32)),
        ((1, 700), (32, 32)),
        ((333, 3), (32, 32)),
    ],
)
def test_pictures_are_resized_to_the_bit_as_torch_does(size: tuple[int, int], shape: tuple[int, int]) -> None:
    image = random_image(*size, seed=sum(size))
    graph = Graph()
    height, width = (length(graph, side) for side in size)
    result = resized_picture(Value(graph, "x"), (height, width), (length(graph, shape[0]), length(graph, shape[1])))
    found = run(graph, {"x": image.transpose(2, 0, 1)[None].astype(np.float32)}, result, np.float32)
    np.testing.assert_array_equal(found[0], resize_to_tensor(image, shape).numpy())


def test_extreme_values_are_resized_to_the_bit() -> None:
    image = (np.indices((97, 131)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    graph = Graph()
    sizes = [length(graph, side) for side in (97, 131, 64, 96)]
    result = resized_picture(Value(graph, "x"), (sizes[0], sizes[1]), (sizes[2], sizes[3]))
    found = run(graph, {"x": image.transpose(2, 0, 1)[None].astype(np.float32)}, result, np.float32)
    np.testing.assert_array_equal(found[0], resize_to_tensor(image, (64, 96)).numpy())


def test_input_sides_are_those_of_the_expert() -> None:
    expert = tiny_expert(PASCAL_PART, "person", side=48)
    sizes = [(h, w) for h in (1, 7, 33, 48, 60, 97, 1000) for w in (1, 30, 48, 66, 131, 4000)]
    graph = Graph()
    side, longest = Value(graph, "side"), Value(graph, "longest")
    result = input_side(side, longest, long_side=48, stride=expert.stride)
    given = {"side": np.array(sizes).ravel(), "longest": np.array(sizes).max(axis=1).repeat(2)}
    found = run(graph, given, result, np.int64).reshape(-1, 2)
    assert [tuple(pair) for pair in found] == [expert.input_shape(*size) for size in sizes]


@pytest.mark.parametrize("shape", [(37, 51), (2, 3), (1, 1), (5, 7)])
def test_maps_are_resized_as_torch_does(shape: tuple[int, int]) -> None:
    values = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    graph = Graph()
    result = resized_map(Value(graph, "x"), graph.op("Identity", [np.array(shape)]))
    found = run(graph, {"x": values.numpy()}, result, np.float32)
    wanted = torch.nn.functional.interpolate(values, size=shape, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-6)
