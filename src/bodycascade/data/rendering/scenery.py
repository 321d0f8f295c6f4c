"""Backgrounds."""

from __future__ import annotations

import numpy as np

from bodycascade.data.rendering.canvas import smooth_noise
from bodycascade.data.rendering.light import Array


def paint_scene(rng: np.random.Generator, height: int, width: int) -> tuple[Array, float, bool]:
    """(height, width, 3) RGB from 0 to 1, the y of the horizon as a fraction of the height, and whether it is outdoors."""
    horizon = float(rng.uniform(0.35, 0.6))
    sky, ground = rng.uniform(0.4, 0.95, 3), rng.uniform(0.2, 0.7, 3)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    picture = np.where(y < horizon, sky * (1 - 0.3 * y), ground * (0.6 + 0.5 * y)) * np.ones((1, width, 1))
    picture += 0.08 * smooth_noise(rng, height, width, cells=20)[:, :, None]
    return np.clip(picture, 0, 1).astype(np.float32), horizon, True
