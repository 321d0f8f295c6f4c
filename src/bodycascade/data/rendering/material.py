"""What a surface is made of: one or two colours, a pattern, a little unevenness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bodycascade.data.rendering.light import Array

RGB = tuple[float, float, float]

PATTERNS = ("plain", "bands", "stripes", "checks", "dots")


@dataclass(frozen=True)
class Material:
    """A surface: `colour` and `second` are RGB from 0 to 1; `period` is the pattern's in heads.

    `bands` run across a limb, `stripes` along it. `mottle` is the strength of slow brightness changes (folds, fur).
    """

    colour: RGB
    second: RGB = (1.0, 1.0, 1.0)
    pattern: str = "plain"
    period: float = 0.3
    mottle: float = 0.05
    gloss: float = 0.0

    def albedo(self, along: Array, across: Array) -> Array:
        """(n, 3) or (1, 3) RGB of the surface at (along, across), both (n,), in heads."""
        base = np.asarray(self.colour, np.float32)
        if self.pattern == "plain":
            return base[None, :]
        mix = self._mix(along / np.float32(self.period), across / np.float32(self.period))
        return base + mix[:, None] * (np.asarray(self.second, np.float32) - base)

    def _mix(self, along: Array, across: Array) -> Array:
        lengthwise = (np.mod(along, 1) < 0.45).astype(np.float32)
        sideways = (np.mod(across, 1) < 0.45).astype(np.float32)
        if self.pattern == "bands":
            return lengthwise
        if self.pattern == "stripes":
            return sideways
        if self.pattern == "checks":
            return (lengthwise + sideways) * np.float32(0.5)
        x, y = np.mod(along, 1) - np.float32(0.5), np.mod(across, 1) - np.float32(0.5)
        return (x * x + y * y < 0.07).astype(np.float32)


def tone(colour: RGB, factor: float) -> RGB:
    """`colour` made darker (factor < 1) or lighter (factor > 1), kept within 0 to 1."""
    return (min(1.0, colour[0] * factor), min(1.0, colour[1] * factor), min(1.0, colour[2] * factor))


def blend(one: RGB, other: RGB, weight: float) -> RGB:
    """`one` moved towards `other` by `weight` from 0 to 1."""
    r, g, b = (a + weight * (c - a) for a, c in zip(one, other, strict=True))
    return (r, g, b)
