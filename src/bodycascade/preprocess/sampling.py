"""One image of the data set as it goes into a pack."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.data.layout import Layout
from bodycascade.params import Preprocess
from bodycascade.preprocess.grayscale import kind_of
from bodycascade.preprocess.pack import Sample

UInt8 = npt.NDArray[np.uint8]


def read_sample(layout: Layout, name: str, settings: Preprocess) -> Sample:
    """The image `name` and its label map at the size of the pack, and its kind, found at native size."""
    image, mask = layout.read_image(name), layout.read_mask(name)
    kind = kind_of(image, settings.grayscale.tolerance)
    size = packed_size(mask.shape[0], mask.shape[1], settings.long_side)
    return Sample(name, *shrink(image, mask, size), kind)


def packed_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """(h, w) with the long side at most `long_side`, never enlarged; 0 leaves it as it is."""
    scale = long_side / max(height, width)
    if not long_side or scale >= 1:
        return height, width
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrink(image: UInt8, mask: UInt8, size: tuple[int, int]) -> tuple[UInt8, UInt8]:
    """`image` (H, W, 3) and `mask` (H, W) at `size` (h, w)."""
    if mask.shape == size:
        return image, mask
    small = Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS)
    # Between labels there is no label: only nearest neighbour keeps to those that are there.
    labels = Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST)
    return np.asarray(small), np.asarray(labels)
