"""A UNet whose contracting half is an encoder (Ronneberger et al. 2015, arXiv:1505.04597)."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from bodycascade.encoders.encoder import Encoder
from bodycascade.encoders.fusion import Convolution
from bodycascade.errors import BundleError, ImageError
from bodycascade.unet import ChannelNorm

EPSILON = 1e-3
"""What a channel's deviation is taken to be at least, lest a dead one be blown up."""


class DecoderBlock(nn.Module):
    """Two feature maps joined at the finer one's size: (N, deep, h, w) and (N, skip, s h, s w) to (N, out, s h, s w).

    Both are brought to `out` channels by 1 x 1 convolutions and added: that is a 1 x 1 convolution over both, with the
    coarse half of the work done before enlarging. Then come `depth` convolutions of `kernel`, each with a shortcut.
    """

    def __init__(self, deep_channels: int, skip_channels: int, out_channels: int, *, depth: int, kernel: int) -> None:
        super().__init__()
        self.deep = Convolution(deep_channels, out_channels, 1)
        self.skip = Convolution(skip_channels, out_channels, 1, bias=False)
        self.norms = nn.ModuleList(ChannelNorm(out_channels) for _ in range(depth + 1))
        self.convolutions = nn.ModuleList(
            Convolution(out_channels, out_channels, kernel, padding=kernel // 2) for _ in range(depth)
        )

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        x = self.skip(skip, functional.interpolate(self.deep(deep), size=skip.shape[-2:], mode="nearest"))
        x = functional.relu(self.norms[0](x))
        for convolution, norm in zip(self.convolutions, self.norms[1:], strict=True):
            x = functional.relu(norm(convolution(x, x)))
        return x


class ChannelScale(nn.Module):
    """A learned factor and offset for each channel: (N, C, H, W) in, the same out; at first they change nothing.

    The maps of a trunk with folded batch norms differ in size by a factor of 100 from channel to channel, and those of
    two trunks side by side even more: what is small would hardly be learned from.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.to(x.dtype).view(-1, 1, 1) + self.bias.to(x.dtype).view(-1, 1, 1)

    @torch.no_grad()
    def standardise(self, x: Tensor) -> None:
        """Give each channel of `x` (N, C, H, W) the mean 0 and the deviation 1 from now on."""
        values = x[:, 0].numel()
        # Of a single value per channel the usual estimate divides by 0.
        deviation, mean = torch.std_mean(x.float(), dim=(0, 2, 3), correction=min(1, values - 1))
        self.weight.copy_(1 / (deviation + EPSILON))
        self.bias.copy_(-mean / (deviation + EPSILON))


class EncoderUNet(nn.Module):
    """Logits for each pixel: (N, 3, H, W) normalised float to (N, classes, H, W) float, H and W multiples of `stride`.

    The decoder climbs one stride of the encoder per width of `decoder_widths`, coarsest first; from the stride that it
    reaches, logits are brought to the input's size bilinearly. With strides 2, 4, 8, 16, three widths end at stride 2
    and two at 4. Dropout acts on the encoder's maps only, by channel. Norms are per pixel, so a result does not depend
    on what shares the batch; nothing but the convolutions' own zeros is padded. Raises `BundleError` for widths that
    the encoder has no strides for, and `ImageError` for an input of another size.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        classes: int,
        decoder_widths: tuple[int, ...],
        block_depth: int,
        kernel: int,
        dropout: float,
    ) -> None:
        super().__init__()
        most = len(encoder.strides) - 1
        if not 1 <= len(decoder_widths) <= most:
            found = len(decoder_widths)
            raise BundleError(f"this encoder allows 1 to {most} decoder widths, found {found}; change their number")
        self.stride = encoder.strides[-1]
        self.feature_channels = decoder_widths[-1]
        self.encoder = encoder
        self.dropout = nn.Dropout2d(dropout)
        used = encoder.channels[-1 - len(decoder_widths) :]
        self.scales = nn.ModuleList(ChannelScale(channels) for channels in used)
        deep = (encoder.channels[-1], *decoder_widths)
        skips = encoder.channels[-2::-1]
        self.decoder = nn.ModuleList(
            DecoderBlock(deep[i], skips[i], width, depth=block_depth, kernel=kernel)
            for i, width in enumerate(decoder_widths)
        )
        self.head = Convolution(decoder_widths[-1], classes, 1)
        for module in (*self.decoder.modules(), self.head):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.head.weight, std=0.01)

    def train(self, mode: bool = True) -> Self:
        """Training or, with `mode` False, evaluation; an encoder whose weights are all frozen stays in evaluation.

        Otherwise the batch norms in timm's networks would go on to drift, and drop what they drop in training.
        """
        super().train(mode)
        if not any(parameter.requires_grad for parameter in self.encoder.parameters()):
            self.encoder.eval()
        return self

    def features(self, x: Tensor) -> Tensor:
        """What the last layer decides by: (N, feature_channels, h, w), at the resolution that the decoder reaches."""
        height, width = x.shape[-2:]
        if height % self.stride or width % self.stride or not height or not width:
            raise ImageError(
                f"the input is {height} x {width} pixels; resize it: both sides must be multiples of {self.stride}"
            )
        features: list[Tensor] = [self.dropout(scale(feature)) for scale, feature in self._scaled(x)]
        y: Tensor = features.pop()
        for block in self.decoder:
            y = block(y, features.pop())
        return y

    def _scaled(self, x: Tensor) -> list[tuple[ChannelScale, Tensor]]:
        features: list[Tensor] = self.encoder(x)[-len(self.scales) :]
        return list(zip(self.scales, features, strict=True))  # type: ignore[arg-type]

    @torch.no_grad()
    def standardise(self, x: Tensor) -> None:
        """Have the encoder's maps enter the decoder with mean 0 and deviation 1 per channel, as they are for `x`.

        `x` (N, 3, H, W) is normalised input, of several images.
        """
        for scale, feature in self._scaled(x):
            scale.standardise(feature)

    def decide(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits (N, classes, H, W) float32 for `features` of an input of `size` (H, W)."""
        logits: Tensor = self.head(features).float()
        return functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return self.decide(self.features(x), (height, width))
