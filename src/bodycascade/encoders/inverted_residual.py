"""The block of MobileNetV2 and EfficientNet-Lite, with folded batch norms (Sandler et al. 2018, arXiv:1801.04381)."""

from __future__ import annotations

from torch import Tensor, nn

from bodycascade.encoders.convolution import SameConv2d


class InvertedResidual(nn.Module):
    """A widening pointwise, a depthwise and a narrowing pointwise convolution; a shortcut where the shapes agree."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = in_channels * expansion
        self.expand = SameConv2d(in_channels, inner, 1, activation="relu6") if expansion > 1 else None
        self.depthwise = SameConv2d(inner, inner, kernel, stride=stride, depthwise=True, activation="relu6")
        self.project = SameConv2d(inner, out_channels, 1)
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(x if self.expand is None else self.expand(x))
        projected: Tensor = self.project(y, x if self.is_residual else None)
        return projected
