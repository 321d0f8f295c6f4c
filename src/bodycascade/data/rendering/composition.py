"""Who stands where: how large the people are, where the ground lies, where things stand behind and before them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bodycascade.data.rendering.figure import Figure, bounds
from bodycascade.data.rendering.poses import random_pose
from bodycascade.data.rendering.skeleton import pose_skeleton, random_build
from bodycascade.data.rendering.wardrobe import random_outfit

ADULT = 7.3
"""Heads in a standing adult's height."""

POSES = {"stand": 0.46, "walk": 0.2, "cheer": 0.13, "run": 0.07, "crouch": 0.07, "bend": 0.03, "sit": 0.2, "ride": 0.08}
CALM = {"stand": 0.55, "walk": 0.1, "cheer": 0.17, "sit": 0.18}


@dataclass(frozen=True)
class Shot:
    """How a picture is framed, in shares of its height: `tall` is an adult's full height, `top` where the head begins.

    `people` is how many there are; `calm` leaves out poses that a narrow frame would cut to pieces.
    """

    share: float
    tall: tuple[float, float]
    top: tuple[float, float]
    people: tuple[int, int]
    calm: bool


SHOTS = (
    Shot(0.14, (2.3, 4.0), (0.02, 0.22), (1, 2), True),
    Shot(0.25, (1.25, 2.4), (0.03, 0.25), (1, 3), True),
    Shot(0.28, (0.66, 0.95), (0.03, 0.15), (1, 3), False),
    Shot(0.18, (0.36, 0.6), (0.12, 0.38), (2, 6), False),
    Shot(0.15, (0.12, 0.28), (0.3, 0.5), (1, 5), False),
)


@dataclass(frozen=True)
class Person:
    """A figure, the y of the ground it stands on, and what carries it: the name of its pose."""

    figure: Figure
    ground: float
    pose: str


@dataclass(frozen=True)
class Composition:
    """A planned picture in pixels of the enlarged size; people far ones first, things as (x, ground y, unit)."""

    line: float
    outdoor: bool
    people: tuple[Person, ...]
    behind: tuple[tuple[float, float, float], ...]
    before: tuple[tuple[float, float, float], ...]


def compose(rng: np.random.Generator, height: int, width: int) -> Composition:
    """A plan for a picture of `height` x `width` pixels."""
    shares = np.array([shot.share for shot in SHOTS])
    shot = SHOTS[int(rng.choice(len(SHOTS), p=shares / shares.sum()))]
    outdoor = bool(rng.random() < 0.6)
    tall, top = float(rng.uniform(*shot.tall)), float(rng.uniform(*shot.top))
    ground, unit = (top + tall) * height, tall * height / ADULT
    # Outdoors the horizon is about as high as the camera; indoors the wall meets the floor behind the feet.
    eye = ground - tall * height * float(rng.uniform(0.55, 1.15))
    floor = ground - tall * height * float(rng.uniform(0.06, 0.3))
    line = float(np.clip(eye, 0.2 * height, 0.62 * height)) if outdoor else float(np.clip(floor, 0, 0.92 * height))
    vanish = line if outdoor else min(eye, line - 0.1 * height)
    people = _people(rng, shot, (height, width), ground=ground, vanish=vanish, unit=unit)
    slope = unit / max(ground - vanish, 1.0)
    behind = []
    for _ in range(int(rng.integers(0, 5))):
        y = float(rng.uniform(line + 0.02 * height, max(line + 0.05 * height, min(ground, 1.05 * height))))
        behind.append((float(rng.uniform(0, width)), y, slope * (y - vanish)))
    before = []
    if rng.random() < 0.3 and tall < 2.2:
        near = float(rng.uniform(1.04, 1.12))
        x = people[-1].figure.hip[0] + float(rng.normal(0, 1.2)) * unit
        before.append((x, vanish + (ground - vanish) * near, unit * near))
    return Composition(line, outdoor, people, tuple(sorted(behind, key=lambda spot: spot[1])), tuple(before))


def _people(
    rng: np.random.Generator, shot: Shot, frame: tuple[int, int], *, ground: float, vanish: float, unit: float
) -> tuple[Person, ...]:
    height, width = frame
    fitting = max(1, int(width / (1.15 * unit)))
    count = min(fitting, int(rng.integers(shot.people[0], shot.people[1] + 1)))
    spread = rng.permutation(count)
    people = []
    for index in range(count):
        depth = 1.0 if index == 0 else float(rng.uniform(0.78, 1.06))
        y = vanish + (ground - vanish) * depth
        x = width * (0.08 + 0.84 * (spread[index] + rng.uniform(0.2, 0.8)) / count)
        person = _person(rng, shot, (float(x), y), unit * depth)
        people.append(_lifted(person, 0.5 * height) if shot.calm else person)
    return tuple(sorted(people, key=lambda person: person.ground))


def _lifted(person: Person, lowest: float) -> Person:
    # A child in a picture framed for adults is held or stands on something: its head has to be seen.
    top = bounds(person.figure)[2]
    if top <= lowest:
        return person
    x, y = person.figure.hip
    rise = top - lowest * 0.6
    return replace(person, figure=replace(person.figure, hip=(x, y - rise)), ground=person.ground - rise)


def _person(rng: np.random.Generator, shot: Shot, foot: tuple[float, float], unit: float) -> Person:
    pose = random_pose(rng, CALM if shot.calm else POSES)
    build = random_build(rng)
    if pose.name == "ride":
        yaw = float(rng.choice([-90, 90]) + rng.normal(0, 8))
    else:
        kind = rng.choice(3, p=[0.66, 0.24, 0.1])
        yaw = float((rng.normal(0, 30), rng.choice([-90, 90]) + rng.normal(0, 18), 180 + rng.normal(0, 30))[int(kind)])
    skeleton = pose_skeleton(build, pose, yaw=yaw, pitch=float(rng.uniform(0, 10)))
    outfit = random_outfit(rng, skirt_allowed=pose.name == "stand")
    draft = Figure(skeleton, build, outfit, (foot[0], 0.0), unit)
    lift = 0.25 * unit * build.size if pose.name == "ride" else 0.0
    return Person(
        Figure(skeleton, build, outfit, (foot[0], foot[1] - bounds(draft)[3] - lift), unit), foot[1], pose.name
    )
