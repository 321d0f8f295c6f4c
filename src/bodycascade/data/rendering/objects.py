"""Things that are not people: behind them to distract, before them to hide something, under them to sit on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bodycascade.data.rendering.canvas import Canvas, Ellipsoid, Point, Tube
from bodycascade.data.rendering.material import RGB, Material, blend, tone
from bodycascade.data.rendering.scenery import GREENS
from bodycascade.data.rendering.wardrobe import CLOTHES

_WOOD: RGB = (0.48, 0.34, 0.22)
_STEEL: RGB = (0.42, 0.44, 0.47)


@dataclass(frozen=True)
class Spot:
    """Where a thing stands: `x` and ground line `y` on the enlarged picture, `unit` the pixels of one head there."""

    canvas: Canvas
    rng: np.random.Generator
    x: float
    y: float
    unit: float

    def at(self, x: float, y: float) -> Point:
        """The pixel `x` heads to the right of the spot and `y` heads above the ground."""
        return (self.x + x * self.unit, self.y - y * self.unit)

    def rod(self, a: Point, b: Point, radius: float, colour: RGB) -> None:
        """A straight round bar between two points in heads."""
        r = radius * self.unit
        material = Material(muted(colour), mottle=0.04, gloss=0.06)
        self.canvas.tube(Tube(self.at(*a), self.at(*b), ((0.0, r, r), (1.0, r, r)), material))

    def ball(self, centre: Point, radii: tuple[float, float], colour: RGB, *, mottle: float = 0.05) -> None:
        """A round body with half-axes `radii` in heads."""
        sizes = (radii[0] * self.unit, radii[1] * self.unit, min(radii) * self.unit)
        self.canvas.ellipsoid(Ellipsoid(self.at(*centre), sizes, Material(muted(colour), mottle=mottle)))

    def slab(self, x0: float, y0: float, x1: float, y1: float, colour: RGB, *, up: float = 0.0) -> None:
        """An upright flat face from (x0, y0) to (x1, y1) in heads; `up` tilts it to the sky, which lightens it."""
        corners = [self.at(x0, y1), self.at(x1, y1), self.at(x1, y0), self.at(x0, y0)]
        self.canvas.polygon(corners, Material(muted(colour), mottle=0.06), facing=(0.0, -up, 1.0 - up))

    def pick(self, colours: tuple[RGB, ...]) -> RGB:
        """One of the colours."""
        return colours[int(self.rng.integers(len(colours)))]


def muted(colour: RGB) -> RGB:
    """`colour` paled as by the air between: things keep to the background, people stand out."""
    gray = sum(colour) / 3
    pale = blend(colour, (gray, gray, gray), 0.55)
    return blend(pale, (0.75, 0.77, 0.78), 0.35)


def place(spot: Spot, *, outdoor: bool, front: bool) -> None:
    """A random thing that belongs there; `front` chooses from those that may hide a person's legs."""
    kinds: tuple[Callable[[Spot], None], ...]
    if front:
        kinds = (_bush, _fence, _car, _bush) if outdoor else (_table, _table, _armchair, _plant)
    elif outdoor:
        kinds = (_tree, _lamp, _animal, _ball, _bush, _sign, _bottle, _parasol, _boxes)
    else:
        kinds = (_chair, _coat_stand, _plant, _bottle, _ball, _floor_lamp, _boxes, _animal)
    spot.canvas.begin(spot.unit)
    thing = kinds[int(spot.rng.integers(len(kinds)))]
    spot.canvas.ground_shadow((spot.x, spot.y), (spot.unit * 1.1, spot.unit * 0.18), 0.35)
    thing(spot)


def seat(spot: Spot, height: float) -> None:
    """Something to sit on whose seat is `height` heads above the ground."""
    spot.canvas.begin(spot.unit)
    spot.canvas.ground_shadow((spot.x, spot.y), (spot.unit * 1.3, spot.unit * 0.25), 0.4)
    colour = spot.pick((_WOOD, _STEEL, (0.62, 0.55, 0.48), (0.36, 0.42, 0.5)))
    if spot.rng.random() < 0.5:
        spot.slab(-0.85, 0, 0.85, height - 0.1, tone(colour, 0.8))
        spot.slab(-0.85, height - 0.1, 0.85, height, tone(colour, 1.15), up=0.6)
        return
    back = float(spot.rng.uniform(0.9, 1.9)) if spot.rng.random() < 0.6 else 0.0
    for x in (-0.75, 0.75):
        spot.rod((x, 0), (x, height + back), 0.07, tone(colour, 0.7))
    if back:
        spot.slab(-0.8, height + back * 0.4, 0.8, height + back, tone(colour, 0.9))
    spot.slab(-0.85, height - 0.22, 0.85, height, colour)


def bicycle(spot: Spot, facing: float) -> None:
    """A bicycle seen from the side, its saddle above the spot; `facing` is 1 to the right, -1 to the left."""
    spot.canvas.begin(spot.unit)
    spot.canvas.ground_shadow((spot.x, spot.y), (spot.unit * 2.6, spot.unit * 0.2), 0.45)
    paint = spot.pick(CLOTHES)
    rear, front, crank = (-0.9 * facing, 0.95), (2.05 * facing, 0.95), (0.25 * facing, 0.85)
    for hub in (rear, front):
        rim = [(hub[0] + 0.92 * np.cos(a), hub[1] + 0.92 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 25)]
        for a, b in pairwise(rim):
            spot.rod(a, b, 0.055, (0.13, 0.13, 0.14))
        for angle in np.linspace(0, np.pi, 6):
            x, y = 0.85 * np.cos(angle), 0.85 * np.sin(angle)
            spot.rod((hub[0] - x, hub[1] - y), (hub[0] + x, hub[1] + y), 0.012, (0.6, 0.6, 0.62))
    saddle, bar = (0.0, 3.0), (1.7 * facing, 3.2)
    for a, b in ((rear, crank), (crank, saddle), (rear, (0.03 * facing, 2.6)), (crank, (1.6 * facing, 2.5))):
        spot.rod(a, b, 0.06, paint)
    for a, b in (((0.03 * facing, 2.55), (1.6 * facing, 2.6)), (front, bar)):
        spot.rod(a, b, 0.06, paint)
    spot.rod((bar[0] - 0.3 * facing, bar[1] + 0.1), (bar[0] + 0.12 * facing, bar[1]), 0.05, _STEEL)
    spot.rod((-0.35 * facing, 3.05), (0.25 * facing, 3.02), 0.1, (0.15, 0.14, 0.14))


def _tree(spot: Spot) -> None:
    tall = float(spot.rng.uniform(6, 12))
    spot.rod((0, 0), (0.2, tall * 0.75), 0.32, spot.pick(((0.34, 0.26, 0.19), (0.45, 0.40, 0.35))))
    spot.rod((0.1, tall * 0.45), (1.4, tall * 0.7), 0.14, (0.34, 0.26, 0.19))
    _leaves(spot, (0.1, tall * 0.84), (1.7, 1.35), 46)


def _bush(spot: Spot) -> None:
    wide = float(spot.rng.uniform(1.2, 2.6))
    _leaves(spot, (0.0, 0.75), (wide, 0.75), int(30 * wide))


def _leaves(spot: Spot, centre: Point, spread: Point, count: int) -> None:
    # Tufts, the lower and inner ones dark and first, the upper ones light and last.
    green = spot.pick(GREENS)
    angle, far = spot.rng.uniform(0, 2 * np.pi, count), np.sqrt(spot.rng.uniform(0, 1, count))
    height = np.sort(np.sin(angle) * far + spot.rng.normal(0, 0.35, count))
    for at, side, rise in zip(far, np.cos(angle), height, strict=True):
        r = float(spot.rng.uniform(0.22, 0.5)) * (0.6 + 0.25 * spread[1])
        x, y = centre[0] + spread[0] * float(side * at), centre[1] + spread[1] * float(np.clip(rise, -1.1, 1.1))
        shade = tone(green, float(0.9 + 0.22 * np.clip(rise, -1, 1) + spot.rng.normal(0, 0.07)))
        size = r * spot.unit
        leaves = Material(blend(shade, (0.66, 0.72, 0.62), 0.4), mottle=0.35)
        spot.canvas.ellipsoid(Ellipsoid(spot.at(x, y), (size, size * 0.75, size * 0.75), leaves))


def _lamp(spot: Spot) -> None:
    spot.rod((0, 0), (0, 11), 0.11, _STEEL)
    spot.rod((0, 0), (0, 0.8), 0.2, _STEEL)
    spot.rod((0, 11), (1.1, 11.3), 0.08, _STEEL)
    spot.ball((1.2, 11.2), (0.35, 0.18), (0.95, 0.93, 0.82))


def _sign(spot: Spot) -> None:
    spot.rod((0, 0), (0, 7.5), 0.08, _STEEL)
    colour = spot.pick(((0.78, 0.16, 0.16), (0.16, 0.36, 0.68), (0.92, 0.76, 0.2)))
    if spot.rng.random() < 0.5:
        spot.ball((0, 7.4), (0.8, 0.8), colour)
        spot.slab(-0.5, 7.25, 0.5, 7.55, (0.95, 0.95, 0.95))
    else:
        spot.slab(-0.9, 6.6, 0.9, 8.0, colour)
        spot.slab(-0.7, 7.2, 0.7, 7.45, (0.95, 0.95, 0.95))


def _animal(spot: Spot) -> None:
    fur = spot.pick(((0.55, 0.38, 0.22), (0.25, 0.2, 0.18), (0.82, 0.76, 0.68), (0.62, 0.6, 0.58)))
    way, size = float(spot.rng.choice([-1, 1])), float(spot.rng.uniform(0.8, 2.2))
    dark = tone(fur, 0.75)
    for x, shade in ((-0.75, dark), (0.62, dark), (-0.9, fur), (0.75, fur)):
        spot.rod((x * size, 0.05), (x * size * 0.92, 1.0 * size), 0.11 * size, shade)
    spot.ball((0, 1.15 * size), (1.15 * size, 0.5 * size), fur, mottle=0.1)
    spot.rod((way * 0.85 * size, 1.3 * size), (way * 1.3 * size, 1.8 * size), 0.24 * size, fur)
    spot.ball((way * 1.5 * size, 1.85 * size), (0.42 * size, 0.26 * size), fur)
    spot.ball((way * 1.85 * size, 1.78 * size), (0.1 * size, 0.08 * size), (0.1, 0.09, 0.09))
    spot.ball((way * 1.25 * size, 2.1 * size), (0.1 * size, 0.22 * size), dark)
    spot.rod((-way * 1.05 * size, 1.3 * size), (-way * 1.6 * size, 1.7 * size), 0.07 * size, fur)


def _ball(spot: Spot) -> None:
    r = float(spot.rng.uniform(0.35, 0.9))
    colour, second = spot.pick(CLOTHES), spot.pick(CLOTHES)
    pattern = str(spot.rng.choice(["plain", "bands", "dots"]))
    size = r * spot.unit
    spot.canvas.ellipsoid(
        Ellipsoid(spot.at(0, r), (size, size, size), Material(muted(colour), muted(second), pattern, 0.35, gloss=0.15))
    )


def _bottle(spot: Spot) -> None:
    glass = spot.pick(((0.2, 0.42, 0.26), (0.35, 0.2, 0.12), (0.6, 0.75, 0.8), (0.75, 0.72, 0.68)))
    for _ in range(int(spot.rng.integers(1, 4))):
        x, tall = float(spot.rng.uniform(-1.2, 1.2)), float(spot.rng.uniform(1.2, 3.0))
        r = tall * 0.17 * spot.unit
        stations = ((0.0, r, r), (0.55, r, r), (0.72, r * 0.4, r * 0.4), (1.0, r * 0.36, r * 0.36))
        tube = Tube(
            spot.at(x, 0), spot.at(x, tall), stations, Material(muted(glass), mottle=0.02, gloss=0.4), caps=(0.1, 0.1)
        )
        spot.canvas.tube(tube)
        spot.slab(x - tall * 0.16, tall * 0.15, x + tall * 0.16, tall * 0.42, (0.93, 0.9, 0.82))


def _parasol(spot: Spot) -> None:
    spot.rod((0, 0), (0, 8.5), 0.08, (0.85, 0.82, 0.76))
    size = 3.0 * spot.unit
    cloth = Material(muted(spot.pick(CLOTHES)), (0.96, 0.94, 0.9), "stripes", 0.9)
    spot.canvas.ellipsoid(Ellipsoid(spot.at(0, 7.6), (size, size * 0.55, size), cloth, cut=(0.0, -1.0, 0.0, 0.05)))


def _boxes(spot: Spot) -> None:
    for _ in range(int(spot.rng.integers(1, 4))):
        x = float(spot.rng.uniform(-1.5, 1.2))
        w, h = float(spot.rng.uniform(0.7, 2.2)), float(spot.rng.uniform(0.7, 2.2))
        colour = spot.pick(((0.68, 0.53, 0.36), (0.5, 0.4, 0.3), (0.45, 0.5, 0.55), (0.75, 0.7, 0.62)))
        spot.slab(x, 0, x + w, h, colour)
        spot.slab(x, h, x + w, h + 0.2, tone(colour, 1.15), up=0.6)


def _chair(spot: Spot) -> None:
    wood = spot.pick((_WOOD, (0.65, 0.5, 0.34), (0.25, 0.24, 0.24), (0.85, 0.82, 0.78)))
    for x in (-0.7, 0.7):
        spot.rod((x, 0), (x, 3.9), 0.08, wood)
        spot.rod((x * 1.15, -0.2), (x * 1.15, 1.8), 0.08, wood)
    for y in (2.6, 3.1, 3.6):
        spot.rod((-0.7, y), (0.7, y), 0.09, wood)
    spot.slab(-0.9, 1.7, 0.9, 1.98, tone(wood, 1.1), up=0.4)


def _coat_stand(spot: Spot) -> None:
    spot.rod((0, 0), (0, 7), 0.08, _WOOD)
    for x in (-0.6, 0.6):
        spot.rod((0, 0.3), (x, 0), 0.08, _WOOD)
        spot.rod((0, 6.6), (x, 7.0), 0.06, _WOOD)
    coat = Material(tone(muted(spot.pick(CLOTHES)), 0.8), mottle=0.12)
    w = spot.unit
    stations = ((0.0, 0.12 * w, 0.12 * w), (0.15, 0.4 * w, 0.4 * w), (1.0, 0.65 * w, 0.65 * w))
    spot.canvas.tube(Tube(spot.at(0.4, 6.8), spot.at(0.45, 2.6), stations, coat, caps=(0.3, 0.1)))


def _plant(spot: Spot) -> None:
    pot, green = spot.pick(((0.72, 0.42, 0.3), (0.9, 0.88, 0.84), (0.35, 0.4, 0.45))), spot.pick(GREENS)
    for angle in np.linspace(-1.2, 1.2, 9):
        tall = float(spot.rng.uniform(1.6, 3.2))
        tip = (float(np.sin(angle)) * tall, 1.2 + float(np.cos(angle)) * tall)
        r = 0.16 * spot.unit
        leaf = Material(tone(blend(green, (0.66, 0.72, 0.62), 0.4), float(spot.rng.uniform(0.8, 1.2))), mottle=0.1)
        stations = ((0.0, r * 0.2, r * 0.2), (0.6, r, r), (1.0, r * 0.15, r * 0.15))
        spot.canvas.tube(Tube(spot.at(0, 1.1), spot.at(*tip), stations, leaf))
    w = spot.unit
    bowl = ((0.0, 0.45 * w, 0.45 * w), (1.0, 0.62 * w, 0.62 * w))
    spot.canvas.tube(Tube(spot.at(0, 0), spot.at(0, 1.2), bowl, Material(muted(pot)), caps=(0.15, 0.1)))


def _floor_lamp(spot: Spot) -> None:
    spot.rod((0, 0), (0, 6.2), 0.06, _STEEL)
    spot.rod((-0.4, 0.05), (0.4, 0.05), 0.1, _STEEL)
    w = spot.unit
    shade = Material((0.97, 0.90, 0.72), mottle=0.02)
    cone = ((0.0, 0.85 * w, 0.85 * w), (1.0, 0.5 * w, 0.5 * w))
    spot.canvas.tube(Tube(spot.at(0, 5.8), spot.at(0, 7.1), cone, shade, caps=(0.1, 0.1)))


def _table(spot: Spot) -> None:
    wood, wide = spot.pick((_WOOD, (0.70, 0.56, 0.38), (0.88, 0.86, 0.82), (0.3, 0.22, 0.17))), 2.6
    for x in (-wide + 0.2, wide - 0.2):
        spot.rod((x, -0.4), (x, 2.9), 0.14, tone(wood, 0.8))
    spot.slab(-wide, 2.6, wide, 2.9, tone(wood, 0.85))
    spot.slab(-wide, 2.9, wide, 3.25, tone(wood, 1.15), up=0.6)
    if spot.rng.random() < 0.7:
        _bottle(Spot(spot.canvas, spot.rng, spot.x + spot.unit, spot.y - 3.1 * spot.unit, spot.unit * 0.6))


def _armchair(spot: Spot) -> None:
    cloth = tone(spot.pick(CLOTHES), 0.8)
    spot.slab(-1.5, 0.2, 1.5, 2.9, cloth)
    for x in (-1.5, 1.5):
        spot.rod((x, 0.3), (x, 2.2), 0.38, tone(cloth, 0.9))
    spot.rod((-1.2, 2.9), (1.2, 2.9), 0.3, tone(cloth, 1.1))


def _fence(spot: Spot) -> None:
    wood = spot.pick((_WOOD, (0.92, 0.91, 0.88), (0.62, 0.55, 0.46)))
    for y in (0.9, 2.2):
        spot.rod((-6, y), (6, y), 0.12, tone(wood, 0.85))
    for x in np.arange(-5.8, 6, 0.72):
        spot.rod((float(x), 0), (float(x), 2.7), 0.17, wood)


def _car(spot: Spot) -> None:
    paint = spot.pick(((0.72, 0.16, 0.16), (0.2, 0.34, 0.56), (0.85, 0.85, 0.86), (0.22, 0.23, 0.25), (0.8, 0.62, 0.2)))
    w = spot.unit
    body, glass = Material(muted(paint), mottle=0.03, gloss=0.3), Material((0.34, 0.42, 0.49), mottle=0.03, gloss=0.25)
    # Both tubes run to the right, so that their left is up: a high roof over a flat sill.
    roof = ((0.0, 0.1 * w, 0.2 * w), (0.25, 1.0 * w, 0.2 * w), (0.7, 1.02 * w, 0.2 * w), (1.0, 0.1 * w, 0.2 * w))
    for lift, material in ((0.12, body), (0.0, glass)):
        spot.canvas.tube(Tube(spot.at(-2.9, 2.3 + lift), spot.at(2.5, 2.3 + lift), roof, material, caps=(0.2, 0.2)))
    spot.slab(-0.15, 2.2, 0.1, 3.3, paint)
    hull = ((0.0, 0.75 * w, 0.7 * w), (0.3, 0.9 * w, 0.75 * w), (0.7, 0.9 * w, 0.75 * w), (1.0, 0.6 * w, 0.7 * w))
    spot.canvas.tube(Tube(spot.at(-4.2, 1.45), spot.at(4.2, 1.45), hull, body, caps=(0.4, 0.5)))
    for x in (-2.7, 2.7):
        spot.ball((x, 0.75), (0.78, 0.78), (0.12, 0.12, 0.13))
        spot.ball((x, 0.75), (0.42, 0.42), (0.65, 0.66, 0.68))
    spot.ball((4.35, 1.65), (0.16, 0.2), (0.98, 0.94, 0.75))
    spot.ball((-4.4, 1.7), (0.1, 0.2), (0.75, 0.12, 0.1))
