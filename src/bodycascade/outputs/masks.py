"""One node of the tree: its mask, and the picture cut out along it."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image

from bodycascade.segmentation import Segmentation


def write_mask(node: str, segmentation: Segmentation, file: BinaryIO) -> None:
    """Gray PNG of the picture's own size: 255 where it shows `node`, else 0."""
    Image.fromarray(segmentation.mask(node).astype(np.uint8) * 255).save(file, "PNG")


def write_cutout(node: str, segmentation: Segmentation, file: BinaryIO) -> None:
    """RGBA PNG of the picture's own size: see `Segmentation.cutout`."""
    segmentation.cutout(node).save(file, "PNG")
