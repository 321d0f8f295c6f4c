"""What a segmenter is measured on: an image with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Example:
    """One image of a split at its native size.

    `image` (H, W, 3) uint8 RGB; `truth` (H, W) uint8 leaf labels; `kind` is colour, gray or near_gray.
    """

    id: str
    image: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    kind: str
