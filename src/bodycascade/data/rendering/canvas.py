"""A picture being painted: colour, part labels and who owns each pixel, always in step.

Two shaded solids make up nearly everything: tubes (limbs, trunks, bottles) and ellipsoids (heads, balls, bushes).
All sizes are pixels of the enlarged picture; `finish` reduces colour and labels together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from bodycascade.data.rendering.light import Array, Light
from bodycascade.data.rendering.material import Material

Point = tuple[float, float]
Station = tuple[float, float, float]
"""Where along the axis (0 to 1), radius on its left, radius on its right, looking from start to end."""

_TABLE = 96


@dataclass(frozen=True)
class Tube:
    """A solid around the straight axis from `start` to `end`, as thick as its `stations` say, with rounded ends.

    `caps` are the lengths of the two ends in units of their radius (0 is a flat cut).
    """

    start: Point
    end: Point
    stations: tuple[Station, ...]
    material: Material
    label: int = 0
    caps: tuple[float, float] = (1.0, 1.0)
    shadow: float = 0.0


@dataclass(frozen=True)
class Ellipsoid:
    """A solid with half-axes `radii`, turned by the 3 x 3 `rotation` (its columns are its axes on the screen).

    `cut` = (x, y, z, d) keeps only the surface where x*X + y*Y + z*Z > d, in units of the radii.
    """

    centre: Point
    radii: tuple[float, float, float]
    material: Material
    label: int = 0
    rotation: npt.NDArray[np.float64] | None = None
    cut: tuple[float, float, float, float] | None = None
    shadow: float = 0.0


class Canvas:
    """Colour (H, W, 3) float32 RGB from 0 to 1, labels (H, W) uint8 and owner (H, W) uint8 of one picture."""

    def __init__(self, background: Array, light: Light, rng: np.random.Generator) -> None:
        self.colour = np.ascontiguousarray(background, np.float32)
        self.height, self.width = background.shape[:2]
        self.labels = np.zeros((self.height, self.width), np.uint8)
        self.owner = np.zeros((self.height, self.width), np.uint8)
        self.light = light
        self.actor = 0
        self.unit = 1.0
        self._folds = smooth_noise(rng, self.height, self.width, cells=28)

    def begin(self, unit: float) -> None:
        """Start another figure or object whose patterns count `unit` pixels as one head."""
        self.actor = self.actor % 250 + 1
        self.unit = max(unit, 1e-3)

    def tube(self, tube: Tube) -> None:
        """Paint a tube over what is there."""
        (ax, ay), (bx, by) = tube.start, tube.end
        length = float(np.hypot(bx - ax, by - ay))
        dx, dy = ((bx - ax) / length, (by - ay) / length) if length > 1e-6 else (0.0, 1.0)
        table, low, high = _profile(tube, length)
        reach = float(table[:2].max()) * (1.5 if tube.shadow else 1.0) + 1.5
        ends = (ax + dx * low, ax + dx * high), (ay + dy * low, ay + dy * high)
        box = self._box(min(ends[0]) - reach, max(ends[0]) + reach, min(ends[1]) - reach, max(ends[1]) + reach)
        if box is None:
            return
        x0, x1, y0, y1 = box
        x = np.arange(x0, x1, dtype=np.float32)[None, :] + np.float32(0.5 - ax)
        y = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5 - ay)
        along, across = x * np.float32(dx) + y * np.float32(dy), y * np.float32(dx) - x * np.float32(dy)
        place = np.clip((along - np.float32(low)) * np.float32((_TABLE - 1) / (high - low)), 0, _TABLE - 1)
        index = (place + np.float32(0.5)).astype(np.intp)
        radius = np.where(across < 0, table[0][index], table[1][index])
        gap = np.minimum(radius - np.abs(across), np.minimum(along - np.float32(low), np.float32(high) - along))
        if tube.shadow:
            self._shadow(box, gap, float(radius.max()) * 0.5 + 1.0, tube.shadow)
        inside = np.nonzero(gap > -0.5)
        v = np.clip(across[inside] / np.maximum(radius[inside], 1e-3), -1, 1)
        w = table[2][index[inside]]
        ring = np.sqrt(1 - w * w)
        lx, ly, lz = self.light.direction
        lambert = v * ring * np.float32(dx * ly - dy * lx) + w * np.float32(dx * lx + dy * ly)
        lambert += np.sqrt(1 - v * v) * ring * np.float32(lz)
        turn = (np.arcsin(v) * np.maximum(radius[inside], 1e-3)).astype(np.float32) / np.float32(self.unit)
        length_along = along[inside].astype(np.float32) / np.float32(self.unit)
        albedo = tube.material.albedo(length_along, turn)
        self._blend(box, inside, gap[inside], albedo=albedo, lambert=lambert, material=tube.material, label=tube.label)

    def ellipsoid(self, solid: Ellipsoid) -> None:
        """Paint an ellipsoid over what is there."""
        turn = np.eye(3) if solid.rotation is None else solid.rotation
        form = turn @ np.diag(1 / np.square(np.maximum(solid.radii, 1e-3))) @ turn.T
        # Outline: the ellipsoid's shadow on the screen is the conic x' (form / z-part) x = 1 (Schur complement).
        flat = form[:2, :2] - np.outer(form[:2, 2], form[2, :2]) / form[2, 2]
        spread = np.sqrt(np.diag(np.linalg.inv(flat)))
        size = float(np.sqrt(spread[0] * spread[1]))
        grow = 1.4 if solid.shadow else 1.0
        (cx, cy), (rx, ry) = solid.centre, spread * grow + 1.5
        box = self._box(cx - rx, cx + rx, cy - ry, cy + ry)
        if box is None:
            return
        x = np.arange(box[0], box[1], dtype=np.float32)[None, :] + np.float32(0.5 - cx)
        y = np.arange(box[2], box[3], dtype=np.float32)[:, None] + np.float32(0.5 - cy)
        conic = x * x * np.float32(flat[0, 0]) + 2 * x * y * np.float32(flat[0, 1]) + y * y * np.float32(flat[1, 1])
        gap = (1 - np.sqrt(np.maximum(conic, 0))) * np.float32(size)
        if solid.shadow:
            self._shadow(box, gap, size * 0.4 + 1.0, solid.shadow)
        inside = np.nonzero(gap > -0.5)
        px, py = np.broadcast_to(x, gap.shape)[inside], np.broadcast_to(y, gap.shape)[inside]
        rise = np.sqrt(np.maximum(1 - conic[inside], 0) / np.float32(form[2, 2]))
        pz = rise - px * np.float32(form[0, 2] / form[2, 2]) - py * np.float32(form[1, 2] / form[2, 2])
        point = np.stack([px, py, pz])  # (3, n)
        normal = form.astype(np.float32) @ point
        normal /= np.maximum(np.sqrt(np.square(normal).sum(axis=0)), 1e-6)
        lambert = np.asarray(self.light.direction, np.float32) @ normal
        local = turn.T.astype(np.float32) @ point / np.maximum(solid.radii, 1e-3).astype(np.float32)[:, None]
        edge = gap[inside]
        if solid.cut is not None:
            keep = np.asarray(solid.cut[:3], np.float32) @ local - np.float32(solid.cut[3])
            edge = np.minimum(edge, keep * np.float32(size))
        scale = np.float32(size / self.unit)
        albedo = solid.material.albedo(local[1] * scale, local[0] * scale)
        self._blend(box, inside, edge, albedo=albedo, lambert=lambert, material=solid.material, label=solid.label)

    def polygon(self, points: Sequence[Point], material: Material, *, facing: tuple[float, float, float]) -> None:
        """Paint a flat convex face (label 0) whose normal is `facing`; `points` run clockwise on the screen."""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        box = self._box(min(xs) - 1, max(xs) + 1, min(ys) - 1, max(ys) + 1)
        if box is None:
            return
        x = np.arange(box[0], box[1], dtype=np.float32)[None, :] + np.float32(0.5)
        y = np.arange(box[2], box[3], dtype=np.float32)[:, None] + np.float32(0.5)
        gap = np.full((box[3] - box[2], box[1] - box[0]), np.float32(1e6))
        for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
            length = max(float(np.hypot(bx - ax, by - ay)), 1e-6)
            nx, ny = np.float32((by - ay) / length), np.float32((bx - ax) / length)
            gap = np.minimum(gap, (y - np.float32(ay)) * ny - (x - np.float32(ax)) * nx)
        inside = np.nonzero(gap > -0.5)
        unit = np.float32(self.unit)
        px = (np.broadcast_to(x, gap.shape)[inside] - np.float32(xs[0])) / unit
        py = (np.broadcast_to(y, gap.shape)[inside] - np.float32(ys[0])) / unit
        lambert = np.full(len(px), np.float32(np.dot(self.light.direction, facing)))
        albedo = material.albedo(py, px)
        self._blend(box, inside, gap[inside], albedo=albedo, lambert=lambert, material=material, label=0)

    def ground_shadow(self, centre: Point, radii: Point, strength: float) -> None:
        """Darken a soft ellipse, for what stands on the ground there."""
        (cx, cy), (rx, ry) = centre, radii
        box = self._box(cx - 2 * rx, cx + 2 * rx, cy - 2 * ry, cy + 2 * ry)
        if box is None:
            return
        x = (np.arange(box[0], box[1], dtype=np.float32)[None, :] - np.float32(cx)) / np.float32(max(rx, 1))
        y = (np.arange(box[2], box[3], dtype=np.float32)[:, None] - np.float32(cy)) / np.float32(max(ry, 1))
        dark = np.float32(strength) * np.exp(-1.5 * np.square(x * x + y * y))
        self.colour[box[2] : box[3], box[0] : box[1]] *= (1 - dark)[:, :, None]

    def _box(self, x0: float, x1: float, y0: float, y1: float) -> tuple[int, int, int, int] | None:
        left, right = max(0, int(np.floor(x0))), min(self.width, int(np.ceil(x1)))
        top, bottom = max(0, int(np.floor(y0))), min(self.height, int(np.ceil(y1)))
        return (left, right, top, bottom) if left < right and top < bottom else None

    def _shadow(self, box: tuple[int, int, int, int], gap: Array, reach: float, strength: float) -> None:
        # Only on the same figure: what lies behind it is further away than a soft shadow reaches.
        rows, columns = np.s_[box[2] : box[3]], np.s_[box[0] : box[1]]
        near = np.nonzero((gap > -reach) & (gap < 0.5) & (self.owner[rows, columns] == self.actor))
        fade = np.float32(strength) * np.square(1 + np.minimum(gap[near], 0) / np.float32(reach))
        self.colour[rows, columns][near] *= (1 - fade)[:, None]

    def _blend(
        self,
        box: tuple[int, int, int, int],
        inside: tuple[npt.NDArray[np.intp], ...],
        gap: Array,
        *,
        albedo: Array,
        lambert: Array,
        material: Material,
        label: int,
    ) -> None:
        rows, columns = np.s_[box[2] : box[3]], np.s_[box[0] : box[1]]
        paint = albedo * self.light.shade(lambert)
        if material.mottle:
            paint *= (1 + np.float32(material.mottle) * self._folds[rows, columns][inside])[:, None]
        if material.gloss:
            paint = paint + np.float32(material.gloss) * np.power(np.maximum(lambert, 0), 12)[:, None]
        alpha = np.clip(gap + np.float32(0.5), 0, 1)[:, None]
        view = self.colour[rows, columns]
        under = view[inside]
        view[inside] = under + alpha * (paint - under)
        solid = gap > 0
        place = (inside[0][solid], inside[1][solid])
        self.labels[rows, columns][place] = label
        self.owner[rows, columns][place] = self.actor

    def soften(self, radius: float) -> None:
        """Put all that is painted so far out of focus, by a Gaussian of `radius` pixels."""
        levels = Image.fromarray((np.clip(self.colour, 0, 1) * 255 + 0.5).astype(np.uint8))
        blurred = np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), np.float32)
        self.colour[:] = blurred / np.float32(255)

    def finish(self, factor: int) -> tuple[Array, npt.NDArray[np.uint8]]:
        """Colour and labels, both reduced by `factor`: colour is the mean of a block, the label its most frequent."""
        steps = [np.s_[row::factor, column::factor] for row in range(factor) for column in range(factor)]
        colour = np.zeros((self.height // factor, self.width // factor, 3), np.float32)
        for step in steps:
            colour += self.colour[step]
        # A tie stays with the upper left pixel, whatever the labels are called.
        best = self.labels[::factor, ::factor].copy()
        most = np.sum([self.labels[step] == best for step in steps], axis=0)
        for label in np.unique(self.labels):
            votes = np.sum([self.labels[step] == label for step in steps], axis=0)
            best[votes > most] = label
            most = np.maximum(most, votes)
        colour *= np.float32(1 / (factor * factor))
        return colour, best


def smooth_noise(rng: np.random.Generator, height: int, width: int, *, cells: int) -> Array:
    """(height, width) slow random waves from about -1 to 1, with about `cells` of them along the longer side."""
    step = max(height, width) / cells
    rows, columns = int(np.ceil(height / step)) + 2, int(np.ceil(width / step)) + 2
    coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    y, x = np.arange(height, dtype=np.float32) / step, np.arange(width, dtype=np.float32) / step
    iy, ix = y.astype(np.intp), x.astype(np.intp)
    fy, fx = y - iy, x - ix
    fy, fx = (fy * fy * (3 - 2 * fy))[:, None], (fx * fx * (3 - 2 * fx))[None, :]
    tall = coarse[iy] * (1 - fy) + coarse[iy + 1] * fy  # (height, columns)
    wave: Array = tall[:, ix] * (1 - fx) + tall[:, ix + 1] * fx
    return wave.astype(np.float32)


def _profile(tube: Tube, length: float) -> tuple[Array, float, float]:
    # Rows: radius left, radius right, and how far the surface leans along the axis (-1 at the start, 1 at the end).
    at = np.array([station[0] for station in tube.stations]) * length
    left, right = (np.array([station[side] for station in tube.stations]) for side in (1, 2))
    first, last = max(left[0], right[0]) * tube.caps[0], max(left[-1], right[-1]) * tube.caps[1]
    low, high = -first - 1e-3, length + last + 1e-3
    t = np.linspace(low, high, _TABLE)
    before = np.clip(-t / max(first, 1e-6), 0, 1)
    after = np.clip((t - length) / max(last, 1e-6), 0, 1)
    lean = after - before
    round_off = np.sqrt(1 - lean * lean)
    rows = [np.interp(t, at, side) * round_off for side in (left, right)]
    return np.stack([*rows, lean * 0.6]).astype(np.float32), float(low), float(high)
