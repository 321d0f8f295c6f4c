"""What the speed benchmark times: each is built by a function that another process can call too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.plain_unet import CPU, PlainUNetSegmenter
from benchmarks.segmenters import open_cascade
from bodycascade.baselines import BodyPixSegmenter
from bodycascade.baselines.bodypix import Frame
from bodycascade.devices import over_cores, runs_bfloat16
from bodycascade.errors import MissingExtraError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.imaging import read_image
from bodycascade.segmenter import Segmenter

Picture = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""


@dataclass(frozen=True)
class Subject:
    """Something built: `call` segments pictures, `precision` (float32 or bfloat16) is what its networks run in."""

    call: Callable[[Sequence[Picture]], object]
    precision: str


@dataclass(frozen=True)
class Contestant:
    """A row of the tables: `build` makes it; a call is given `at_once` pictures."""

    name: str
    build: Callable[[], Subject]
    at_once: int = 1


SMALL_SHARE = 0.55
"""Of the inputs' side, in the fastest of our rows; its scores on val are above BodyPix's still."""


def precisions() -> tuple[str, ...]:
    """What there is to compare on this CPU: float32, and bfloat16 where it has instructions for it."""
    return ("bfloat16", "float32") if runs_bfloat16(CPU) else ("float32",)


def contestants(
    cascade: str, *, bodypix: str | None, unet: str | None, at_once: int
) -> tuple[list[Contestant], dict[str, str]]:
    """The rows, and what is left out with the reason.

    `cascade` as on the command line; `bodypix`: folder of Google's files; `unet`: encoder of the plain UNet, whose
    input has the cascade's size.
    """
    side = open_cascade(cascade, device="cpu").experts[0].settings.input_side
    small = f"fast cascade, inputs at {SMALL_SHARE}"
    rows = [
        Contestant("cascade", partial(build_cascade, cascade, level=None)),
        Contestant("cascade, body alone", partial(build_cascade, cascade, level=0)),
        Contestant(f"cascade, {at_once} at once", partial(build_cascade_batch, cascade, fast=False), at_once),
        Contestant("fast cascade", partial(build_cascade, cascade, level=None, fast=True)),
        Contestant("fast cascade, body alone", partial(build_cascade, cascade, level=0, fast=True)),
        Contestant(small, partial(build_cascade, cascade, level=None, fast=SMALL_SHARE)),
        Contestant(f"{small}, {at_once} at once", partial(build_cascade_batch, cascade, fast=SMALL_SHARE), at_once),
    ]
    missing = {}
    for precision in reversed(precisions()):
        if bodypix is not None:
            rows += [
                Contestant(f"BodyPix {precision}", partial(build_bodypix, bodypix, precision)),
                Contestant(
                    f"BodyPix {precision}, {at_once} at once", partial(build_bodypix_batch, bodypix, precision), at_once
                ),
                Contestant(f"BodyPix {precision}, network", partial(build_bodypix_network, bodypix, precision)),
            ]
    if bodypix is None:
        missing["BodyPix"] = "the folder of its files was not named; name it with --bodypix"
    try:
        for precision in precisions() if unet is not None else ():
            build = partial(build_unet, str(unet), side, precision)
            build()  # what it needs may not be installed
            rows.append(Contestant(f"UNet {unet} {precision}", build))
    except MissingExtraError as error:
        missing["UNet"] = str(error)
    return rows, missing


def build_cascade(text: str, *, level: int | None, fast: bool | float = False) -> Subject:
    """The cascade down to `level`, one image a call."""
    cascade = open_cascade(text, device="cpu", fast=fast)
    return Subject(lambda pictures: [cascade(picture, level=level) for picture in pictures], cascade.precision)


def build_cascade_batch(text: str, *, fast: bool | float) -> Subject:
    """The cascade at all levels, all images of a call together."""
    cascade = open_cascade(text, device="cpu", fast=fast)
    return Subject(cascade.batch, cascade.precision)


def build_bodypix(folder: str, precision: str) -> Subject:
    """BodyPix with all that is done before and after its network."""
    return _one_by_one(BodyPixSegmenter(folder, precision=precision, device="cpu"), precision)


def build_bodypix_batch(folder: str, precision: str) -> Subject:
    """The same, the images of a call shared among the cores, as the cascade does it."""
    bodypix = BodyPixSegmenter(folder, precision=precision, device="cpu")
    return Subject(lambda pictures: over_cores(bodypix, pictures), precision)


def build_bodypix_network(folder: str, precision: str) -> Subject:
    """BodyPix's network alone, with the making of its input."""
    bodypix = BodyPixSegmenter(folder, precision=precision, device="cpu")

    def call(pictures: Sequence[Picture]) -> object:
        frames = [Frame.around(*picture.shape[:2], side=bodypix.side) for picture in pictures]
        return [
            bodypix.logits(frame.network_input(read_image(picture), CPU))
            for frame, picture in zip(frames, pictures, strict=True)
        ]

    return Subject(call, precision)


def build_unet(encoder: str, side: int, precision: str) -> Subject:
    """The plain UNet; see `PlainUNetSegmenter`."""
    return _one_by_one(PlainUNetSegmenter(PASCAL_PART, encoder=encoder, side=side, precision=precision), precision)


def build_nothing() -> Subject:
    """What Python and the imported packages take by themselves."""
    return Subject(lambda pictures: None, "float32")


def _one_by_one(segmenter: Segmenter, precision: str) -> Subject:
    return Subject(lambda pictures: [segmenter(picture) for picture in pictures], precision)
