"""A clothed person as shaded solids, far ones first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bodycascade.data.rendering.canvas import Canvas, Point, Station, Tube
from bodycascade.data.rendering.head import head_solids
from bodycascade.data.rendering.material import Material, tone
from bodycascade.data.rendering.parts import Layer, PartLabels
from bodycascade.data.rendering.skeleton import Build, Limb, Skeleton, Vector
from bodycascade.data.rendering.wardrobe import Outfit

Profile = tuple[tuple[float, float], ...]
"""Where along a limb (0 to 1) and how thick it is there, in heads."""


@dataclass(frozen=True)
class Figure:
    """A person ready to paint: `hip` is the hip centre on the enlarged picture, `unit` the pixels of one head."""

    skeleton: Skeleton
    build: Build
    outfit: Outfit
    hip: Point
    unit: float

    def at(self, point: Vector) -> Point:
        """Where a joint lies on the picture."""
        return (self.hip[0] + self.unit * float(point[0]), self.hip[1] - self.unit * float(point[1]))


def paint_figure(canvas: Canvas, figure: Figure, labels: PartLabels) -> None:
    """Paint the person with its part labels."""
    canvas.begin(figure.unit)
    layers = [*_torso(figure, labels), *head_solids(figure, labels)]
    for limb in figure.skeleton.legs:
        layers += _leg(figure, limb, labels)
    for limb in figure.skeleton.arms:
        layers += _arm(figure, limb, labels)
    if figure.outfit.skirt:
        layers.append(_skirt(figure, labels))
    for _, solid in sorted(layers, key=lambda layer: layer[0]):
        if isinstance(solid, Tube):
            canvas.tube(solid)
        else:
            canvas.ellipsoid(solid)


def _across(front: float, side: float, figure: Figure) -> float:
    # Half the width of a round box with half-axes (front, side) in px, seen from where the viewer stands.
    facing = figure.skeleton.chest[2, 2] ** 2
    turned = min(1.0, figure.skeleton.chest[0, 2] ** 2)
    rest = max(0.0, 1 - facing - turned)
    size = figure.unit * figure.build.size
    return float(np.sqrt(front * front * (facing + rest) + side * side * turned)) * size


_TORSO = (  # where, half width from the front, half depth from the side, in heads
    (0.0, 0.26, 0.24),
    (0.05, 0.40, 0.30),
    (0.10, 0.58, 0.35),
    (0.16, 0.68, 0.38),
    (0.30, 0.69, 0.44),
    (0.45, 0.63, 0.42),
    (0.62, 0.55, 0.36),
    (0.80, 0.60, 0.37),
    (1.0, 0.68, 0.41),
)


def _torso_stations(figure: Figure) -> tuple[Station, ...]:
    build, chest = figure.build, figure.skeleton.chest
    stations = []
    for at, front, side in _TORSO:
        factor = build.shoulders if at < 0.4 else build.waist if at < 0.75 else build.hips * 0.6 + build.waist * 0.4
        loose = 0.05 if at > 0.4 and not figure.outfit.skirt else 0.0
        width = _across(front * factor + loose, side * (0.5 + 0.5 * factor) + loose, figure)
        # Seen from the side, chest and belly stand out to the front.
        chest_ahead = 0.12 * build.bust * np.exp(-(((at - 0.34) / 0.1) ** 2))
        belly_ahead = 0.35 * max(0.0, build.waist - 1.1) * np.exp(-(((at - 0.68) / 0.22) ** 2))
        bulge = figure.unit * build.size * float(chest_ahead + belly_ahead) * float(chest[0, 2])
        stations.append((at, width + max(0.0, bulge), width + max(0.0, -bulge)))
    return tuple(stations)


def _torso(figure: Figure, labels: PartLabels) -> list[Layer]:
    skeleton, outfit, build = figure.skeleton, figure.outfit, figure.build
    size = figure.unit * build.size
    neck, hip = figure.at(skeleton.neck), figure.at(skeleton.hip)
    axis = skeleton.chest @ np.array([0.0, 1.0, 0.0]) * build.size
    depth = float(skeleton.neck[2]) * 0.5
    throat = Tube(
        figure.at(skeleton.neck - (0.13 if skeleton.chest[2, 2] > 0 else 0.02) * axis),
        figure.at(skeleton.neck * 0.3 + skeleton.skull * 0.7),
        ((0.0, 0.25 * size, 0.25 * size), (0.3, 0.22 * size, 0.22 * size), (1.0, 0.21 * size, 0.21 * size)),
        outfit.skin,
        labels.torso,
    )
    trunk = Tube(neck, hip, _torso_stations(figure), outfit.top, labels.torso, caps=(0.2, 0.12), shadow=0.2)
    front, side = 0.66 * build.hips, 0.42 * build.hips
    seat = Tube(
        figure.at(skeleton.hip + 0.45 * axis),
        figure.at(skeleton.hip - 0.16 * axis),
        tuple(
            (at, _across(front * f, side * f, figure), _across(front * f, side * f, figure))
            for at, f in ((0.0, 0.9), (0.6, 1.03), (1.0, 0.95))
        ),
        outfit.bottom,
        labels.up_leg,
        caps=(0.2, 0.45),
    )
    layers: list[Layer] = [(depth - 0.32, seat), (depth, trunk), (depth + 0.05, throat)]
    for limb in skeleton.arms:
        layers.append((depth - 0.002, _shoulder(figure, limb, labels)))
    if outfit.inner is not None and skeleton.chest[2, 2] > 0.3:
        layers.append((depth + 0.01, _opening(figure, outfit.inner, labels)))
    return layers


def _shoulder(figure: Figure, limb: Limb, labels: PartLabels) -> Tube:
    # The slope from the neck to the arm, which the trunk alone would leave open.
    size = figure.unit * figure.build.size
    start = figure.skeleton.neck + (limb.root - figure.skeleton.neck) * 0.12
    end = figure.skeleton.neck + (limb.root - figure.skeleton.neck) * 0.9
    stations = ((0.0, 0.2 * size, 0.2 * size), (1.0, 0.225 * size, 0.225 * size))
    return Tube(figure.at(start), figure.at(end), stations, figure.outfit.top, labels.torso)


def _opening(figure: Figure, cloth: Material, labels: PartLabels) -> Tube:
    # The shirt that shows where a jacket is open: a strip in front of the chest.
    skeleton, size = figure.skeleton, figure.unit * figure.build.size
    ahead = skeleton.chest @ np.array([0.0, 0.0, 0.36 * figure.build.size])
    top, bottom = skeleton.neck * 0.98 + ahead * 0.5, skeleton.neck * 0.02 + ahead
    width = size * 0.2 * float(skeleton.chest[2, 2])
    stations = ((0.0, width, width), (0.5, width * 0.55, width * 0.55), (1.0, width * 0.8, width * 0.8))
    return Tube(figure.at(top), figure.at(bottom), stations, cloth, labels.torso, caps=(0.3, 0.1))


def _skirt(figure: Figure, labels: PartLabels) -> Layer:
    skeleton, outfit, build = figure.skeleton, figure.outfit, figure.build
    size = figure.unit * build.size
    knees = [figure.at(limb.root + (limb.middle - limb.root) * outfit.skirt / 1.78) for limb in skeleton.legs]
    axis = skeleton.chest @ np.array([0.0, 1.0, 0.0]) * build.size
    top = figure.at(skeleton.hip + 0.35 * axis)
    bottom = ((knees[0][0] + knees[1][0]) / 2, (knees[0][1] + knees[1][1]) / 2)
    waist = _across(0.56 * build.hips, 0.36 * build.hips, figure)
    hips = _across(0.72 * build.hips, 0.46 * build.hips, figure)
    hem = max(abs(knees[0][0] - knees[1][0]) / 2 + 0.36 * size, hips) + 0.12 * size
    stations = ((0.0, waist, waist), (0.28, hips, hips), (1.0, hem, hem))
    tube = Tube(top, bottom, stations, outfit.bottom, labels.up_leg, caps=(0.1, 0.08), shadow=0.15)
    return (float(skeleton.neck[2]) * 0.5 - 0.02, tube)


def _limb_tube(figure: Figure, ends: tuple[Vector, Vector], widths: Profile, cloth: Material, label: int) -> Tube:
    factor = figure.unit * figure.build.size * figure.build.limbs
    stations = tuple((at, width * factor, width * factor) for at, width in widths)
    return Tube(figure.at(ends[0]), figure.at(ends[1]), stations, cloth, label, shadow=0.22)


_UPPER_ARM = ((0.0, 0.225), (0.3, 0.215), (1.0, 0.165))
_LOWER_ARM = ((0.0, 0.165), (0.25, 0.175), (1.0, 0.105))
_THIGH = ((0.0, 0.38), (0.3, 0.37), (1.0, 0.235))
_SHIN = ((0.0, 0.225), (0.3, 0.245), (0.6, 0.185), (1.0, 0.13))


def _widths(profile: Profile, until: float, loose: float, flare: float) -> Profile:
    # The part of a limb's profile that cloth covers: from its start until `until`, wider by `loose` and `flare`.
    at, wide = [p for p, _ in profile], [w for _, w in profile]
    places = np.linspace(0, until, 6)
    return tuple((float(p / until), float(np.interp(p, at, wide)) + loose + flare * float(p)) for p in places)


def _arm(figure: Figure, limb: Limb, labels: PartLabels) -> list[Layer]:
    outfit, bias = figure.outfit, 0.12
    upper = _limb_tube(figure, (limb.root, limb.middle), _UPPER_ARM, outfit.skin, labels.up_hand)
    lower = _limb_tube(figure, (limb.middle, limb.end), _LOWER_ARM, outfit.skin, labels.low_hand)
    near = float(limb.root[2] + limb.middle[2]) / 2 + bias
    far = float(limb.middle[2] + limb.end[2]) / 2 + bias + 0.02
    layers: list[Layer] = [(near, upper), (far, lower), *_hand(figure, limb, labels, far)]
    if outfit.sleeve:
        until = min(outfit.sleeve, 1.0)
        cuff = limb.root + (limb.middle - limb.root) * until
        widths = _widths(_UPPER_ARM, until, 0.03, 0.03 if until < 1 else 0.015)
        layers.append((near + 0.005, _limb_tube(figure, (limb.root, cuff), widths, outfit.top, labels.up_hand)))
    if outfit.sleeve > 1:
        until = outfit.sleeve - 1
        cuff = limb.middle + (limb.end - limb.middle) * until * 0.98
        widths = _widths(_LOWER_ARM, until, 0.045, 0.0)
        layers.append((far + 0.005, _limb_tube(figure, (limb.middle, cuff), widths, outfit.top, labels.low_hand)))
    return layers


def _hand(figure: Figure, limb: Limb, labels: PartLabels, depth: float) -> list[Layer]:
    factor = figure.unit * figure.build.size
    palm_end = limb.end + (limb.tip - limb.end) * 0.55
    sizes = ((0.0, 0.1), (0.5, 0.15), (1.0, 0.13))
    palm = Tube(
        figure.at(limb.end),
        figure.at(palm_end),
        tuple((at, w * factor, w * factor) for at, w in sizes),
        figure.outfit.skin,
        labels.low_hand,
    )
    layers: list[Layer] = [(depth + 0.002, palm)]
    (ax, ay), (bx, by) = figure.at(limb.end), figure.at(limb.tip)
    length = max(float(np.hypot(bx - ax, by - ay)), 1e-6)
    dx, dy = (bx - ax) / length, (by - ay) / length
    reach = min(length, 0.62 * factor)
    for place, share in ((-0.095, 0.9), (-0.032, 1.0), (0.032, 0.98), (0.095, 0.86)):
        root = (ax + dx * reach * 0.5 - dy * place * factor, ay + dy * reach * 0.5 + dx * place * factor)
        spread = place * 1.25 * factor
        tip = (ax + dx * reach * share - dy * spread, ay + dy * reach * share + dx * spread)
        layers.append((depth + 0.003, _digit(root, tip, 0.04 * factor, figure, labels)))
    inward = -limb.side * float(np.sign(figure.skeleton.view[2, 2] or 1.0)) * float(np.sign(dy or 1.0))
    root = (ax + dx * reach * 0.2 - dy * inward * -0.08 * factor, ay + dy * reach * 0.2 + dx * inward * -0.08 * factor)
    tip = (ax + dx * reach * 0.55 - dy * inward * -0.22 * factor, ay + dy * reach * 0.55 + dx * inward * -0.22 * factor)
    layers.append((depth + 0.001, _digit(root, tip, 0.045 * factor, figure, labels)))
    return layers


def _digit(root: Point, tip: Point, radius: float, figure: Figure, labels: PartLabels) -> Tube:
    stations = ((0.0, radius, radius), (1.0, radius * 0.85, radius * 0.85))
    return Tube(root, tip, stations, figure.outfit.skin, labels.low_hand)


def _leg(figure: Figure, limb: Limb, labels: PartLabels) -> list[Layer]:
    outfit = figure.outfit
    thigh = _limb_tube(figure, (limb.root, limb.middle), _THIGH, outfit.skin, labels.up_leg)
    shin = _limb_tube(figure, (limb.middle, limb.end), _SHIN, outfit.skin, labels.low_leg)
    near = float(limb.root[2] + limb.middle[2]) / 2 - 0.2
    far = float(limb.middle[2] + limb.end[2]) / 2 - 0.2
    far = far - 0.3 if far < near - 0.15 else far + 0.02
    layers: list[Layer] = [(near, thigh), (far, shin), *_foot(figure, limb, labels, far)]
    if outfit.leg:
        until = min(outfit.leg, 1.0)
        hem = limb.root + (limb.middle - limb.root) * until
        widths = _widths(_THIGH, until, 0.03, 0.05 if until < 1 else 0.0)
        layers.append((near + 0.005, _limb_tube(figure, (limb.root, hem), widths, outfit.bottom, labels.up_leg)))
    if outfit.leg > 1:
        widths = _widths(_SHIN, 1.0, 0.03, 0.06)
        layers.append((far + 0.02, _limb_tube(figure, (limb.middle, limb.end), widths, outfit.bottom, labels.low_leg)))
    return layers


def _foot(figure: Figure, limb: Limb, labels: PartLabels, depth: float) -> list[Layer]:
    factor, shoe = figure.unit * figure.build.size, figure.outfit.shoe
    ahead = limb.tip - limb.end
    drop = figure.skeleton.view @ np.array([0.0, -0.09 * figure.build.size, 0.0])
    heel, toe = limb.end - ahead * 0.12 + drop, limb.tip + ahead * 0.05 + drop * 0.3
    sizes = ((0.0, 0.15), (0.4, 0.155), (0.75, 0.135), (1.0, 0.11))
    upper = Tube(
        figure.at(heel), figure.at(toe), tuple((at, w * factor, w * factor) for at, w in sizes), shoe, labels.low_leg
    )
    down = figure.skeleton.view @ np.array([0.0, -0.1 * figure.build.size, 0.0])
    flat = ((0.0, 0.06 * factor, 0.06 * factor), (1.0, 0.05 * factor, 0.05 * factor))
    pale = Material(tone((0.93, 0.92, 0.9), 0.55 if sum(shoe.colour) > 2 else 1.0), mottle=0.0)
    sole = Tube(figure.at(heel + down), figure.at(toe + down * 0.7), flat, pale, labels.low_leg)
    return [(depth + 0.001, sole), (depth + 0.002, upper)]


def bounds(figure: Figure) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the person's joints on the enlarged picture, hair and soles included."""
    joints = [figure.skeleton.skull, figure.skeleton.hip]
    for limb in (*figure.skeleton.arms, *figure.skeleton.legs):
        joints += [limb.root, limb.middle, limb.end, limb.tip]
    xs, ys = zip(*(figure.at(joint) for joint in joints), strict=True)
    edge = 0.3 * figure.unit * figure.build.size
    return min(xs) - edge, max(xs) + edge, min(ys) - 0.6 * figure.build.head * figure.unit, max(ys) + edge * 0.6
