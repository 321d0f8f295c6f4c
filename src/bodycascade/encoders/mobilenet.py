"""MobileNetV1 (Howard et al. 2017, arXiv:1704.04861) with folded batch norms: the trunk of BodyPix 2.0."""

from __future__ import annotations

from torch import Tensor, nn

from bodycascade.encoders.convolution import SameConv2d
from bodycascade.encoders.encoder import Encoder, maps_by_stride

STEM = 24
LAYERS = (
    (48, 1),
    (96, 2),
    (96, 1),
    (192, 2),
    (192, 1),
    (384, 2),
    *((384, 1),) * 7,
)
"""(channels, stride) of the 13 layers at width 0.75; the twelfth keeps stride 1: the trunk ends at stride 16."""


class SeparableLayer(nn.Module):
    """A depthwise 3 x 3 and a pointwise convolution, each with ReLU6."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int) -> None:
        super().__init__()
        self.depthwise = SameConv2d(in_channels, in_channels, 3, stride=stride, depthwise=True, activation="relu6")
        self.pointwise = SameConv2d(in_channels, out_channels, 1, activation="relu6")

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.pointwise(self.depthwise(x))
        return found


class MobileNetTrunk(Encoder):
    """MobileNetV1 at width 0.75, 1.2 M parameters: what it shows at strides 2, 4, 8 and 16."""

    channels = (48, 96, 192, 384)
    strides = (2, 4, 8, 16)
    mean = (127.5, 127.5, 127.5)
    std = (127.5, 127.5, 127.5)

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, STEM, 3, stride=2, activation="relu6")
        inputs = (STEM, *(channels for channels, _ in LAYERS))
        self.layers = nn.ModuleList(
            SeparableLayer(before, channels, stride=stride)
            for before, (channels, stride) in zip(inputs, LAYERS, strict=False)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        return maps_by_stride(x, self.layers, [stride for _, stride in LAYERS])
