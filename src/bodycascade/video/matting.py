"""How much of each pixel belongs to somebody: soft at the edges, and steady from frame to frame."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from bodycascade.drawing import Picture
from bodycascade.resizing import resize_image
from bodycascade.segmentation import Segmentation

Alpha = npt.NDArray[np.float32]

RAMP = (0.25, 0.75)
"""Probabilities between which a pixel is neither wholly background nor wholly somebody: what lies outside this range
is decided, and would only let the other side shine through."""

CHANGE_SIDE = 160
"""Whether a pixel's picture changed is asked of the frames at this long side: noise averages out."""

CHANGED = 12.0
"""So many gray levels of change are movement: half an edge's contrast, some times the noise of a camera."""

_GAUSS_SIDE = 3.0
_SIGMAS = 2.5


def soft_mask(segmentation: Segmentation, name: str) -> Alpha:
    """(H, W) float32, 0 to 1: how much of each pixel shows the node `name`, smooth across its edge.

    Raises `TreeError` where the tree has no such node, or it was not decided.
    """
    low, high = RAMP
    share = np.clip((segmentation.probability(name) - low) / (high - low), 0, 1)
    alpha: Alpha = (share * share * (3 - 2 * share)).astype(np.float32)
    return alpha


class Steadier:
    """Maps of successive frames, each averaged with those before it, where the picture itself stands still.

    Flicker is a change of the answer without a change of the picture. So a map follows the newest answer at once where
    the picture moves, and with a time constant of `seconds` where it does not; nobody leaves a ghost behind, and after
    a cut nothing of the old scene is left. `seconds` 0 changes nothing.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._before: tuple[Alpha, Alpha, float] | None = None

    def __call__(self, maps: Alpha, image: Picture, time_seconds: float) -> Alpha:
        """(..., H, W) float32: `maps` of the frame `image` (H, W, 3) shown at `time_seconds`, steadied."""
        if self._seconds <= 0:
            return maps
        gray = _small_gray(image)
        if self._before is not None and self._before[0].shape == maps.shape:
            before, gray_before, time_before = self._before
            keep = math.exp(-max(0.0, time_seconds - time_before) / self._seconds)
            still = np.exp(-np.square((gray - gray_before) / CHANGED)) * np.float32(keep)
            weight = _at_size(still, (maps.shape[-2], maps.shape[-1]))
            maps = maps + weight * (before - maps)
        self._before = (maps, gray, time_seconds)
        return maps


def blurred_background(image: Picture, alpha: Alpha, sigma: float) -> Picture:
    """(H, W, 3) uint8: `image` blurred by a Gaussian of `sigma` pixels as if nobody were in it.

    Each pixel counts by how much of it is background (1 - `alpha`), so that no halo in the colours of a person
    surrounds them. It is made at a smaller size, where `sigma` is a few pixels.
    """
    height, width = alpha.shape
    factor = max(1.0, sigma / _GAUSS_SIDE)
    size = (max(1, round(height / factor)), max(1, round(width / factor)))
    # Never quite zero: deep inside a person only the person is left to be taken, and nobody sees it.
    weight = torch.from_numpy(np.maximum(1 - alpha, np.float32(1e-4)))[None]
    colours = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()
    weighted = torch.cat([colours * weight, weight])[None]  # (1, 4, H, W)
    small = functional.interpolate(weighted, size=size, mode="bilinear", antialias=True, align_corners=False)
    smooth = _gauss(small, sigma / factor)
    large = functional.interpolate(smooth, size=(height, width), mode="bilinear", align_corners=False)[0]
    picture = (large[:3] / large[3:]).clamp_(0, 255).add_(0.5).to(torch.uint8)
    blurred: Picture = picture.permute(1, 2, 0).contiguous().numpy()
    return blurred


def blend(front: Picture, back: Picture, alpha: Alpha) -> Picture:
    """(H, W, 3) uint8: `front` where `alpha` (H, W) is 1, `back` where it is 0, a mixture between; both (H, W, 3)."""
    share = alpha[..., None]
    mixed: Picture = (back + share * (front.astype(np.float32) - back) + np.float32(0.5)).astype(np.uint8)
    return mixed


def _gauss(maps: torch.Tensor, sigma: float) -> torch.Tensor:
    """(1, C, h, w): `maps` under a Gaussian of `sigma` cells, edges repeated."""
    reach = max(1, math.ceil(_SIGMAS * sigma))
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (steps / max(sigma, 1e-3)) ** 2)
    kernel = kernel / kernel.sum()
    channels = maps.shape[1]
    padded = functional.pad(maps, (reach, reach, reach, reach), mode="replicate")
    across = functional.conv2d(padded, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return functional.conv2d(across, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def _small_gray(image: Picture) -> Alpha:
    height, width = image.shape[:2]
    factor = min(1.0, CHANGE_SIDE / max(height, width))
    small = resize_image(image, (max(1, round(height * factor)), max(1, round(width * factor))))
    gray: Alpha = small.astype(np.float32).mean(axis=2)
    return gray


def _at_size(small: Alpha, size: tuple[int, int]) -> Alpha:
    tensor = torch.from_numpy(np.ascontiguousarray(small))[None, None]
    large: Alpha = functional.interpolate(tensor, size=size, mode="bilinear", align_corners=False)[0, 0].numpy()
    return large
