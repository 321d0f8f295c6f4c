"""How a stored frame is turned into the one that a player shows, by the display matrix of its file.

A phone held upright stores lying frames and a matrix. ISO/IEC 14496-12, 6.2.2: the pixel (x, y) is shown at
(a x + c y, b x + d y), where the nine numbers of the matrix are a, b, u, c, d, v, x, y, w.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from bodycascade.video.pyav import av

NUMBERS = 9


@dataclass(frozen=True)
class Turn:
    """First rows and columns are swapped where `swaps`; then the frame is mirrored left-right, then up-down."""

    swaps: bool = False
    mirrors_columns: bool = False
    mirrors_rows: bool = False

    @classmethod
    def from_matrix(cls, matrix: npt.NDArray[np.int32]) -> Turn:
        """The quarter turn or mirroring nearest to a display matrix of nine numbers."""
        a, b, _, c, d = (int(number) for number in matrix[:5])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(swaps=False, mirrors_columns=a < 0, mirrors_rows=d < 0)
        return cls(swaps=True, mirrors_columns=c < 0, mirrors_rows=b < 0)

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Turn:
        """The turn that a decoded frame asks for; none where its file says nothing."""
        for data in cast("Iterable[Any]", frame.side_data):  # its type hints call it a mapping
            if data.type.name == "DISPLAYMATRIX":
                numbers = np.frombuffer(bytes(data), np.int32)
                return cls.from_matrix(numbers) if len(numbers) >= NUMBERS else cls()
        return cls()

    def apply(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """(H, W, 3) or (W, H, 3) uint8, contiguous: `image` (H, W, 3) as it is shown."""
        shown = image.transpose(1, 0, 2) if self.swaps else image
        shown = shown[:, ::-1] if self.mirrors_columns else shown
        shown = shown[::-1] if self.mirrors_rows else shown
        return np.ascontiguousarray(shown)
