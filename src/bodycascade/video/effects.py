"""What becomes of a frame once it is segmented. An effect may remember the frames before: each video has its own."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from bodycascade import drawing
from bodycascade.drawing import Picture
from bodycascade.errors import ImageError
from bodycascade.hierarchy import Tree
from bodycascade.imaging import read_image
from bodycascade.resizing import resize_image
from bodycascade.segmentation import Segmentation
from bodycascade.video.matting import Steadier, blend, blurred_background, soft_mask


class Effect(Protocol):
    """Frames of one video, in their order, to the frames that are written."""

    @property
    def level(self) -> int:
        """The finest level that it needs decided; coarser is faster."""

    def __call__(self, image: Picture, segmentation: Segmentation, time_seconds: float) -> Picture:
        """(H, W, 3) uint8 RGB, new: what is shown for the frame `image` (H, W, 3) of `time_seconds`."""


class Overlay:
    """The classes of a level painted over the picture with an `opacity` of 0 to 1; None shows them on black instead.

    `smooth_seconds`: see `Steadier`; 0 shows each frame's own answer.
    """

    def __init__(self, tree: Tree, *, level: int, opacity: float | None, smooth_seconds: float) -> None:
        tree.check_level(level)
        self.level = level
        self._tree, self._opacity = tree, opacity
        self._smooths = smooth_seconds > 0
        self._steadier = Steadier(smooth_seconds)

    def __call__(self, image: Picture, segmentation: Segmentation, time_seconds: float) -> Picture:
        """The frame painted."""
        ids, palette = segmentation.level(self.level), self._tree.level_palette(self.level)
        if self._smooths:
            ids = self._steadied(image, segmentation, time_seconds)
        if self._opacity is None:
            return drawing.colour_labels(ids, palette)
        return drawing.overlay(image, ids, palette, self._opacity)

    def _steadied(self, image: Picture, segmentation: Segmentation, time_seconds: float) -> npt.NDArray[np.uint8]:
        """(H, W) uint8 ids of the level, from steadied probabilities: somebody or not first, then which part."""
        table, names = self._tree.level_map(self.level), self._tree.levels[self.level]
        maps = np.stack([segmentation.probability(name) for name in names])
        maps = self._steadier(maps, image, time_seconds)
        ids = np.array([table[self._tree.labels(name)[0]] for name in names], np.uint8)
        chosen: npt.NDArray[np.uint8] = np.where(maps.sum(axis=0) > 0.5, ids[maps.argmax(axis=0)], np.uint8(0))
        return chosen


class Matte:
    """The node `name` white, all else black, gray at the edges: for editors, which take it as a luma matte."""

    def __init__(self, tree: Tree, name: str, *, smooth_seconds: float) -> None:
        self.level = tree.level_of(name)
        self._name, self._steadier = name, Steadier(smooth_seconds)

    def __call__(self, image: Picture, segmentation: Segmentation, time_seconds: float) -> Picture:
        """The frame's matte."""
        alpha = self._steadier(soft_mask(segmentation, self._name), image, time_seconds)
        gray = (alpha * 255 + np.float32(0.5)).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)


class Background:
    """The node `name` as it is, all else replaced by a `picture` (H, W, 3), cropped to fill, or blurred without one.

    `blur_fraction`: the blur's standard deviation as a fraction of the frame's long side.
    """

    def __init__(
        self, tree: Tree, name: str, *, picture: Picture | None, blur_fraction: float, smooth_seconds: float
    ) -> None:
        self.level = tree.level_of(name)
        self._name, self._picture, self._blur = name, picture, blur_fraction
        self._steadier = Steadier(smooth_seconds)
        self._fitted: Picture | None = None

    def __call__(self, image: Picture, segmentation: Segmentation, time_seconds: float) -> Picture:
        """The frame before another background."""
        alpha = self._steadier(soft_mask(segmentation, self._name), image, time_seconds)
        return blend(image, self._behind(image, alpha), alpha)

    def _behind(self, image: Picture, alpha: npt.NDArray[np.float32]) -> Picture:
        if self._picture is None:
            return blurred_background(image, alpha, self._blur * max(alpha.shape))
        if self._fitted is None or self._fitted.shape != image.shape:
            self._fitted = fill(self._picture, alpha.shape)
        return self._fitted


def read_background(text: str) -> Picture:
    """(h, w, 3) uint8: the picture in the file `text`, or one pixel of the colour that it names (green, #00ff00).

    Raises `ImageError` where it is neither.
    """
    if Path(text).exists():
        return read_image(text)
    try:
        colour = ImageColor.getrgb(text)
        return np.array([[colour[:3]]], np.uint8)
    except (ValueError, OverflowError):  # rgb(300, 0, 0) is read as it stands
        raise ImageError(f"{text}: neither a file that is there nor a colour like green or #00ff00") from None


def fill(picture: Picture, size: tuple[int, ...]) -> Picture:
    """(H, W, 3) uint8: the largest middle part of `picture` that has the shape of `size` (H, W), at that size."""
    height, width = size[:2]
    have_height, have_width = picture.shape[:2]
    factor = max(height / have_height, width / have_width)
    rows, columns = min(have_height, max(1, round(height / factor))), min(have_width, max(1, round(width / factor)))
    top, left = (have_height - rows) // 2, (have_width - columns) // 2
    return resize_image(picture[top : top + rows, left : left + columns], (height, width))
