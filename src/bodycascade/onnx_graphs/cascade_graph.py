"""The whole cascade as one ONNX graph: an RGB picture of any size in, labels and probabilities of that size out.

It is what `CascadeSegmenter` computes with `zoom=None`: every expert looks at the full frame.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bodycascade.expert import Expert
from bodycascade.hierarchy import Node, Tree
from bodycascade.onnx_graphs.resizing import input_side, resized_map, resized_picture
from bodycascade.onnx_graphs.writing import Graph, Operand, Value, tensor_info

INPUT, LABELS, PROBABILITIES = "picture", "labels", "probabilities"

TEXT = """A bodycascade: pictures to part labels.

Input 'picture': uint8 (batch, height, width, 3), RGB, of any size, upright.
Output 'labels': uint8 (batch, height, width), the leaf label of each pixel: {names}.
Output 'probabilities': float32 (batch, {count}, height, width), the probability of each leaf label, channel = label.
Every expert looks at the full frame: the zoom into boxes around small people, which bodycascade itself does, needs
connected components and is not in this graph. It equals CascadeSegmenter with zoom=None."""


def cascade_model(experts: Sequence[Expert], models: Mapping[str, Any], *, routing: str) -> Any:
    """The ONNX model of the cascade of `experts`, in the tree's order, whose own graphs are `models` by name."""
    tree = experts[0].tree
    graph = Graph()
    look = _Look(graph)
    maps = _conditionals(look, experts, models)
    full = {node: resized_map(small, look.shape) for node, small in maps.items()}
    leaves: dict[int, Value] = {}
    _collect(tree, tree.root, graph.op("Identity", [np.array(1, np.float32)]), full, leaves)
    products = graph.op("Concat", [leaves[label] for label in range(tree.num_labels)], {"axis": 1})
    likeliest = graph.op("ArgMax", [products], {"axis": 1, "keepdims": 1}).cast(np.uint8)
    labels = likeliest if routing == "soft" else _walk(tree.root, full)
    graph.named(graph.op("Squeeze", [labels, np.array([1])]), LABELS)
    graph.named(products, PROBABILITIES)
    sizes = ("batch", "height", "width")
    names = ", ".join(f"{leaf.label} {leaf.name}" for leaf in tree.leaves)
    return graph.model(
        [tensor_info(INPUT, np.uint8, (*sizes, 3))],
        [
            tensor_info(LABELS, np.uint8, sizes),
            tensor_info(PROBABILITIES, np.float32, ("batch", tree.num_labels, "height", "width")),
        ],
        name="cascade",
        text=TEXT.format(names=names, count=tree.num_labels),
        facts={
            "tree": json.dumps(tree.to_json()),
            "routing": routing,
            "zoom": "none: every expert sees the full frame",
        },
    )


class _Look:
    """The picture at the sizes that experts ask for, each made once. `shape`: its own height and width, int64 (2,)."""

    def __init__(self, graph: Graph) -> None:
        picture = Value(graph, INPUT)
        self.graph = graph
        self.shape = graph.op("Shape", [picture], {"start": 1, "end": 3})
        self._size = tuple(graph.op("Gather", [self.shape, np.array([axis])]) for axis in (0, 1))
        self._longest = graph.op("ReduceMax", [self.shape], {"keepdims": 1})
        self._pixels = picture.cast(np.float32).turned(0, 3, 1, 2)
        self._made: dict[tuple[int, int], tuple[Value, Value]] = {}

    def varies(self) -> Value:
        """(N, 1, 1, 1) bool: whether the picture has more than one colour; nobody is looked for where it has not."""
        rows_and_columns = np.array([2, 3])
        most, least = (self.graph.op(kind, [self._pixels, rows_and_columns]) for kind in ("ReduceMax", "ReduceMin"))
        spread = self.graph.op("ReduceMax", [most - least, np.array([1])])
        return spread >= np.array(1, np.float32)

    def at(self, expert: Expert) -> tuple[Value, Value]:
        """(float32 (N, 3, h, w) with values 0 to 255, int64 (2,): h and w)."""
        key = (expert.settings.input_side, expert.stride)
        if key not in self._made:
            height, width = (input_side(side, self._longest, long_side=key[0], stride=key[1]) for side in self._size)
            resized = resized_picture(self._pixels, (self._size[0], self._size[1]), (height, width))
            self._made[key] = (resized, self.graph.op("Concat", [height, width], {"axis": 0}))
        return self._made[key]


def _conditionals(look: _Look, experts: Sequence[Expert], models: Mapping[str, Any]) -> dict[str, Value]:
    """For each node that is split, the probability of its children given it, (N, children, h, w), on a small grid.

    An expert that nothing reaches holds its children for equally likely, as in `routing.Conditionals`.
    """
    tree, graph = experts[0].tree, look.graph
    maps: dict[str, Value] = {}
    nodes: dict[str, Value] = {}
    reached: dict[str, Value] = {}
    for expert in experts:
        spec = expert.spec
        pixels, shape = look.at(expert)
        node = None if spec.parent is None else resized_map(nodes[spec.node], shape)
        logits = graph.include(models[spec.name], spec.name, _prepared(expert, pixels, node))
        children = graph.op("Softmax", [logits], {"axis": 1})
        here = None if node is None else _reached(expert, node)
        if here is not None and spec.node in reached:
            here = here & reached[spec.node]
        share = np.array(1 / len(spec.children), np.float32)
        if node is None:
            nobody = np.array([tree.node(child).label == 0 for child in spec.children], np.float32)
            children = graph.op("Where", [look.varies(), children, nobody.reshape(1, -1, 1, 1)])
        maps[spec.node] = children if here is None else graph.op("Where", [here, children, share])
        for place, child in enumerate(spec.children):
            if tree.node(child).children:
                given = children.channels(place, place + 1)
                nodes[child] = given if node is None else node * given
                if here is not None:
                    reached[child] = here
    return maps


def _reached(expert: Expert, node: Value) -> Value:
    """(N, 1, 1, 1) bool: whether the expert has anything to look at."""
    most = node.graph.op("ReduceMax", [node, np.array([1, 2, 3])], {"keepdims": 1})
    return most >= np.array(expert.settings.mask_threshold, np.float32)


def _prepared(expert: Expert, pixels: Value, node: Value | None) -> Value:
    """`Expert.prepare`, with `Expert.mask` before it."""
    settings = expert.settings
    mean, std = (np.array(colour, np.float32).reshape(1, 3, 1, 1) for colour in (settings.mean, settings.std))
    x = (pixels - mean) / std
    if node is None:
        return x
    strength = node
    if settings.mask_form != "soft":
        strength = (node >= np.array(settings.mask_threshold, np.float32)).cast(np.float32)
    if settings.outside:
        strength = strength * np.array(1 - settings.outside, np.float32) + np.array(settings.outside, np.float32)
    return x * strength


def _collect(tree: Tree, node: Node, given: Value, full: Mapping[str, Value], leaves: dict[int, Value]) -> None:
    """Fill `leaves` with the (N, 1, H, W) probability of each leaf label below `node`; `given` is that of the node."""
    if node.label is not None:
        leaves[node.label] = given
        return
    children, graph = full[node.name], given.graph
    shares = [given * children.channels(place, place + 1) for place in range(len(node.children))]
    if len(shares) == 2:
        # As in `routing`: the first of two is what the second leaves.
        shares[0] = graph.op("Max", [given - shares[1], np.array(0, np.float32)])
    for child, share in zip(node.children, shares, strict=True):
        _collect(tree, child, share, full, leaves)


def _walk(node: Node, full: Mapping[str, Value]) -> Operand:
    """(N, 1, H, W) uint8, for a leaf a number: labels by walking down from `node`; of equal children the first wins."""
    if node.label is not None:
        return np.array(node.label, np.uint8)
    children = full[node.name]
    winner = children.graph.op("ArgMax", [children], {"axis": 1, "keepdims": 1})
    *others, last = enumerate(node.children)
    labels = _walk(last[1], full)
    for place, child in reversed(others):
        won = children.graph.op("Equal", [winner, np.array(place)])
        labels = children.graph.op("Where", [won, _walk(child, full), labels])
    return labels
