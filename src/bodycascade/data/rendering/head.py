"""A head: skull and jaw, hair or hat, and as much of a face as the viewer can see."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bodycascade.data.rendering.canvas import Ellipsoid, Point, Tube
from bodycascade.data.rendering.material import Material, blend, tone
from bodycascade.data.rendering.parts import Layer, PartLabels
from bodycascade.data.rendering.skeleton import Vector

if TYPE_CHECKING:
    from bodycascade.data.rendering.figure import Figure

_SKULL = (0.37, 0.47, 0.42)
_FLIP = np.diag([1.0, -1.0, 1.0])  # the viewer's y is up, the screen's is down


def head_solids(figure: Figure, labels: PartLabels) -> list[Layer]:
    """The head's solids with their depth, the face included where it is turned to the viewer."""
    turn, centre, size = figure.skeleton.head, figure.skeleton.skull, figure.build.head
    # Never behind the neck: seen from the back, a bowed head would be painted over by it.
    depth = max(float(centre[2]), float(figure.skeleton.neck[2]) * 0.5) + 0.08
    skin, label = figure.outfit.skin, labels.head
    jaw = centre + turn @ np.array([0.0, -0.2, 0.07]) * size
    solids: list[Tube | Ellipsoid] = []
    for side in (-1, 1):
        ear = centre + turn @ np.array([side * 0.365, -0.02, -0.02]) * size
        solids.append(_ball(figure, ear, (0.05, 0.1, 0.075), skin, label))
    if abs(turn[0, 2]) > 0.5:
        solids.reverse()
    solids.append(_ball(figure, jaw, (0.285, 0.31, 0.3), skin, label, shadow=0.3))
    solids.append(_ball(figure, centre, _SKULL, skin, label))
    if figure.outfit.beard:
        beard = Material(tone(figure.outfit.hair.colour, 1.15), mottle=0.1)
        solids.append(_ball(figure, jaw, (0.295, 0.325, 0.315), beard, label, cut=(0.0, -0.8, 0.6, 0.55)))
    solids += _face(figure, centre, label)
    layers: list[Layer] = [(depth + 0.001 * index, solid) for index, solid in enumerate(solids)]
    return layers + _hair(figure, depth, label)


def _ball(
    figure: Figure,
    centre: Vector,
    radii: tuple[float, float, float],
    material: Material,
    label: int,
    *,
    cut: tuple[float, float, float, float] | None = None,
    shadow: float = 0.0,
) -> Ellipsoid:
    scale = figure.unit * figure.build.head
    sizes = (radii[0] * scale, radii[1] * scale, radii[2] * scale)
    return Ellipsoid(figure.at(centre), sizes, material, label, _FLIP @ figure.skeleton.head, cut, shadow)


def _hair(figure: Figure, depth: float, label: int) -> list[Layer]:
    outfit, centre, size = figure.outfit, figure.skeleton.skull, figure.build.head
    turn, style = figure.skeleton.head, outfit.hair_style
    layers: list[Layer] = []
    if style != "bald":
        grown = {"short": 1.07, "curly": 1.24, "bob": 1.12, "long": 1.1, "bun": 1.08}[style]
        # A slanted plane: above the brow in front, over the ears, down to the nape behind.
        line = {"short": -0.02, "curly": -0.08, "bob": -0.22, "long": -0.14, "bun": 0.0}[style]
        radii = (_SKULL[0] * grown, _SKULL[1] * grown, _SKULL[2] * grown)
        # Strands would close to rings on a ball.
        cap = _ball(figure, centre, radii, replace(outfit.hair, pattern="plain"), label, cut=(0.0, 1.0, -0.62, line))
        layers.append((depth + 0.05, cap))
    if style in ("long", "bob"):
        drop = 0.95 if style == "long" else 0.45
        top, bottom = np.array([0.0, 0.1, -0.14]) * size, np.array([0.0, -drop, -0.22]) * size
        wide = figure.unit * size
        stations = ((0.0, 0.4 * wide, 0.4 * wide), (0.5, 0.43 * wide, 0.43 * wide), (1.0, 0.34 * wide, 0.34 * wide))
        ends = figure.at(centre + turn @ top), figure.at(centre + turn @ bottom)
        behind = float((turn @ np.array([0.0, 0.0, -0.5]))[2])
        back = Tube(ends[0], ends[1], stations, outfit.hair, label, caps=(0.9, 0.5))
        # From the front it lies behind the shoulders, whatever the head does.
        trunk = float(figure.skeleton.neck[2]) * 0.5
        layers.append((min(depth + behind, trunk - 0.1) if behind < 0 else depth + behind + 0.08, back))
    if style == "bun":
        bun = centre + turn @ np.array([0.0, 0.38, -0.34]) * size
        place = depth + 0.06 if turn[2, 2] < 0 else depth - 0.05
        layers.append((place, _ball(figure, bun, (0.2, 0.2, 0.2), outfit.hair, label)))
    if outfit.hat is not None:
        layers += _hat(figure, outfit.hat, depth, label)
    return layers


def _hat(figure: Figure, cloth: Material, depth: float, label: int) -> list[Layer]:
    centre, turn, size = figure.skeleton.skull, figure.skeleton.head, figure.build.head
    crown = _ball(figure, centre, (0.42, 0.54, 0.47), cloth, label, cut=(0.0, 1.0, -0.1, 0.3))
    peak = centre + turn @ np.array([0.0, 0.17, 0.4]) * size
    brim = _ball(figure, peak, (0.33, 0.05, 0.3), Material(tone(cloth.colour, 0.8), mottle=0.03), label)
    ahead = 0.07 if turn[2, 2] > -0.2 else -0.05
    return [(depth + 0.065, crown), (depth + ahead, brim)]


def _face(figure: Figure, centre: Vector, label: int) -> list[Tube | Ellipsoid]:
    turn, size, skin = figure.skeleton.head, figure.build.head, figure.outfit.skin
    features: list[Tube | Ellipsoid] = []
    lip = Material(blend(skin.colour, (0.62, 0.18, 0.2), 0.5), mottle=0.0)
    dark = Material(tone(figure.outfit.hair.colour, 0.8), mottle=0.0)
    for side in (-1, 1):
        features += _eye(figure, centre, side, dark, label)
    nose = Material(tone(skin.colour, 1.02), mottle=0.0, gloss=0.05)
    tip, bridge = _on_face(0.0, -0.13, 0.065), _on_face(0.0, 0.03, -0.01)
    if (turn @ tip)[2] > -0.08:
        scale = figure.unit * size
        ends = figure.at(centre + turn @ bridge * size), figure.at(centre + turn @ tip * size)
        stations = ((0.0, 0.022 * scale, 0.022 * scale), (1.0, 0.052 * scale, 0.052 * scale))
        features.append(Tube(ends[0], ends[1], stations, nose, label, shadow=0.25))
    corners = [_on_face(angle, -0.3, -0.015) for angle in (-17, 0, 17)]
    corners[1][1] -= 0.025
    features += _stroke(figure, centre, corners, radius=0.026, material=lip, label=label)
    return features


def _eye(figure: Figure, centre: Vector, side: int, dark: Material, label: int) -> list[Tube | Ellipsoid]:
    turn, size = figure.skeleton.head, figure.build.head
    place = _on_face(side * 25, 0.0, 0.0)
    if (turn @ place)[2] < 0.08:
        return []
    white, iris = Material((0.95, 0.94, 0.92), mottle=0.0), Material((0.12, 0.09, 0.08), mottle=0.0)
    found: list[Tube | Ellipsoid] = [
        _ball(figure, centre + turn @ place * size, (0.068, 0.038, 0.03), white, label),
        _ball(figure, centre + turn @ (place * 1.03) * size, (0.034, 0.037, 0.03), iris, label),
    ]
    brow = [_on_face(side * angle, lift, 0.01) for angle, lift in ((14, 0.1), (25, 0.125), (37, 0.1))]
    found += _stroke(figure, centre, brow, radius=0.02, material=dark, label=label)
    if figure.outfit.glasses:
        rim = Material((0.1, 0.1, 0.12), mottle=0.0)
        circle = [
            _on_face(side * (25 + 13 * np.cos(a)), 0.095 * np.sin(a), 0.03) for a in np.linspace(0, 2 * np.pi, 13)
        ]
        found += _stroke(figure, centre, circle, radius=0.009, material=rim, label=label)
        bridge = [_on_face(side * angle, 0.02, 0.05) for angle in (0, 12)]
        found += _stroke(figure, centre, bridge, radius=0.009, material=rim, label=label)
    return found


def _on_face(angle: float, height: float, out: float) -> Vector:
    # A point of the skull's (below the eyes: the jaw's) surface at `angle` degrees from straight ahead, in heads.
    wide, _, deep = _SKULL
    level = float(np.sqrt(max(0.05, 1 - (height / _SKULL[1]) ** 2)))
    drop = float(np.sqrt(max(0.05, 1 - ((height + 0.2) / 0.31) ** 2))) if height < -0.05 else 0.0
    radial = np.radians(angle)
    ahead = max(deep * level * np.cos(radial), 0.3 * drop * np.cos(radial) + 0.07)
    return np.array([(wide * level + out) * np.sin(radial), height, ahead + out])


def _stroke(
    figure: Figure, centre: Vector, points: list[Vector], *, radius: float, material: Material, label: int
) -> list[Tube | Ellipsoid]:
    turn, size = figure.skeleton.head, figure.build.head
    thick = radius * figure.unit * size
    seen = [point for point in points if (turn @ point)[2] > 0.04]
    screen: list[Point] = [figure.at(centre + turn @ point * size) for point in seen]
    stations = ((0.0, thick, thick), (1.0, thick, thick))
    return [Tube(a, b, stations, material, label) for a, b in pairwise(screen)]
