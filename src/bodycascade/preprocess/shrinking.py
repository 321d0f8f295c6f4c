"""One image of the data set as it goes into a pack."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.data.examples import Example
from bodycascade.data.layout import Layout
from bodycascade.params import Preprocess
from bodycascade.preprocess.grayscale import kind_of

UInt8 = npt.NDArray[np.uint8]


def read_example(layout: Layout, name: str, settings: Preprocess) -> Example:
    """The image `name` and its label map at the size of the pack, and its kind, found at native size."""
    image, labels = layout.read_image(name), layout.read_labels(name)
    kind = kind_of(image, settings.grayscale.tolerance)
    size = packed_size(labels.shape[0], labels.shape[1], settings.long_side)
    return Example(name, *shrink(image, labels, size), kind)


def packed_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """(h, w) with the long side at most `long_side`, never enlarged; 0 leaves it as it is."""
    scale = long_side / max(height, width)
    if not long_side or scale >= 1:
        return height, width
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrink(image: UInt8, labels: UInt8, size: tuple[int, int]) -> tuple[UInt8, UInt8]:
    """`image` (H, W, 3) and `labels` (H, W) at `size` (h, w)."""
    if labels.shape == size:
        return image, labels
    small_image = Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS)
    # Between labels there is no label: only nearest neighbour keeps to those that are there.
    small_labels = Image.fromarray(labels).resize(size[::-1], Image.Resampling.NEAREST)
    return np.asarray(small_image), np.asarray(small_labels)
