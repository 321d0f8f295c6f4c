"""The label map as an indexed PNG: a picture to look at, whose pixel values are the labels."""

from __future__ import annotations

from typing import BinaryIO

from bodycascade.drawing import indexed
from bodycascade.segmentation import Segmentation


def write_labels(level: int, segmentation: Segmentation, file: BinaryIO) -> None:
    """PNG of mode P, of the picture's own size: the ids of `segmentation.level(level)` in the colours of the tree."""
    indexed(segmentation.level(level), segmentation.tree.level_palette(level)).save(file, "PNG")
