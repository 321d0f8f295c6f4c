"""The label map as an indexed PNG: a picture to look at, whose pixel values are the labels."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from bodycascade.segmentation import Segmentation


def write_labels(level: int, segmentation: Segmentation, file: BinaryIO) -> None:
    """PNG of mode P, of the picture's own size: the ids of `segmentation.level(level)` in the colours of the tree."""
    picture = Image.fromarray(segmentation.level(level))
    picture.putpalette(segmentation.tree.level_palette(level).tobytes())
    picture.save(file, "PNG")
