"""Convolutions as TensorFlow pads them, and batch norms folded into them.

Weights that were trained in TensorFlow expect its "SAME" padding: where the total is odd, the extra row or column is
at the bottom or right, so a stride of 2 sees other pixels than a symmetric padding would show it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bodycascade.encoders.depthwise import DepthwiseOnCpu
from bodycascade.encoders.fusion import Activation, Convolution, Sides
from bodycascade.errors import BundleError


class SameConv2d(Convolution):
    """A convolution with bias, TensorFlow's "SAME" padding and, if wanted, ReLU6: (N, in, H, W) to (N, out, H / s,
    W / s), rounded up."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        depthwise: bool = False,
        activation: Activation = "none",
    ) -> None:
        groups = in_channels if depthwise else 1
        super().__init__(in_channels, out_channels, kernel, stride=stride, groups=groups, activation=activation)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def sides(self, height: int, width: int) -> Sides:
        kernel, stride = self.kernel_size[0], self.stride[0]
        rows = same_padding(height, kernel=kernel, stride=stride)
        return *rows, *same_padding(width, kernel=kernel, stride=stride)

    def convolve(self, x: Tensor, padding: tuple[int, int]) -> Tensor:
        slow = self.groups > 1 and (self.kernel_size[0] > 3 or self.stride[0] > 1)  # see DepthwiseOnCpu
        if slow and x.device.type == "cpu" and torch.is_grad_enabled():
            found: Tensor = DepthwiseOnCpu.apply(x, self.weight, self.bias, self.stride[0], padding)  # type: ignore[no-untyped-call]
            return found
        return super().convolve(x, padding)


def same_padding(size: int, *, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros (before, after) along an axis of `size` pixels, as TensorFlow's "SAME" defines them."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def fold_batch_norms(state: Mapping[str, Tensor], *, epsilon: float) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of each convolution of `state` with the batch norm that follows it folded in, in order.

    `state` lists for each convolution its weight and then weight, bias, running mean and running variance of its norm;
    counters of batches are skipped. With trained statistics, norm(conv(x)) = conv'(x) + bias'. Raises `BundleError`
    where the tensors come in another order.
    """
    tensors = [(name, tensor) for name, tensor in state.items() if not name.endswith("num_batches_tracked")]
    folded = []
    for first in range(0, len(tensors), 5):
        group = tensors[first : first + 5]
        channels = group[0][1].shape[:1]
        if len(group) < 5 or group[0][1].dim() != 4 or any(tensor.shape != channels for _, tensor in group[1:]):
            raise BundleError(f"expected a convolution and the four tensors of its batch norm at {group[0][0]}")
        weight, scale, shift, mean, variance = (tensor.double() for _, tensor in group)
        factor = scale / torch.sqrt(variance + epsilon)
        folded.append(((weight * factor.view(-1, 1, 1, 1)).float(), (shift - mean * factor).float()))
    return folded
