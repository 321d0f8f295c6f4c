"""The UNet of experts that have no pretrained encoder (Ronneberger et al. 2015, arXiv:1505.04597), normed by pixel.

All normalisation is over the channels of one pixel (as in ConvNeXt, arXiv:2201.03545), so a pixel's result depends
neither on how much of the image is masked, nor on padding, nor on what else is in the batch. The last layer is not
normalised: a logit may be as large as the picture demands.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each pixel, with learned scale and shift: (N, C, H, W) in, the same out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.permute(0, 2, 3, 1)  # (N, H, W, C): contiguous for channels_last input
        if x.device.type == "cpu":
            # Autocast would widen to float32 and back; the CPU kernel takes bfloat16 input with float32 weights and
            # accumulates in float32 by itself, at twice the speed.
            with torch.autocast("cpu", enabled=False):
                normed = functional.layer_norm(pixels, self.weight.shape, self.weight, self.bias, EPSILON)
        else:
            normed = functional.layer_norm(pixels, self.weight.shape, self.weight, self.bias, EPSILON).to(x.dtype)
        return normed.permute(0, 3, 1, 2)


class Block(nn.Module):
    """`depth` convolutions with a shortcut around them, then `ChannelNorm`: (N, in, H, W) to (N, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, *, depth: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(out_channels if i else in_channels, out_channels, kernel, padding=kernel // 2)
            for i in range(depth)
        )
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()
        self.dropout = nn.Dropout2d(dropout)
        self.norm = ChannelNorm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for i, convolution in enumerate(self.convolutions):
            y = convolution(functional.relu(y) if i else y)
        y = functional.relu(y + self.shortcut(x))
        normed: Tensor = self.dropout(self.norm(y))
        return normed


class UNet(nn.Module):
    """Logits for each pixel: (N, 3, H, W) float to (N, classes, H, W), H and W multiples of `stride`.

    `widths` are the channels of each depth, coarsest last; each depth halves the resolution. `input_pool` max-pools
    the input first and `stem_stride` is the stride of the first convolution (1 = none, for both): what they save in
    time they cost in detail; logits are brought back to the input's size bilinearly. Dropout acts in the encoder only.
    """

    def __init__(
        self,
        *,
        classes: int,
        widths: tuple[int, ...],
        block_depth: int,
        kernel: int,
        stem_stride: int,
        input_pool: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.input_pool = input_pool
        self.feature_channels = widths[0]
        self.stride = input_pool * stem_stride * 2 ** (len(widths) - 1)
        self.stem = nn.Conv2d(3, widths[0], 2 * stem_stride + 1, stride=stem_stride, padding=stem_stride)
        self.encoder = nn.ModuleList(
            Block(widths[max(i - 1, 0)], width, depth=block_depth, kernel=kernel, dropout=dropout)
            for i, width in enumerate(widths)
        )
        self.decoder = nn.ModuleList(
            Block(widths[i] + widths[i + 1], widths[i], depth=block_depth, kernel=kernel, dropout=0.0)
            for i in reversed(range(len(widths) - 1))
        )
        self.head = nn.Conv2d(widths[0], classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # Biases stay zero at the start, so that masked pixels begin as zero in every layer before the norm.
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.head.weight, std=0.01)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer decides by: (N, feature_channels, h, w), at the resolution that the decoder reaches."""
        if self.input_pool > 1:
            x = functional.max_pool2d(x, self.input_pool)
        x = functional.relu(self.stem(x))
        skips: list[Tensor] = []
        for depth, block in enumerate(self.encoder):
            if depth:
                x = functional.max_pool2d(x, 2)
            x = block(x)
            skips.append(x)
        skips.pop()
        for block in self.decoder:
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, skips.pop()], dim=1))
        return x

    def decide(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits (N, classes, H, W) for `features` of an input of `size` (H, W)."""
        logits: Tensor = self.head(features)
        if tuple(logits.shape[-2:]) != size:
            logits = functional.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)
        return logits

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return self.decide(self.features(x), (height, width))
