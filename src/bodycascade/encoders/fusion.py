"""Convolutions that add and activate in the same kernel, where the CPU has one for it.

Apart, each step reads and writes the whole map, and the weights are brought into the kernels' order at every call;
together, and with the weights in that order for good, a network needs about two thirds of the time. torch keeps these
kernels (oneDNN's) for its compiler, `torch.compile`, under names without a promise: each network is tried with them,
and where they fail or differ, it runs as it is written.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["none", "relu6", "leaky_relu"]
Sides = tuple[int, int, int, int]
"""Rows and columns of zeros: top, bottom, left, right."""

SLOPE = 0.1
"""Of the leaky ReLU."""

_KERNEL_NAMES: dict[Activation, tuple[str, list[float], str]] = {
    "none": ("none", [], ""),
    "relu6": ("hardtanh", [0.0, 6.0], ""),
    "leaky_relu": ("leaky_relu", [SLOPE], ""),
}

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1}
"""How far a number may move, as a share of the largest, or of 1 where all are smaller: many times what rounding does,
less than wrong kernels do."""


class Convolution(nn.Conv2d):
    """A convolution, a map added to it if there is one, and an activation: (N, in, H, W) to (N, out, H', W').

    `padding` counts at all four sides. `fuse` makes it run in one kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = True,
        activation: Activation = "none",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, padding=padding, groups=groups, bias=bias)
        self.activation: Activation = activation
        self._around = padding
        self._packed: _Packed | None = None

    def fuse(self, dtype: torch.dtype) -> None:
        """Run in one kernel and in `dtype` from now on, on the CPU and without gradients.

        The weights must not change any more.
        """
        self._packed = _Packed(self, dtype)

    def sides(self, height: int, width: int) -> Sides:
        """The zeros around a map of (height, width)."""
        around = self._around
        return around, around, around, around

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """`plus` (N, out, H', W') is added before the activation."""
        sides = self.sides(x.shape[2], x.shape[3])
        if self._packed is not None:
            return self._packed.run(x, plus, sides)
        top, bottom, left, right = sides
        if (top, left) != (bottom, right):
            x = functional.pad(x, (left, right, top, bottom))
            top = left = 0
        y = self.convolve(x, (top, left))
        y = y if plus is None else plus + y
        return _activate(y, self.activation)

    def convolve(self, x: Tensor, padding: tuple[int, int]) -> Tensor:
        """The convolution alone, with `padding` rows and columns of zeros at each side."""
        return functional.conv2d(x, self.weight, self.bias, self.stride, padding, 1, self.groups)

    def __getstate__(self) -> dict[str, Any]:
        # Packed weights cannot be copied or pickled, but made again.
        return self.__dict__ | {"_packed": None}


@torch.inference_mode()
def fuse(network: nn.Module, dtype: torch.dtype, *, usual: Tensor, trial: Tensor) -> bool:
    """Have each `Convolution` of `network` run in one kernel, for inference on the CPU; False where it cannot be had.

    `usual`: input of a usual size, which the best order of the weights depends on; others run too, a little slower.
    `trial`: input on which the network must give what it gave before, to TOLERANCE. Otherwise it stays as it was.
    """
    convolutions = [module for module in network.modules() if isinstance(module, Convolution)]
    if not convolutions or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    wanted = network(trial)
    for convolution in convolutions:
        convolution.fuse(dtype)
    try:
        network(usual)
        found = network(trial)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        agrees = False
    else:
        agrees = all(_agree(*pair, dtype) for pair in zip(_maps(found), _maps(wanted), strict=True))
    if not agrees:
        unfuse(network)
    return agrees


def unfuse(network: nn.Module) -> None:
    """Undo `fuse`."""
    for module in network.modules():
        if isinstance(module, Convolution):
            module._packed = None


def _maps(result: Tensor | list[Tensor]) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else result


def _agree(found: Tensor, wanted: Tensor, dtype: torch.dtype) -> bool:
    if found.shape != wanted.shape:
        return False
    return float((found.float() - wanted.float()).abs().max()) <= TOLERANCE[dtype] * max(1.0, float(wanted.abs().max()))


class _Packed:
    """The weights of a `Convolution` in the order of oneDNN's kernels, and the call."""

    def __init__(self, layer: Convolution, dtype: torch.dtype) -> None:
        self._weight = layer.weight.detach().to(dtype)
        self._bias = None if layer.bias is None else layer.bias.detach().to(dtype)
        self._stride, self._groups = list(layer.stride), layer.groups
        self._activation = _KERNEL_NAMES[layer.activation]
        self._plain_activation = layer.activation
        self._orders: dict[Sides, Tensor] = {}

    def run(self, x: Tensor, plus: Tensor | None, sides: Sides) -> Tensor:
        x = x.to(self._weight.dtype)
        _, bottom, _, right = sides
        weight = self._orders.get(sides)
        if weight is None:
            weight = self._orders[sides] = self._ordered(x, sides)
        given = (weight, self._bias, [bottom, right], self._stride, [1, 1], self._groups)
        kernel = torch.ops.mkldnn._convolution_pointwise
        if plus is None:
            found: Tensor = kernel(x, *given, *self._activation)
            return found
        plus = plus.to(x.dtype)
        return _activate(kernel.binary(x, plus, *given, "add", 1.0, None, [], None), self._plain_activation)

    def _ordered(self, x: Tensor, sides: Sides) -> Tensor:
        """The weights for maps like `x`. These kernels know no padding that differs from side to side: a row of zero
        weights at the top does what a missing row of zeros at the top would."""
        top, bottom, left, right = sides
        weight = functional.pad(self._weight, (right - left, 0, bottom - top, 0))
        ordered: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
            weight, [bottom, right], self._stride, [1, 1], self._groups, list(x.shape)
        )
        return ordered


def _activate(y: Tensor, activation: Activation) -> Tensor:
    if activation == "relu6":
        return functional.relu6(y, inplace=True)
    if activation == "leaky_relu":
        return functional.leaky_relu(y, SLOPE, inplace=True)
    return y
