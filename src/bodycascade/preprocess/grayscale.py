"""Pictures without colour: exactly gray, or gray but for a tint and JPEG's noise."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

KINDS = ("colour", "gray", "near_gray")
"""What a picture can be: of several colours; R = G = B everywhere; a monochrome with a tint or with noise."""

_LARGEST_BLOCK = 16
"""Side of the blocks that colour is averaged over: JPEG keeps colour at half resolution, in blocks of 8."""

_BLOCKS = 512
"""Smaller pictures get smaller blocks, so that there are about this many: a handful of them fits any tint."""

_TONES = 8
"""Number of brightness bands, equally filled, that each have a tint of their own: toning tints shadows more."""

_QUANTILE = 0.99
"""Part of the picture that must keep to the tint: a stamp or caption in colour may cover the rest."""


def kind_of(image: npt.NDArray[np.uint8], tolerance: float) -> str:
    """One of `KINDS` for `image` (H, W, 3) uint8 RGB; near_gray where `colour_spread` is at most `tolerance`."""
    if _is_gray(image):
        return "gray"
    return "near_gray" if tolerance > 0 and colour_spread(image) <= tolerance else "colour"


def colour_spread(image: npt.NDArray[np.uint8]) -> float:
    """How far the colours of `image` (H, W, 3) uint8 RGB lie from one tint per brightness, in 8-bit steps.

    0 for gray pictures; near 0 for sepia and other toned ones, since their colour is a function of their brightness.
    Measured on block means, so that sensor and JPEG noise average out.
    """
    means = _block_means(image)  # (blocks, 3)
    luma = means @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in JPEG
    chroma = np.stack([means[:, 2] - luma, means[:, 0] - luma], axis=1)  # (blocks, 2), blue and red difference
    order = np.argsort(luma, kind="stable")
    distances = [
        np.linalg.norm(chroma[band] - np.median(chroma[band], axis=0), axis=1)
        for band in np.array_split(order, min(_TONES, len(order)))
    ]
    return float(np.quantile(np.concatenate(distances), _QUANTILE))


def _is_gray(image: npt.NDArray[np.uint8]) -> bool:
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    return bool((red == green).all() and (green == blue).all())


def _block_means(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """(blocks, 3) float64: mean colour of each whole block."""
    height, width = image.shape[:2]
    side = max(1, min(_LARGEST_BLOCK, math.isqrt(height * width // _BLOCKS), height, width))
    rows, columns = height // side, width // side
    blocks = image[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    means: npt.NDArray[np.float64] = blocks.mean(axis=(1, 3), dtype=np.float64).reshape(-1, 3)
    return means
