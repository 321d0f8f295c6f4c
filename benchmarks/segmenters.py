"""Segmenters as they are named on the command line."""

from __future__ import annotations

from pathlib import Path

from bodycascade.baselines import BodyPixSegmenter, ConstantSegmenter
from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import BodyCascadeError, BundleError
from bodycascade.flip_averaging import FlipAveraged
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.segmenter import Segmenter

RELEASED, FAST, TTA, BACKGROUND, BODYPIX = "released", "fast", "tta", "background", "bodypix"
PLAIN_WORDS = (RELEASED, FAST, TTA, BACKGROUND)
"""Those that take no folder."""

KINDS = (
    "released, fast (released too), fast=SHARE (with inputs at that share of their side), tta (released, asked twice, "
    "once mirrored), background, bodypix=FOLDER (Google's files), or a bundle as FOLDER or NAME=FOLDER"
)


def split_name(text: str) -> tuple[str, str]:
    """(name in the tables, folder, share or nothing) of a segmenter on the command line, of one of `KINDS`.

    A bundle without a name is called cascade: where it lies on a disk is nobody's business.
    """
    if text in PLAIN_WORDS:
        return text, ""
    name, given, folder = text.partition("=")
    if name == FAST and given:
        return text, folder
    if not given or Path(text).is_dir():
        name, folder = "cascade", text
    if not name or not folder or name in PLAIN_WORDS:
        raise BodyCascadeError(f"{text!r}: expected {KINDS}")
    return name, folder


def open_segmenter(text: str, *, device: str = "auto", precision: str | None = None) -> Segmenter:
    """The segmenter that `text` names; `precision` None is its own: float32 for BodyPix, auto for a cascade."""
    name, folder = split_name(text)
    if name == BACKGROUND:
        return ConstantSegmenter(PASCAL_PART, 0)
    if name == BODYPIX:
        return BodyPixSegmenter(folder, precision=precision or "float32", device=device)
    if name == TTA:
        cascade = open_cascade(RELEASED, device=device, precision=precision or "auto")
        return FlipAveraged.of(cascade)
    return open_cascade(text, device=device, precision=precision or "auto")


def open_cascade(
    text: str, *, device: str = "auto", precision: str = "auto", fast: bool | float = False
) -> CascadeSegmenter:
    """The cascade that `text` names, `fast` where that is asked here or there.

    Raises `BundleError` where it names something else, `BodyCascadeError` for a share that is none.
    """
    name, folder = split_name(text)
    if name.startswith(f"{FAST}="):
        return CascadeSegmenter.load(None, device, precision=precision, fast=_number(folder))
    if name in (TTA, BACKGROUND, BODYPIX):
        raise BundleError(f"{text!r} is no cascade; expected released, fast, fast=SHARE, FOLDER or NAME=FOLDER")
    path = None if name in (RELEASED, FAST) else Path(folder)
    return CascadeSegmenter.load(path, device, precision=precision, fast=fast or name == FAST)


def _number(share: str) -> float:
    try:
        return float(share)
    except ValueError:
        raise BodyCascadeError(f"fast={share}: expected a number, as in fast=0.55") from None
