"""EfficientNet-Lite 0 to 2 with folded batch norms (Tan and Le 2019, arXiv:1905.11946; Lite: no squeeze, ReLU6)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from bodycascade.encoders.convolution import SameConv2d, fold_batch_norms
from bodycascade.encoders.encoder import Encoder
from bodycascade.encoders.inverted_residual import InvertedResidual
from bodycascade.errors import BundleError

EPSILON = 1e-3
"""Of the batch norms that the weights were trained with."""

STEM = 32
STAGES = (
    # (blocks, kernel, stride, expansion, channels) of EfficientNet-B0
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
SCALES = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
"""Width and depth of each size as multiples of B0's; Lite leaves the stem and the depth of the outer stages alone."""


class EfficientNetLite(Encoder):
    """EfficientNet-Lite of `size` 0, 1 or 2 (3.4, 4.2, 4.9 M parameters): what it shows at strides 2 to 32."""

    strides = (2, 4, 8, 16, 32)
    mean = (127.0, 127.0, 127.0)
    std = (128.0, 128.0, 128.0)

    def __init__(self, size: int) -> None:
        super().__init__()
        width, depth = SCALES[size]
        self.stem = SameConv2d(3, STEM, 3, stride=2, activation="relu6")
        self.stages = nn.ModuleList()
        channels = STEM
        ends: list[int] = []
        for number, (blocks, kernel, stride, expansion, base) in enumerate(STAGES):
            out = _rounded(base * width)
            outer = number in (0, len(STAGES) - 1)
            stage = nn.Sequential()
            for block in range(blocks if outer else math.ceil(blocks * depth)):
                step = 1 if block else stride
                stage.append(InvertedResidual(channels, out, kernel=kernel, stride=step, expansion=expansion))
                channels = out
            self.stages.append(stage)
            ends.append(out)
        self.channels = tuple(ends[number] for number in _shown())

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        features: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in _shown():
                features.append(x)
        return features


def folded_state(state: Mapping[str, Tensor], encoder: EfficientNetLite) -> dict[str, Tensor]:
    """The state of `encoder` made of `state`, a classifier's in PyTorch: its convolutions and norms, in the same order.

    The classifier (the last convolution with its norm, and the linear layer) is left out. Raises `BundleError` where
    the numbers of convolutions or their shapes differ.
    """
    body = {name: tensor for name, tensor in state.items() if not name.startswith(("_fc.", "classifier."))}
    layers = [name for name, module in encoder.named_modules() if isinstance(module, SameConv2d)]
    folded = fold_batch_norms(body, epsilon=EPSILON)
    if len(folded) != len(layers) + 1:
        raise BundleError(f"expected {len(layers) + 1} convolutions with batch norms, found {len(folded)}")
    pairs = zip(layers, folded[:-1], strict=True)
    return {
        f"{name}.{key}": tensor for name, pair in pairs for key, tensor in zip(("weight", "bias"), pair, strict=True)
    }


def _shown() -> tuple[int, ...]:
    # The last stage at each resolution: where the next one halves it, and at the end.
    return (*(number - 1 for number, stage in enumerate(STAGES) if stage[2] > 1), len(STAGES) - 1)


def _rounded(channels: float) -> int:
    # To the nearest multiple of 8, never more than a tenth below, as in the reference implementation.
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8
