"""Several trunks that look at the same image, for what each learned from other data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bodycascade.encoders.encoder import Encoder


class SideBySide(Encoder):
    """The feature maps of `encoders` joined along the channels where their strides agree.

    The input is normalised as for the first of them; each gets it with its own `mean` and `std`.
    """

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.strides = tuple(sorted({stride for encoder in encoders for stride in encoder.strides}))
        self.channels = tuple(
            sum(encoder.channels[encoder.strides.index(stride)] for encoder in encoders if stride in encoder.strides)
            for stride in self.strides
        )
        self.mean, self.std = encoders[0].mean, encoders[0].std
        for number, encoder in enumerate(encoders):
            # (image - own mean) / own std from (image - first mean) / first std
            # NumPy's arithmetic: networks are also made on the device "meta", where torch's imports its compiler.
            scale = np.array(self.std, np.float32) / np.array(encoder.std, np.float32)
            shift = np.array(self.mean, np.float32) - np.array(encoder.mean, np.float32)
            shift /= np.array(encoder.std, np.float32)
            self.register_buffer(f"scale_{number}", torch.tensor(scale).view(3, 1, 1), persistent=False)
            self.register_buffer(f"shift_{number}", torch.tensor(shift).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        found: dict[int, list[Tensor]] = {stride: [] for stride in self.strides}
        for number, encoder in enumerate(self.encoders):
            own = x * self.get_buffer(f"scale_{number}") + self.get_buffer(f"shift_{number}") if number else x
            for stride, feature in zip(encoder.strides, encoder(own), strict=True):  # type: ignore[arg-type]
                found[stride].append(feature)
        return [torch.cat(features, dim=1) if len(features) > 1 else features[0] for features in found.values()]
