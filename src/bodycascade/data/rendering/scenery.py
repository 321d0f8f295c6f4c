"""Backgrounds without people: rooms, streets, fields, beaches, woods, walls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bodycascade.data.rendering.canvas import smooth_noise
from bodycascade.data.rendering.light import Array
from bodycascade.data.rendering.material import RGB, blend, tone

SKIES: tuple[tuple[RGB, RGB], ...] = (
    ((0.45, 0.66, 0.88), (0.83, 0.91, 0.96)),
    ((0.62, 0.74, 0.84), (0.90, 0.91, 0.90)),
    ((0.55, 0.62, 0.76), (0.94, 0.88, 0.78)),
    ((0.70, 0.73, 0.77), (0.86, 0.87, 0.88)),
)
WALLS: tuple[RGB, ...] = (
    (0.86, 0.82, 0.74),
    (0.74, 0.80, 0.80),
    (0.72, 0.77, 0.68),
    (0.66, 0.72, 0.64),
    (0.88, 0.87, 0.85),
    (0.55, 0.61, 0.68),
    (0.80, 0.79, 0.64),
)
GREENS: tuple[RGB, ...] = ((0.36, 0.50, 0.26), (0.45, 0.56, 0.28), (0.28, 0.42, 0.26), (0.58, 0.60, 0.34))
STONES: tuple[RGB, ...] = ((0.62, 0.58, 0.54), (0.60, 0.62, 0.54), (0.55, 0.56, 0.60), (0.76, 0.70, 0.60))


@dataclass(frozen=True)
class Sheet:
    """A background being drawn: a Pillow drawing of `width` x `height` with its horizon (or floor line) at `line`."""

    draw: ImageDraw.ImageDraw
    rng: np.random.Generator
    width: int
    height: int
    line: float

    def pick(self, colours: tuple[RGB, ...]) -> RGB:
        """One of the colours, a little varied."""
        return tone(colours[int(self.rng.integers(len(colours)))], float(self.rng.uniform(0.88, 1.1)))

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: RGB) -> None:
        """A filled rectangle; nothing where it would be empty."""
        if x1 > x0 and y1 > y0:
            self.draw.rectangle((x0, y0, x1, y1), fill=paint(colour))

    def fade(self, y0: float, y1: float, top: RGB, bottom: RGB) -> None:
        """A vertical gradient over the whole width."""
        first, last = int(max(0, y0)), int(min(self.height, y1))
        for y in range(first, last):
            colour = blend(top, bottom, (y - y0) / max(1.0, y1 - y0))
            self.draw.line((0, y, self.width, y), fill=paint(colour))


def paint(colour: RGB) -> tuple[int, int, int]:
    """A colour from 0..1 as the bytes that Pillow draws with."""
    r, g, b = (int(255 * min(1.0, max(0.0, part)) + 0.5) for part in colour)
    return (r, g, b)


def paint_scene(rng: np.random.Generator, height: int, width: int, *, line: float, outdoor: bool) -> Array:
    """(height, width, 3) float32 RGB from 0 to 1: a scene whose horizon or floor line lies at y = `line`."""
    kinds = (_street, _field, _beach, _wood, _street, _field, _court) if outdoor else (_room, _room, _studio, _brick)
    image = Image.new("RGB", (width, height))
    kind: Callable[[Sheet], None] = kinds[int(rng.integers(len(kinds)))]
    kind(Sheet(ImageDraw.Draw(image), rng, width, height, line))
    # Out of focus by a varying amount, as behind a person in a photograph.
    soft = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.002, 0.008)) * max(height, width)))
    picture = np.asarray(soft, np.float32) / np.float32(255)
    # Far things lose colour and depth in the air between; people in front of them keep theirs.
    gray = picture.mean(axis=2, keepdims=True)
    picture = 0.27 + 0.7 * (gray + (picture - gray) * np.float32(rng.uniform(0.5, 0.85)))
    grain = smooth_noise(rng, height, width, cells=150) + smooth_noise(rng, height, width, cells=11)
    scene: Array = picture * (1 + np.float32(rng.uniform(0.01, 0.045)) * grain)[:, :, None]
    return scene


def _sky(sheet: Sheet) -> None:
    top, bottom = SKIES[int(sheet.rng.integers(len(SKIES)))]
    sheet.fade(0, sheet.line + 1, top, bottom)
    for _ in range(int(sheet.rng.integers(0, 6))):
        x, y = sheet.rng.uniform(0, sheet.width), sheet.rng.uniform(0, sheet.line * 0.7 + 1)
        for _ in range(6):
            rx, ry = sheet.rng.uniform(0.03, 0.09) * sheet.width, sheet.rng.uniform(0.01, 0.025) * sheet.width
            cx, cy = x + sheet.rng.normal(0, 0.05) * sheet.width, y + sheet.rng.normal(0, 0.01) * sheet.width
            sheet.draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=paint(blend(bottom, (1, 1, 1), 0.5)))


def _ground(sheet: Sheet, colour: RGB) -> None:
    sheet.fade(sheet.line, sheet.height, tone(colour, 0.92), tone(colour, 1.08))


def _hills(sheet: Sheet, colour: RGB, rise: float) -> None:
    xs = np.linspace(0, sheet.width, 40)
    a, b = sheet.rng.uniform(0, 6, 2)
    ys = sheet.line - rise * sheet.height * (
        0.6 + 0.3 * np.sin(xs / sheet.width * 5 + a) + 0.2 * np.sin(xs / sheet.width * 11 + b)
    )
    points = [(0.0, float(sheet.height)), *zip(xs.tolist(), ys.tolist(), strict=True), (sheet.width, sheet.height)]
    sheet.draw.polygon([(float(x), float(y)) for x, y in points], fill=paint(colour))


def _crowns(sheet: Sheet, count: int, size: float) -> None:
    for _ in range(count):
        x, r = sheet.rng.uniform(0, sheet.width), sheet.rng.uniform(0.6, 1.3) * size * sheet.width
        y = sheet.line - r * sheet.rng.uniform(0.5, 1.6)
        green, trunk = sheet.pick(GREENS), r * 0.1
        sheet.box(x - trunk, y, x + trunk, sheet.line + r * 0.1, (0.30, 0.23, 0.18))
        for _ in range(9):
            cx, cy = x + sheet.rng.normal(0, 0.45) * r, y + sheet.rng.normal(0, 0.4) * r
            q = r * sheet.rng.uniform(0.3, 0.6)
            shade = tone(green, float(sheet.rng.uniform(0.75, 1.15)))
            sheet.draw.ellipse((cx - q, cy - q, cx + q, cy + q), fill=paint(shade))


def _blades(sheet: Sheet, colour: RGB, count: int) -> None:
    for _ in range(count):
        y = sheet.line + (sheet.height - sheet.line) * sheet.rng.uniform(0, 1) ** 1.3
        near = (y - sheet.line) / max(1.0, sheet.height - sheet.line)
        x, size = sheet.rng.uniform(0, sheet.width), (0.004 + 0.02 * near) * sheet.width
        shade = tone(colour, float(sheet.rng.uniform(0.75, 1.2)))
        sheet.draw.ellipse((x - size, y - size * 0.3, x + size, y + size * 0.3), fill=paint(shade))


def _field(sheet: Sheet) -> None:
    _sky(sheet)
    green = sheet.pick(GREENS)
    _hills(sheet, blend(green, (0.7, 0.78, 0.82), 0.5), 0.12)
    _ground(sheet, green)
    _crowns(sheet, int(sheet.rng.integers(2, 9)), float(sheet.rng.uniform(0.04, 0.1)))
    _blades(sheet, green, 220)


def _wood(sheet: Sheet) -> None:
    sheet.fade(0, sheet.line, (0.60, 0.70, 0.52), (0.45, 0.54, 0.38))
    ground = sheet.pick(((0.44, 0.42, 0.33), (0.40, 0.42, 0.28)))
    _ground(sheet, ground)
    _crowns(sheet, 14, 0.12)
    for _ in range(int(sheet.rng.integers(5, 12))):
        x, w = sheet.rng.uniform(0, sheet.width), sheet.rng.uniform(0.008, 0.03) * sheet.width
        bark = sheet.pick(((0.33, 0.26, 0.20), (0.46, 0.42, 0.38), (0.26, 0.22, 0.18)))
        sheet.box(x - w, 0, x + w, sheet.line + w * 2, bark)
    _blades(sheet, ground, 260)


def _beach(sheet: Sheet) -> None:
    _sky(sheet)
    sea, sand = sheet.pick(((0.22, 0.50, 0.62), (0.30, 0.55, 0.60))), (0.86, 0.77, 0.60)
    shore = sheet.line + (sheet.height - sheet.line) * float(sheet.rng.uniform(0.03, 0.1))
    sheet.fade(sheet.line, shore, tone(sea, 0.9), tone(sea, 1.25))
    for _ in range(14):
        x, y = sheet.rng.uniform(0, sheet.width), sheet.rng.uniform(sheet.line, shore)
        length = sheet.rng.uniform(0.03, 0.15) * sheet.width
        sheet.draw.line((x, y, x + length, y), fill=paint(blend(sea, (1, 1, 1), 0.5)), width=2)
    sheet.fade(shore, sheet.height, tone(sand, 0.9), tone(sand, 1.05))
    sheet.box(0, shore - 2, sheet.width, shore + 3, (0.95, 0.96, 0.96))


def _street(sheet: Sheet) -> None:
    _sky(sheet)
    pavement = sheet.pick(((0.55, 0.55, 0.56), (0.66, 0.63, 0.58), (0.46, 0.47, 0.50)))
    _ground(sheet, pavement)
    x = -sheet.rng.uniform(0, 0.1) * sheet.width
    while x < sheet.width:
        wide = sheet.rng.uniform(0.16, 0.4) * sheet.width
        top = sheet.line - sheet.rng.uniform(0.18, 0.9) * sheet.line
        _house(sheet, x, x + wide, top)
        x += wide * sheet.rng.uniform(1.0, 1.15)
    kerb = sheet.line + (sheet.height - sheet.line) * float(sheet.rng.uniform(0.1, 0.3))
    sheet.box(0, sheet.line, sheet.width, kerb, tone(pavement, 0.72))
    sheet.box(0, kerb, sheet.width, kerb + 4, tone(pavement, 1.25))
    for row in range(1, 5):
        y = kerb + (sheet.height - kerb) * (row / 4.5) ** 1.6
        sheet.draw.line((0, y, sheet.width, y), fill=paint(tone(pavement, 0.9)), width=2)


def _house(sheet: Sheet, left: float, right: float, top: float) -> None:
    wall = sheet.pick(STONES)
    sheet.box(left, top, right, sheet.line, wall)
    sheet.box(left, top, right, top + 6, tone(wall, 0.75))
    columns, step = int(sheet.rng.integers(2, 5)), sheet.rng.uniform(0.09, 0.16) * sheet.width
    glass = sheet.pick(((0.30, 0.36, 0.42), (0.52, 0.62, 0.70), (0.85, 0.78, 0.55)))
    cell = (right - left) / columns
    y = top + step * 0.35
    while y + step * 0.5 < sheet.line - step * 0.2:
        for column in range(columns):
            x = left + cell * (column + 0.25)
            sheet.box(x - 3, y - 3, x + cell * 0.5 + 3, y + step * 0.55 + 3, tone(wall, 1.2))
            sheet.box(x, y, x + cell * 0.5, y + step * 0.55, glass)
        y += step
    door = left + cell * (int(sheet.rng.integers(columns)) + 0.25)
    sheet.box(door, sheet.line - step * 0.8, door + cell * 0.5, sheet.line, tone(wall, 0.5))


def _court(sheet: Sheet) -> None:
    _sky(sheet)
    floor = sheet.pick(((0.30, 0.48, 0.62), (0.55, 0.53, 0.62), (0.36, 0.55, 0.40)))
    sheet.box(0, sheet.line * 0.72, sheet.width, sheet.line, sheet.pick(WALLS))
    for x in np.arange(0, sheet.width, sheet.width / 9):
        sheet.box(float(x), sheet.line * 0.72, float(x) + 4, sheet.line, (0.35, 0.36, 0.38))
    _ground(sheet, floor)
    for _ in range(3):
        y = sheet.line + (sheet.height - sheet.line) * sheet.rng.uniform(0.05, 1)
        sheet.draw.line((0, y, sheet.width, y + sheet.rng.normal(0, 12)), fill=(235, 235, 230), width=5)


def _room(sheet: Sheet) -> None:
    wall, rng = sheet.pick(WALLS), sheet.rng
    sheet.fade(0, sheet.line, tone(wall, 1.05), tone(wall, 0.93))
    if rng.random() < 0.35:
        step = sheet.width / int(rng.integers(8, 22))
        for x in np.arange(0, sheet.width, step):
            sheet.box(float(x), 0, float(x) + step / 2, sheet.line, tone(wall, 0.93))
    floor = sheet.pick(((0.54, 0.48, 0.40), (0.64, 0.61, 0.53), (0.46, 0.48, 0.51), (0.43, 0.50, 0.48)))
    _ground(sheet, floor)
    for x in np.linspace(-1, 2, 26) * sheet.width:
        start = sheet.width / 2 + (float(x) - sheet.width / 2) * 0.6
        sheet.draw.line((start, sheet.line, float(x), sheet.height), fill=paint(tone(floor, 0.85)), width=2)
    sheet.box(0, sheet.line - 0.02 * sheet.height, sheet.width, sheet.line, tone(wall, 1.2))
    furnish = (_window, _picture, _picture, _shelf, _cupboard)
    for _ in range(int(rng.integers(2, 6))):
        furnish[int(rng.integers(len(furnish)))](sheet)


def _window(sheet: Sheet) -> None:
    x, y = sheet.rng.uniform(0, 0.8) * sheet.width, sheet.rng.uniform(0.05, 0.3) * sheet.line
    w, h = sheet.rng.uniform(0.15, 0.3) * sheet.width, sheet.rng.uniform(0.35, 0.6) * sheet.line
    sheet.box(x - 8, y - 8, x + w + 8, y + h + 8, (0.93, 0.92, 0.90))
    sheet.box(x, y, x + w, y + h, (0.80, 0.90, 0.97))
    sheet.box(x, y + h * 0.6, x + w, y + h, sheet.pick(GREENS))
    sheet.box(x + w / 2 - 4, y, x + w / 2 + 4, y + h, (0.93, 0.92, 0.90))
    if sheet.rng.random() < 0.5:
        cloth = sheet.pick(STONES)
        sheet.box(x - w * 0.25, y - 12, x + w * 0.08, y + h * 1.2, cloth)
        sheet.box(x + w * 0.92, y - 12, x + w * 1.25, y + h * 1.2, cloth)


def _picture(sheet: Sheet) -> None:
    x, y = sheet.rng.uniform(0, 0.9) * sheet.width, sheet.rng.uniform(0.05, 0.5) * sheet.line
    w, h = sheet.rng.uniform(0.06, 0.18, 2) * sheet.width
    sheet.box(x - 5, y - 5, x + w + 5, y + h + 5, sheet.pick(((0.25, 0.2, 0.16), (0.9, 0.9, 0.88), (0.6, 0.5, 0.3))))
    sheet.box(x, y, x + w, y + h, sheet.pick(((0.55, 0.68, 0.75), (0.85, 0.75, 0.6), (0.5, 0.55, 0.45))))
    sheet.box(x, y + h * 0.6, x + w, y + h, sheet.pick(GREENS))


def _shelf(sheet: Sheet) -> None:
    x, y, w = sheet.rng.uniform(0, 0.7) * sheet.width, sheet.rng.uniform(0.2, 0.6) * sheet.line, 0.28 * sheet.width
    at = x
    while at < x + w:
        thick, tall = sheet.rng.uniform(0.008, 0.022) * sheet.width, sheet.rng.uniform(0.05, 0.09) * sheet.width
        sheet.box(at, y - tall, at + thick, y, sheet.pick((*STONES, *WALLS, *GREENS, (0.55, 0.2, 0.2))))
        at += thick * 1.1
    sheet.box(x - 6, y, x + w + 6, y + 9, (0.42, 0.30, 0.20))


def _cupboard(sheet: Sheet) -> None:
    wood = sheet.pick(((0.50, 0.36, 0.24), (0.66, 0.52, 0.36), (0.86, 0.85, 0.82), (0.36, 0.40, 0.44)))
    x, w = sheet.rng.uniform(-0.05, 0.8) * sheet.width, sheet.rng.uniform(0.18, 0.36) * sheet.width
    top = sheet.line - sheet.rng.uniform(0.2, 0.6) * sheet.line
    foot = sheet.line + 0.02 * sheet.height
    sheet.box(x, top, x + w, foot, wood)
    for part in (0.03, 0.52):
        sheet.box(x + w * part, top + w * 0.05, x + w * (part + 0.45), foot - w * 0.05, tone(wood, 0.9))


def _studio(sheet: Sheet) -> None:
    wall = sheet.pick(WALLS)
    sheet.fade(0, sheet.line, tone(wall, 0.8), tone(wall, 1.1))
    sheet.fade(sheet.line, sheet.height, tone(wall, 1.0), tone(wall, 0.75))
    for _ in range(int(sheet.rng.integers(0, 5))):
        x, y = sheet.rng.uniform(0, sheet.width), sheet.rng.uniform(0, sheet.height)
        r = sheet.rng.uniform(0.05, 0.25) * sheet.width
        sheet.draw.ellipse((x - r, y - r, x + r, y + r), fill=paint(tone(wall, float(sheet.rng.uniform(0.85, 1.15)))))


def _brick(sheet: Sheet) -> None:
    brick = sheet.pick(STONES)
    sheet.box(0, 0, sheet.width, sheet.line, tone(brick, 0.75))
    tall = sheet.rng.uniform(0.025, 0.05) * sheet.width
    for row in range(int(sheet.line / tall) + 1):
        for x in np.arange(-tall * 2 + (row % 2) * tall * 1.1, sheet.width, tall * 2.2):
            shade = tone(brick, float(sheet.rng.uniform(0.88, 1.1)))
            bottom = min(row * tall + tall * 0.88, sheet.line)
            sheet.box(float(x), row * tall, float(x) + tall * 2.05, bottom, shade)
    _ground(sheet, sheet.pick(((0.5, 0.48, 0.46), (0.62, 0.58, 0.52))))
