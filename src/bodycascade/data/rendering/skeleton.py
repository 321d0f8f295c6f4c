"""An articulated body in three dimensions: build, pose, and where its joints come to lie on the screen.

Lengths are in heads; a standing adult is about 7.3 heads tall (Loomis, Figure Drawing for All It's Worth, 1943).
Body frame: x to the right of a viewer that the body faces, y up, z towards that viewer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

SIDES = (-1, 1)


@dataclass(frozen=True)
class Build:
    """Proportions: overall `size` and factors on the average adult's measures."""

    size: float
    head: float
    legs: float
    shoulders: float
    waist: float
    hips: float
    limbs: float
    bust: float


@dataclass(frozen=True)
class Arm:
    """Degrees: `flex` forward, `abduct` sideways, `elbow` bend, `roll` turns the bent forearm inwards."""

    flex: float
    abduct: float
    elbow: float
    roll: float


@dataclass(frozen=True)
class Leg:
    """Degrees: `flex` forward, `abduct` sideways, `knee` bend backwards."""

    flex: float
    abduct: float
    knee: float


@dataclass(frozen=True)
class Pose:
    """Degrees throughout. `lean` is forward, `roll` and `twist` turn the chest; `nod`, `turn`, `tilt` the head.

    `name` says what the body rests on: "stand", "sit", "ride" and so on.
    """

    name: str
    lean: float
    roll: float
    twist: float
    head: tuple[float, float, float]
    arms: tuple[Arm, Arm]
    legs: tuple[Leg, Leg]


@dataclass(frozen=True)
class Limb:
    """Three joints of an arm or leg and the tip of its hand or foot, (3,) each; `side` is -1 or 1."""

    side: int
    root: Vector
    middle: Vector
    end: Vector
    tip: Vector


@dataclass(frozen=True)
class Skeleton:
    """Joints in the viewer's frame (x right, y up, z to the viewer), in heads, the hip centre at the origin.

    `view` turns the body frame into the viewer's; `chest` and `head` are those parts' own axes there.
    """

    hip: Vector
    neck: Vector
    skull: Vector
    arms: tuple[Limb, Limb]
    legs: tuple[Limb, Limb]
    view: Matrix
    chest: Matrix
    head: Matrix


def turn_x(degrees: float) -> Matrix:
    """Rotation about x: y towards z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def turn_y(degrees: float) -> Matrix:
    """Rotation about y: z towards x."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def turn_z(degrees: float) -> Matrix:
    """Rotation about z: x towards y."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def pose_skeleton(build: Build, pose: Pose, *, yaw: float, pitch: float) -> Skeleton:
    """The joints of a body with `build` in `pose`, turned by `yaw` (0 faces the viewer) and seen from `pitch` above."""
    view = turn_x(pitch) @ turn_y(yaw)
    chest = view @ turn_x(pose.lean) @ turn_z(pose.roll) @ turn_y(pose.twist)
    s = build.size
    hip = np.zeros(3)
    neck = chest @ np.array([0.0, 2.38 * s, 0.0])
    nod, turn, tilt = pose.head
    head = chest @ turn_x(-0.5 * pose.lean) @ turn_y(turn) @ turn_x(nod) @ turn_z(tilt)
    skull = neck + chest @ np.array([0.0, 0.13 * s, 0.06 * s]) + head @ np.array([0.0, 0.52 * build.head, 0.06 * s])
    arms = (_arm(build, pose, chest, 0), _arm(build, pose, chest, 1))
    legs = (_leg(build, pose, view, 0), _leg(build, pose, view, 1))
    return Skeleton(hip, neck, skull, arms, legs, view, chest, head)


def _arm(build: Build, pose: Pose, chest: Matrix, index: int) -> Limb:
    side, arm, s = SIDES[index], pose.arms[index], build.size
    # A raised arm lifts and narrows the shoulder.
    lift = max(0.0, min(arm.abduct, 180) - 80) / 100 + max(0.0, arm.flex - 100) / 100
    root = chest @ np.array([side * (0.64 - 0.1 * lift) * build.shoulders * s, (2.06 + 0.16 * lift) * s, 0.0])
    upper = chest @ turn_z(side * arm.abduct) @ turn_x(-arm.flex)
    lower = upper @ turn_y(-side * arm.roll) @ turn_x(-arm.elbow)
    down = np.array([0.0, -1.0, 0.0])
    middle = root + upper @ down * 1.3 * s
    end = middle + lower @ down * 1.08 * s
    return Limb(side, root, middle, end, end + lower @ down * 0.62 * s)


def _leg(build: Build, pose: Pose, view: Matrix, index: int) -> Limb:
    side, leg, s = SIDES[index], pose.legs[index], build.size
    root = view @ np.array([side * 0.34 * build.hips * s, -0.02 * s, 0.0])
    upper = view @ turn_z(side * leg.abduct) @ turn_x(-leg.flex)
    lower = upper @ turn_x(leg.knee)
    down = np.array([0.0, -1.0, 0.0])
    middle = root + upper @ down * 1.78 * s * build.legs
    end = middle + lower @ down * 1.66 * s * build.legs
    flat = view @ turn_y(side * 14) @ np.array([0.0, 0.0, 1.0])
    own = lower @ np.array([0.0, -0.25, 1.0])
    # A foot under a nearly upright shin stands flat on the ground; else it goes on where the shin points.
    upright = float(np.clip(((view.T @ lower @ down)[1] + 0.6) / -0.3, 0, 1))
    ahead = flat * upright + own / np.linalg.norm(own) * (1 - upright)
    tip = end + ahead / np.linalg.norm(ahead) * 0.62 * s + view @ np.array([0.0, -0.14 * s, 0.0])
    return Limb(side, root, middle, end, tip)


def random_build(rng: np.random.Generator) -> Build:
    """A slim, average, heavy or young body."""
    kind = rng.choice(["average", "slim", "heavy", "broad", "child"], p=[0.36, 0.2, 0.16, 0.14, 0.14])
    near: Callable[[float], float] = lambda mean: float(rng.normal(mean, 0.025))  # noqa: E731
    soft = float(rng.uniform(0, 1))
    if kind == "child":
        size = float(rng.uniform(0.5, 0.72))
        return Build(size, 0.86 + 0.12 * size, near(0.93), near(0.9), near(1.06), near(0.98), near(1.04), 0.0)
    size = near(1.0)
    shape = {
        "average": (1.0, 1.0, 1.0, 1.0),
        "slim": (0.93, 0.86, 0.92, 0.88),
        "heavy": (1.05, 1.42, 1.2, 1.2),
        "broad": (1.14, 1.08, 1.0, 1.14),
    }[str(kind)]
    shoulders, waist, hips, limbs = (near(value) for value in shape)
    return Build(size, near(1.0), near(1.0), shoulders - 0.07 * soft, waist, hips + 0.06 * soft, limbs, soft)
