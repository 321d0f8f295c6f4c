"""The result of segmenting one image: labels at its own size, probabilities on demand, views by level and by node."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade import drawing
from bodycascade.errors import ImageError, TreeError
from bodycascade.hierarchy import Tree

SHOWN_SIDE = 1024
"""Pixels of the long side, at most, of what a notebook shows."""


class Segmentation:
    """What each pixel of an image shows.

    `parts` (H, W) uint8: the leaf label of each pixel, at the image's own size. `tree`: the classes. `image`
    (H, W, 3) uint8 RGB or None: the picture itself, for `overlay`; it is the array that was given, not a copy.
    `icc_profile`: which colours its numbers stand for, None for sRGB; files that show the picture carry it.
    `finest`: the finest level that was decided; asking for anything finer raises `TreeError`. Every view is derived
    from one label map, so levels cannot contradict each other.
    """

    def __init__(
        self,
        tree: Tree,
        parts: npt.NDArray[np.uint8],
        *,
        image: npt.NDArray[np.uint8] | None = None,
        probs: Callable[[], npt.NDArray[np.float32]] | None = None,
        finest: int | None = None,
        icc_profile: bytes | None = None,
    ) -> None:
        """`probs` computes the probabilities when they are first asked for; without it the labels count as certain.

        `finest`: the level down to which `parts` is right (None: all), where its labels are any leaf of the class.
        Raises `ImageError` where `parts` is not a uint8 map (H, W) of the tree's labels, or not of the image's size.
        """
        if parts.dtype != np.uint8 or parts.ndim != 2 or (parts.size and int(parts.max()) >= tree.num_labels):
            raise ImageError(
                f"expected a uint8 label map (H, W) with labels 0 to {tree.num_labels - 1}; "
                f"found {parts.dtype} {parts.shape}, labels up to {parts.max() if parts.size else 0}"
            )
        if image is not None and image.shape != (*parts.shape, 3):
            raise ImageError(f"the image is {image.shape[:2]}, its label map {parts.shape}; they must have one size")
        self.tree = tree
        self.finest = len(tree.levels) - 1 if finest is None else finest
        self.image = image
        self.icc_profile = icc_profile
        self._parts = parts
        self._compute_probs = probs

    @property
    def parts(self) -> npt.NDArray[np.uint8]:
        """(H, W) uint8: the leaf label of each pixel."""
        self._require(len(self.tree.levels) - 1)
        return self._parts

    @cached_property
    def probs(self) -> npt.NDArray[np.float32]:
        """(labels, H, W) float32: the probability of each leaf label (channel = label), summing to 1 at each pixel.

        Computed at the first access and kept: 28 bytes a pixel for seven labels.
        """
        self._require(len(self.tree.levels) - 1)
        return self._leaf_probs

    def probability(self, name: str) -> npt.NDArray[np.float32]:
        """(H, W) float32, 0 to 1: how probable the node `name` is at each pixel; soft where `mask` is hard.

        It needs only the level that tells the node from its siblings: `segmenter(image, level=0)` is enough for the
        body. Raises `TreeError` where the tree has no such node, or the node was not decided.
        """
        self._require(self.tree.level_of(name))
        total: npt.NDArray[np.float32] = self._leaf_probs[list(self.tree.labels(name))].sum(axis=0)
        return total

    @cached_property
    def _leaf_probs(self) -> npt.NDArray[np.float32]:
        """(labels, H, W) float32: right down to the finest level decided; below it a node's share is divided freely."""
        if self._compute_probs is not None:
            return self._compute_probs()
        every = np.arange(self.tree.num_labels, dtype=np.uint8)[:, None, None]
        certain: npt.NDArray[np.float32] = (self._parts == every).astype(np.float32)
        return certain

    def level(self, level: int) -> npt.NDArray[np.uint8]:
        """(H, W) uint8: the ids of `tree.level_map(level)`, 0 the background; the finest level equals `parts`.

        Raises `TreeError` where there is no such level, or it was not decided.
        """
        table = self.tree.level_map(level)
        self._require(level)
        ids: npt.NDArray[np.uint8] = np.take(table, self._parts)
        return ids

    def mask(self, name: str) -> npt.NDArray[np.bool_]:
        """(H, W) bool: where the image shows the node `name` ("head", "upper_body", "body", "background", ...).

        Raises `TreeError`, with the names there are, where the tree has no such node, and where it was not decided.
        """
        chosen = np.zeros(self.tree.num_labels, np.bool_)
        chosen[list(self.tree.labels(name))] = True
        self._require(self.tree.level_of(name))
        return np.take(chosen, self._parts)

    def share(self, name: str) -> float:
        """The fraction of the image, 0 to 1, that the node `name` covers; raises `TreeError` as `mask` does."""
        return float(self.mask(name).mean()) if self._parts.size else 0.0

    def overlay(self, level: int | None = None, *, opacity: float = drawing.OPACITY) -> Image.Image:
        """The image with the classes of `level` (None: the finest decided) painted over it, or these alone.

        An RGB picture of the image's own size. `opacity` of the colours, 0 to 1; the background has none. Raises
        `TreeError` for a level that there is not, or that was not decided, `ImageError` for another opacity.
        """
        level = self.finest if level is None else level
        labels, palette = self.level(level), self.tree.level_palette(level)
        if self.image is None:
            return Image.fromarray(drawing.colour_labels(labels, palette))
        return self._with_profile(Image.fromarray(drawing.overlay(self.image, labels, palette, opacity)))

    def cutout(self, name: str) -> Image.Image:
        """The image (RGBA, of its own size) with all but the node `name` transparent; edges are a little soft.

        Raises `TreeError` as `mask` does, and `ImageError` where the segmentation came without its image.
        """
        if self.image is None:
            raise ImageError("a cut-out needs the picture; this segmentation came without it")
        return self._with_profile(Image.fromarray(drawing.cutout(self.image, self.mask(name))))

    def __repr__(self) -> str:
        height, width = self._parts.shape
        names = self.tree.level_names(self.finest)
        counts = np.bincount(self.level(self.finest).ravel(), minlength=len(names))
        total = max(1, self._parts.size)
        shown = [f"{name} {n / total:.1%}" for name, n in zip(names, counts, strict=True) if n]
        return f"<Segmentation {height} x {width}: {', '.join(shown)}>"

    def _with_profile(self, picture: Image.Image) -> Image.Image:
        if self.icc_profile is not None:
            picture.info["icc_profile"] = self.icc_profile  # what Pillow writes into a PNG
        return picture

    def _require(self, level: int) -> None:
        if level > self.finest:
            raise TreeError(
                f"only level {self.finest} and coarser was decided here, not level {level}; "
                "call the segmenter without a level"
            )

    def _repr_png_(self) -> bytes:
        """The overlay as PNG, which notebooks show; a large one smaller, since notebooks keep what they show."""
        file = io.BytesIO()
        overlay = self.overlay()
        overlay.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        overlay.save(file, "PNG")
        return file.getvalue()


SegmentAll = Callable[[Sequence[drawing.Picture]], Sequence[Segmentation]]
"""What segments several (H, W, 3) uint8 RGB arrays, in their order."""
