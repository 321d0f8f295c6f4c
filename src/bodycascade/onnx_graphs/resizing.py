"""Resizing inside a graph, as `resizing` and `routing` do it outside.

ONNX's own antialiased Resize differs from torch's on 8-bit pictures by up to 11 grey levels in onnxruntime, so
pictures are resized here by two products with matrices of torch's own whole-numbered weights: the same to the bit.
"""

from __future__ import annotations

import numpy as np

from bodycascade.onnx_graphs.writing import Graph, Value

MOST_BITS = 22
"""Weights have at most so many bits behind the point, and fit in 16 bits (torch's UpSampleKernel.cpp)."""

LOW = 128
"""Weights are split into multiples of this and rests: each product then stays below 2^24, where float32 is exact."""


def input_side(side: Value, longest: Value, *, long_side: int, stride: int) -> Value:
    """`Expert.input_shape` for one side, all int64 scalars (1,): `longest` becomes `long_side`, in whole strides."""
    graph = side.graph
    scale = graph.op("Div", [np.array([float(long_side)]), longest.cast(np.float64)])
    strides = graph.op("Round", [side.cast(np.float64) * scale / np.array([float(stride)])]).cast(np.int64)
    return graph.op("Max", [strides, np.array([1])]) * np.array([stride])


def resized_picture(picture: Value, size: tuple[Value, Value], shape: tuple[Value, Value]) -> Value:
    """float32 (N, 3, h, w) with whole values 0 to 255: `picture`, such values (N, 3, H, W) of `size`, at `shape`."""
    across = _Weights(size[1], shape[1])
    narrow = across.rounded(picture @ across.high, picture @ across.low)
    down = _Weights(size[0], shape[0])
    high, low = down.high.turned(1, 0), down.low.turned(1, 0)
    return down.rounded(high @ narrow, low @ narrow)


def resized_map(values: Value, shape: Value) -> Value:
    """float32 (N, C, h, w) of `shape` (int64 (2,)): `values` resampled bilinearly, pixel areas aligned."""
    attributes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel", "axes": [2, 3]}
    return values.graph.op("Resize", [values, None, None, shape], attributes)


class _Weights:
    """Triangle filter for one axis, (full, size): how much each of `full` pixels counts for each of `size` pixels.

    Everything is done in the order of torch's `_compute_indices_min_size_weights_aa` in float64. `high` and `low` are
    float32: high * LOW + low are the weights with `bits` bits behind the point.
    """

    def __init__(self, full: Value, size: Value) -> None:
        graph = full.graph
        weights = _fractions(graph, full, size)
        powers = 2.0 ** np.arange(1, MOST_BITS + 1)
        largest = graph.op("ReduceMax", [weights], {"keepdims": 0})
        fitting = graph.op("Floor", [largest * powers + np.array(0.5)]) < np.array(2.0**15)
        bits = graph.op("ReduceSum", [fitting.cast(np.int64)], {"keepdims": 0})
        self._unit = graph.op("Pow", [np.array(2.0), bits.cast(np.float64)])
        whole = graph.op("Floor", [weights * self._unit + np.array(0.5)])
        high = graph.op("Floor", [whole / np.array(float(LOW))])
        self.high = high.cast(np.float32)
        self.low = (whole - high * np.array(float(LOW))).cast(np.float32)

    def rounded(self, high: Value, low: Value) -> Value:
        """float32, whole values 0 to 255, from the products with `high` and with `low`."""
        unit = self._unit.cast(np.int32)
        total = high.cast(np.int32) * np.array(LOW, np.int32) + low.cast(np.int32)
        levels = (total + unit / np.array(2, np.int32)) / unit
        return high.graph.op("Min", [levels, np.array(255, np.int32)]).cast(np.float32)


def _fractions(graph: Graph, full: Value, size: Value) -> Value:
    """(full, size) float64 whose columns sum to 1."""
    nothing, one = np.array(0), np.array(1)
    scalar = np.array([], np.int64)
    full, size = (graph.op("Reshape", [length, scalar]) for length in (full, size))
    scale = full.cast(np.float64) / size.cast(np.float64)
    support = graph.op("Max", [scale, np.array(1.0)])
    places = graph.op("Range", [nothing, size, one]).cast(np.float64)
    centres = (places + np.array(0.5)) * scale  # (size,)
    first = graph.op("Max", [(centres - support + np.array(0.5)).cast(np.int64), nothing])
    last = graph.op("Min", [(centres + support + np.array(0.5)).cast(np.int64), full])
    pixels = graph.op("Unsqueeze", [graph.op("Range", [nothing, full, one]), np.array([1])])  # (full, 1)
    inverse = graph.op("Div", [np.array(1.0), support])
    distance = graph.op("Abs", [(pixels.cast(np.float64) - centres + np.array(0.5)) * inverse])
    height = graph.op("Max", [graph.op("Sub", [np.array(1.0), distance]), np.array(0.0)])
    weights = graph.op("Where", [(pixels >= first) & (pixels < last), height, np.array(0.0)])
    return weights / graph.op("ReduceSum", [weights, np.array([0])], {"keepdims": 1})
