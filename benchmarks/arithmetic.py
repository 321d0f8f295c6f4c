"""How much arithmetic a contestant does, and how much the cores could do in that time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.contestants import Picture, Subject

Shape = Sequence[int]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class MatrixPeak:
    """The fastest product of two square matrices that was seen, in each of the precisions."""

    def __init__(self, sides: Sequence[int], precisions: Sequence[str]) -> None:
        self._sides, self._precisions = tuple(sides), tuple(precisions)
        self._best = dict.fromkeys(self._precisions, 0.0)

    def measure(self) -> None:
        """Multiply at each side in each precision: once to warm up, and twice."""
        for precision in self._precisions:
            for side in self._sides:
                a = torch.ones(side, side, dtype=_DTYPES[precision])
                b = torch.ones(side, side, dtype=_DTYPES[precision])
                seconds = [_seconds_of_product(a, b) for _ in range(3)][1:]
                self._best[precision] = max(self._best[precision], 2 * side**3 / min(seconds))

    def figures(self) -> dict[str, float]:
        """Operations per second by precision: a multiplication and an addition are two."""
        return dict(self._best)


def operations_per_image(subject: Subject, pictures: Sequence[Picture], *, at_once: int) -> float:
    """The mean of floating-point operations in convolutions and matrix products, two for a multiplication and addition.

    All else (norms, resizing, deciding at the image's size) is not counted.
    """
    fused = {torch.ops.mkldnn._convolution_pointwise: _fused_convolution}
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # several would share the images of a call, out of this counter's sight
    try:
        with FlopCounterMode(display=False, custom_mapping=fused) as counter:
            for first in range(0, len(pictures), at_once):
                subject.call(pictures[first : first + at_once])
    finally:
        torch.set_num_threads(before)
    return float(counter.get_total_flops()) / len(pictures)


def _fused_convolution(x: Shape, first: Shape, second: Shape, *rest: object, out_shape: Shape, **more: object) -> int:
    """Operations of oneDNN's fused convolution; where it adds a map, that stands before the weights."""
    weight = second if tuple(first) == tuple(out_shape) else first
    return 2 * math.prod(out_shape) * math.prod(weight[-3:])


def _seconds_of_product(a: torch.Tensor, b: torch.Tensor) -> float:
    started = time.perf_counter()
    torch.mm(a, b)
    return time.perf_counter() - started
