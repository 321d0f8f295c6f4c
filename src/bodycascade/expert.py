"""One expert: a UNet, the node that it splits, and how its input is made.

Training and prediction both call `Expert.prepare`, so they cannot disagree on normalisation or masking.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bodycascade.encoders import ENCODERS, EncoderUNet, is_encoder, make_encoder
from bodycascade.errors import BundleError, TreeError
from bodycascade.hierarchy import Tree
from bodycascade.unet import UNet

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Per-channel mean and standard deviation of ImageNet's photographs, RGB, on the scale 0 to 255."""

NO_ENCODER = "none"
"""What `ExpertSettings.encoder` says of a network that is this package's own UNet throughout."""

MASK_FORMS = ("hard", "soft")

LARGEST_INPUT = 4096
MOST_CHANNELS = 4096
LARGEST_COLOUR, LEAST_STD = 1e6, 1e-3


@dataclass(frozen=True)
class ExpertSettings:
    """All that rebuilds an expert but its weights and its tree.

    `encoder`: none, or the pretrained trunk that the network stands on (see `encoders`): then `stem_stride` and
    `input_pool` are 1, and `mean` and `std` are the trunk's. `widths`: channels per resolution; without an encoder from
    fine to coarse, with one those of the decoder, from coarse to fine. `input_side`: what the long side of what it
    looks at is resized to, in pixels. `mask_threshold`: the probability from which a pixel may be of
    the expert's node; where none is, it does not run. `mask_form`: hard (a pixel is seen from that threshold on, or
    not), or soft (it is as strong as that probability). `outside`: the strength that pixels keep outside the node, 0
    for none. `mean`, `std`: RGB, on the scale 0 to 255. The others are those of `UNet`.
    """

    expert: str
    encoder: str
    input_side: int
    widths: tuple[int, ...]
    block_depth: int
    kernel: int
    stem_stride: int
    input_pool: int
    dropout: float
    mask_threshold: float
    mask_form: str
    outside: float
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    @classmethod
    def of(cls, expert: str, chosen: Any) -> ExpertSettings:
        """The settings of `expert`, as `chosen` has them under the same names: a `params.TrainParams`, which the core
        does not know. `mean` and `std` are the encoder's. Raises `BundleError` for an unknown encoder.
        """
        mean, std = IMAGENET_MEAN, IMAGENET_STD
        if chosen.encoder != NO_ENCODER:
            with torch.device("meta"):  # no memory, no random numbers
                encoder = make_encoder(chosen.encoder)
            mean, std = encoder.mean, encoder.std
        return cls(
            expert=expert,
            encoder=chosen.encoder,
            input_side=chosen.input_side,
            widths=tuple(chosen.widths),
            block_depth=chosen.block_depth,
            kernel=chosen.kernel,
            stem_stride=chosen.stem_stride,
            input_pool=chosen.input_pool,
            dropout=chosen.dropout,
            mask_threshold=chosen.mask_threshold,
            mask_form=chosen.mask_form,
            outside=chosen.outside,
            mean=mean,
            std=std,
        )

    def to_json(self) -> dict[str, Any]:
        """The settings as plain data; `from_json` gives equal settings back."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    @classmethod
    def from_json(cls, data: object) -> ExpertSettings:
        """The settings that `to_json` wrote; raises `BundleError` on anything else."""
        names = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(data, dict) or sorted(data) != sorted(names):
            found = ", ".join(map(str, data)) if isinstance(data, dict) else type(data).__name__
            raise BundleError(f"expert settings must have exactly {', '.join(names)}; found {found}")
        for key, (least, most) in _WHOLE.items():
            if type(data[key]) is not int or not least <= data[key] <= most:
                raise BundleError(f"expert settings: {key} must be from {least} to {most}; found {data[key]!r}")
        for key in ("dropout", "mask_threshold", "outside"):
            if type(data[key]) not in (int, float) or not 0 <= data[key] <= 1:
                raise BundleError(f"expert settings: {key} must be from 0 to 1; found {data[key]!r}")
        if data["kernel"] % 2 == 0:
            raise BundleError(f"expert settings: kernel must be odd; found {data['kernel']}")
        return cls(
            expert=_word(data["expert"]),
            encoder=_encoder(data),
            input_side=data["input_side"],
            widths=_widths(data["widths"]),
            block_depth=data["block_depth"],
            kernel=data["kernel"],
            stem_stride=data["stem_stride"],
            input_pool=data["input_pool"],
            dropout=float(data["dropout"]),
            mask_threshold=float(data["mask_threshold"]),
            mask_form=_choice("mask_form", data["mask_form"], MASK_FORMS),
            outside=float(data["outside"]),
            mean=_colour("mean", data["mean"]),
            std=_colour("std", data["std"]),
        )


class Expert(nn.Module):
    """The network that splits one node of `tree`: raises `TreeError` where the tree has no such expert."""

    mean: Tensor
    std: Tensor

    def __init__(self, tree: Tree, settings: ExpertSettings) -> None:
        super().__init__()
        self.tree = tree
        self.settings = settings
        self.spec = tree.expert(settings.expert)
        self.unet = _network(settings, classes=len(self.spec.children))
        for name, colour in (("mean", settings.mean), ("std", settings.std)):
            # On the CPU even where the network is made on "meta", without memory: no file brings these numbers.
            values = torch.tensor(colour, dtype=torch.float32, device="cpu").view(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    @property
    def stride(self) -> int:
        """Both sides of an input are multiples of this many pixels."""
        stride: int = self.unet.stride
        return stride

    def input_shape(self, height: int, width: int, *, share: float = 1.0) -> tuple[int, int]:
        """(h, w) that an image of (height, width) is resized to: its long side becomes that `share` of `input_side`.

        Both sides are rounded to multiples of `stride`, at least one stride. Nothing is padded: the slight change of
        aspect costs less than borders that no photograph has.
        """
        scale = share * self.settings.input_side / max(height, width)
        rounded = (max(1, round(side * scale / self.stride)) * self.stride for side in (height, width))
        h, w = rounded
        return h, w

    def mask(self, probability: Tensor) -> Tensor:
        """What `prepare` takes as the parent, for the `probability` (..., h, w) float32 of the expert's node.

        bool where the settings ask for a hard mask; else the probability itself.
        """
        if self.settings.mask_form == "soft":
            return probability
        return probability >= self.settings.mask_threshold

    def prepare(self, images: Tensor, parent: Tensor | None) -> Tensor:
        """Network input (N, 3, h, w) float32 from `images` (N, 3, h, w) uint8 RGB; the argument is left as it is.

        `parent` (N, h, w), as `mask` gives it, marks the pixels of the expert's node: the others are weakened to the
        share `outside` after normalisation, by default to zero. The root's expert sees everything and takes None.
        Raises `TreeError` where a mask is missing or not wanted.
        """
        if (parent is None) != (self.spec.parent is None):
            wanted = "no parent mask" if self.spec.parent is None else "a parent mask"
            raise TreeError(f"the expert {self.spec.name!r} takes {wanted}")
        x = (images.to(torch.float32) - self.mean) / self.std
        if parent is not None:
            strength = parent.to(x.dtype)
            if self.settings.outside:
                strength = self.settings.outside + (1 - self.settings.outside) * strength
            x = x * strength.unsqueeze(1)
        return x.contiguous(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, children, h, w) for prepared input (N, 3, h, w); children in the order of `spec.children`."""
        logits: Tensor = self.unet(x)
        return logits

    @torch.inference_mode()
    def predict(self, images: Tensor, parent: Tensor | None) -> Tensor:
        """Probability of each child given the node, (N, children, h, w) float32, for `prepare`'s arguments."""
        logits: Tensor = self(self.prepare(images, parent))
        return logits.float().softmax(dim=1)


def _network(settings: ExpertSettings, *, classes: int) -> UNet | EncoderUNet:
    if settings.encoder == NO_ENCODER:
        return UNet(
            classes=classes,
            widths=settings.widths,
            block_depth=settings.block_depth,
            kernel=settings.kernel,
            stem_stride=settings.stem_stride,
            input_pool=settings.input_pool,
            dropout=settings.dropout,
        )
    return EncoderUNet(
        make_encoder(settings.encoder),
        classes=classes,
        decoder_widths=settings.widths,
        block_depth=settings.block_depth,
        kernel=settings.kernel,
        dropout=settings.dropout,
    )


_WHOLE = {
    "input_side": (1, LARGEST_INPUT),
    "block_depth": (1, 16),
    "kernel": (1, 31),
    "stem_stride": (1, 8),
    "input_pool": (1, 8),
}


def _word(value: object) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise BundleError(f"expert settings: expert must be a plain word; found {value!r}")
    return value


def _encoder(data: dict[str, Any]) -> str:
    name = data["encoder"]
    known = isinstance(name, str) and (name == NO_ENCODER or is_encoder(name))
    if not isinstance(name, str) or not known:
        raise BundleError(f"expert settings: encoder must be {', '.join((NO_ENCODER, *ENCODERS))}; found {name!r}")
    if name != NO_ENCODER and (data["stem_stride"], data["input_pool"]) != (1, 1):
        raise BundleError("expert settings: with an encoder, stem_stride and input_pool must be 1")
    return name


def _choice(key: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise BundleError(f"expert settings: {key} must be one of {', '.join(choices)}; found {value!r}")
    return value


def _widths(value: object) -> tuple[int, ...]:
    shaped = isinstance(value, list) and 1 <= len(value) <= 8
    if not isinstance(value, list) or not shaped or not all(type(w) is int and 0 < w <= MOST_CHANNELS for w in value):
        raise BundleError(f"expert settings: widths must be 1 to 8 channel counts; found {value!r}")
    return tuple(value)


def _colour(key: str, value: object) -> tuple[float, float, float]:
    shaped = isinstance(value, list) and len(value) == 3
    if not isinstance(value, list) or not shaped or not all(_usable(part) for part in value):
        raise BundleError(f"expert settings: {key} must be three numbers (std above 0); found {value!r}")
    if key == "std" and min(value) < LEAST_STD:
        raise BundleError(f"expert settings: std must be at least {LEAST_STD}; found {value!r}")
    return (float(value[0]), float(value[1]), float(value[2]))


def _usable(value: object) -> bool:
    # Compared, not asked whether it is finite: JSON's whole numbers may be larger than any float. NaN fails both.
    return type(value) in (int, float) and -LARGEST_COLOUR <= value <= LARGEST_COLOUR  # type: ignore[operator]
