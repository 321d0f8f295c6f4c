"""Panels: image, truth, prediction and errors of one picture, side by side."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.drawing import in_a_row, overlay
from bodycascade.hierarchy import Tree
from bodycascade.visualize.mistakes import COLOURS, error_map

BACKDROP = 0.45
"""Brightness of the gray image under the colours of an error map."""
PART_OPACITY, ERROR_OPACITY = 0.72, 0.88
"""How much of a colour covers the image below; the rest keeps folds and faces readable."""
JPEG_QUALITY = 86


@dataclass(frozen=True)
class PanelRow:
    """What per_image.csv says of one picture: `kind` is colour, gray or near_gray, `body_share` 0..1; `scores` has
    mIoU0, mIoU1, ... of this picture alone, None where it holds no class of the level."""

    id: str
    kind: str
    body_share: float
    scores: Mapping[str, float | None]


@dataclass(frozen=True)
class Panel:
    """One picture in four views of one size (h, w, 3) uint8 RGB; `wrong` is the share of pixels wrongly labelled."""

    row: PanelRow
    wrong: float
    image: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    predicted: npt.NDArray[np.uint8]
    errors: npt.NDArray[np.uint8]

    @property
    def views(self) -> tuple[tuple[str, npt.NDArray[np.uint8]], ...]:
        """The four views with their names, in the order shown."""
        return (
            ("image", self.image),
            ("truth", self.truth),
            ("prediction", self.predicted),
            ("errors", self.errors),
        )


def make_panel(
    image: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.uint8],
    predicted: npt.NDArray[np.uint8],
    *,
    row: PanelRow,
    tree: Tree,
    side: int,
) -> Panel:
    """The panel of an image (H, W, 3) uint8 RGB with label maps (H, W); views are at most `side` pixels long."""
    mistakes = error_map(truth, predicted)
    error_palette = np.zeros((max(COLOURS) + 1, 3), np.uint8)
    error_palette[list(COLOURS)] = list(COLOURS.values())
    backdrop = (_luminance(image) * np.float32(BACKDROP)).astype(np.uint8)
    return Panel(
        row=row,
        wrong=float((truth != predicted).mean()),
        image=_fit(image, side),
        truth=_fit(_painted(image, truth, tree.palette, PART_OPACITY), side),
        predicted=_fit(_painted(image, predicted, tree.palette, PART_OPACITY), side),
        errors=_fit(_painted(backdrop, mistakes, error_palette, ERROR_OPACITY), side),
    )


def jpeg_uri(view: npt.NDArray[np.uint8]) -> str:
    """A view (h, w, 3) uint8 RGB as a data URI that an HTML page holds inline."""
    buffer = io.BytesIO()
    # Full colour resolution: the coloured edges of small parts are what a reader looks at.
    Image.fromarray(view).save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def strip(panel: Panel) -> npt.NDArray[np.uint8]:
    """The four views in one row (h, 4 w + gaps, 3) uint8 RGB, for viewers that show one picture at a time."""
    return in_a_row([view for _, view in panel.views], gap=4)


def _painted(
    image: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8], opacity: float
) -> npt.NDArray[np.uint8]:
    # Luminance only under the colours: a red coat would turn the colour of a part into another part's.
    where = (labels > 0)[..., None]
    return overlay(np.where(where, _luminance(image), image), labels, palette, opacity)


def _luminance(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    gray = np.asarray(Image.fromarray(image).convert("L"))
    return np.repeat(gray[..., None], 3, axis=2)


def _fit(view: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    height, width = view.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(view).resize(size, Image.Resampling.LANCZOS))
