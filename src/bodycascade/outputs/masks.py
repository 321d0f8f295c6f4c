"""One node of the tree: its mask, and the picture cut out along it."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFilter

from bodycascade.errors import ImageError
from bodycascade.segmentation import Segmentation

SOFTNESS = 1 / 700
"""A cut-out's edge is soft over this share of the picture's long side, to either side: about half a cell of the
experts' grids, within which they do not know where it runs. A sharp one in a large photograph would claim that they
do."""


def write_mask(node: str, segmentation: Segmentation, file: BinaryIO) -> None:
    """Gray PNG of the picture's own size: 255 where it shows `node`, else 0."""
    Image.fromarray(segmentation.mask(node).astype(np.uint8) * 255).save(file, "PNG")


def write_cutout(node: str, segmentation: Segmentation, file: BinaryIO) -> None:
    """RGBA PNG of the picture's own size, opaque where it shows `node`; what is transparent is black beneath."""
    cutout(segmentation, node).save(file, "PNG", icc_profile=segmentation.icc_profile)


def cutout(segmentation: Segmentation, node: str) -> Image.Image:
    """The picture (RGBA) with all but `node` transparent.

    Alpha is the mean of the mask over a square around each pixel: the edge is soft by a 700th of the long side to
    either side, at least by one pixel, and shows no stairs.
    Raises `ImageError` where the segmentation came without its image.
    """
    if segmentation.image is None:
        raise ImageError("a cut-out needs the picture; this segmentation came without it")
    mask = Image.fromarray(segmentation.mask(node).astype(np.uint8) * 255)
    alpha = np.asarray(mask.filter(ImageFilter.BoxBlur(max(1, round(SOFTNESS * max(mask.size))))))
    picture = np.zeros((*alpha.shape, 4), np.uint8)
    shown = alpha > 0  # hidden colours would be in the file still, for whoever drops its alpha
    picture[..., :3][shown] = segmentation.image[shown]
    picture[..., 3] = alpha
    return Image.fromarray(picture)
