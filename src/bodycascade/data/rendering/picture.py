"""One picture: a scene, people in it, objects before and behind them, and the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bodycascade.data.rendering.canvas import Canvas
from bodycascade.data.rendering.figure import Figure, bounds, paint_figure
from bodycascade.data.rendering.light import develop, random_light
from bodycascade.data.rendering.parts import PartLabels
from bodycascade.data.rendering.poses import random_pose
from bodycascade.data.rendering.scenery import paint_scene
from bodycascade.data.rendering.skeleton import assemble, random_build
from bodycascade.data.rendering.wardrobe import random_outfit
from bodycascade.hierarchy import PASCAL_PART, Tree

ENLARGED = 2
"""Everything is painted at twice the size and reduced at the end, which smooths the edges."""

UPRIGHT = {"stand": 0.5, "walk": 0.22, "cheer": 0.14, "run": 0.07, "crouch": 0.07, "bend": 0.04, "sit": 0.2, "ride": 0.1}


def render(
    seed: int, side: int, *, grayscale: bool = False, tree: Tree = PASCAL_PART
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A picture of rendered people, image (H, W, 3) uint8 RGB, and its labels (H, W) uint8; the long side is `side`.

    The same arguments give the same bytes. At least one person is visible. `tree` says which label each part has;
    raises `TreeError` where its leaves are not the six parts.
    """
    labels = PartLabels.of(tree)
    attempt = 0
    while True:
        rng = np.random.default_rng([seed, attempt])
        image, parts = _render(rng, side, grayscale, labels)
        if (parts > 0).sum() >= max(12, 0.002 * parts.size):
            return image, parts
        attempt += 1


def _render(
    rng: np.random.Generator, side: int, grayscale: bool, labels: PartLabels
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    height, width = _frame(rng, side)
    scene, horizon, outdoor = paint_scene(rng, height * ENLARGED, width * ENLARGED)
    canvas = Canvas(scene, random_light(rng, outdoor=outdoor), rng)
    for figure in _people(rng, canvas):
        paint_figure(canvas, figure, labels)
    colour, parts = canvas.finish(ENLARGED)
    return develop(colour, rng, grayscale=grayscale), parts


def _frame(rng: np.random.Generator, side: int) -> tuple[int, int]:
    short = int(round(side * rng.choice([0.66, 0.75, 0.75, 0.85, 1.0])))
    return (short, side) if rng.random() < 0.62 else (side, short)


@dataclass(frozen=True)
class Shot:
    """How large and how many: `tall` is the full height of a standing adult as a share of the picture's height."""

    tall: tuple[float, float]
    top: tuple[float, float]
    people: tuple[int, int]


SHOTS = {
    "close": (0.16, Shot((2.6, 4.6), (-0.05, 0.2), (1, 2))),
    "half": (0.19, Shot((1.25, 2.1), (0.03, 0.2), (1, 3))),
    "full": (0.3, Shot((0.66, 0.95), (0.03, 0.15), (1, 3))),
    "group": (0.22, Shot((0.38, 0.62), (0.1, 0.35), (2, 5))),
    "far": (0.13, Shot((0.13, 0.3), (0.3, 0.5), (1, 5))),
}


def _people(rng: np.random.Generator, canvas: Canvas) -> list[Figure]:
    names = list(SHOTS)
    weights = np.array([SHOTS[name][0] for name in names])
    shot = SHOTS[names[int(rng.choice(len(names), p=weights / weights.sum()))]][1]
    count = int(rng.integers(shot.people[0], shot.people[1] + 1))
    tall, top = rng.uniform(*shot.tall), rng.uniform(*shot.top)
    figures = []
    for index in range(count):
        build = random_build(rng)
        pose = random_pose(rng, UPRIGHT)
        yaw = float(rng.choice([rng.normal(0, 30), rng.choice([-90, 90]) + rng.normal(0, 20), 180 + rng.normal(0, 30)], p=[0.62, 0.26, 0.12]))
        skeleton = assemble(build, pose, yaw=yaw, pitch=float(rng.uniform(0, 10)))
        unit = tall * canvas.height / 7.3
        x = canvas.width * ((index + rng.uniform(0.25, 0.75)) / count)
        outfit = random_outfit(rng, skirt_allowed=pose.name == "stand")
        figure = Figure(skeleton, build, outfit, (x, 0.0), unit)
        ground = (top + tall) * canvas.height
        figures.append(Figure(skeleton, build, outfit, (x, ground - bounds(figure)[3]), unit))
    return figures
