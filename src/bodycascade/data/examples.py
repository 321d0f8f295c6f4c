"""An image with its truth: what is packed, learned from and measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Example:
    """One image: `image` (H, W, 3) uint8 RGB, `labels` (H, W) uint8 leaf labels, `kind` colour, gray or near_gray."""

    id: str
    image: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    kind: str
