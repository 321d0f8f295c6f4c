"""Light that falls on a picture, and what a camera does to it afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """One light: `direction` points towards it (x right, y down, z to the viewer; unit length).

    A surface that faces it has its colour times `bright`, one turned away its colour times `dim` (RGB factors).
    """

    direction: tuple[float, float, float]
    bright: tuple[float, float, float]
    dim: tuple[float, float, float]

    def shade(self, lambert: Array) -> Array:
        """(n, 3) RGB factors for the cosine between surface and light, (n,), from -1 to 1."""
        # Half-Lambert: the dark side keeps its form, as under an open sky.
        weight = np.square(0.5 + 0.5 * lambert)[:, None]
        factors: Array = np.asarray(self.dim, np.float32) + weight * np.subtract(self.bright, self.dim).astype(
            np.float32
        )
        return factors


def random_light(rng: np.random.Generator, *, outdoor: bool) -> Light:
    """A light from above, left or right; outdoor light is harder, indoor light warmer."""
    side = rng.uniform(0.25, 0.85) * rng.choice([-1.0, 1.0])
    vector = np.array([side, -rng.uniform(0.45, 0.8), rng.uniform(0.35, 0.8)])
    vector /= np.linalg.norm(vector)
    power = rng.uniform(1.12, 1.28)
    warm = rng.uniform(0.0, 0.05) if outdoor else rng.uniform(0.0, 0.09)
    dim = rng.uniform(0.34, 0.5) if outdoor else rng.uniform(0.44, 0.6)
    return Light(
        (float(vector[0]), float(vector[1]), float(vector[2])),
        (power, power * (1 - warm / 2), power * (1 - warm)),
        (dim * (1 - warm), dim, dim * (1 + 1.5 * warm)),
    )


def develop(colour: Array, rng: np.random.Generator, *, grayscale: bool) -> npt.NDArray[np.uint8]:
    """The photograph of a picture: (H, W, 3) RGB from 0 to 1 gets exposure, a colour cast, vignette, blur and noise.

    Returns (H, W, 3) uint8 RGB; all three channels are equal where `grayscale`.
    """
    height, width = colour.shape[:2]
    out = colour * np.float32(rng.uniform(0.9, 1.08))
    out = out * rng.normal(1.0, 0.025, 3).astype(np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    out = out * (1 - np.float32(rng.uniform(0.0, 0.16)) * (x * x + y * y))[:, :, None]
    contrast = np.float32(rng.uniform(0.9, 1.1))
    out = (out - 0.5) * contrast + 0.5
    radius = rng.choice([0.0, 0.0, 0.4, 0.7]) * min(height, width) / 256
    sharp = Image.fromarray(_to_bytes(out))
    soft = np.asarray(sharp.filter(ImageFilter.GaussianBlur(float(radius)))) if radius else np.asarray(sharp)
    grain = rng.normal(0.0, 255 * rng.uniform(0.003, 0.012), (height, width, 1))
    tint = rng.normal(0.0, 255 * rng.uniform(0.001, 0.005), (height, width, 3))
    noisy = _to_bytes((soft + (grain + tint)).astype(np.float32) / np.float32(255))
    if not grayscale:
        return noisy
    luma = noisy.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
    return np.repeat((luma + 0.5).astype(np.uint8)[:, :, None], 3, axis=2)


def _to_bytes(colour: Array) -> npt.NDArray[np.uint8]:
    scaled: npt.NDArray[np.uint8] = (np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8)
    return scaled
