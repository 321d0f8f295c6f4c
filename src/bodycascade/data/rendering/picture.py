"""One picture: a scene, people in it, objects before and behind them, and the camera."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bodycascade.data.rendering.canvas import Canvas
from bodycascade.data.rendering.composition import Composition, Person, compose
from bodycascade.data.rendering.figure import bounds, paint_figure
from bodycascade.data.rendering.light import develop, random_light
from bodycascade.data.rendering.objects import Spot, bicycle, place, seat
from bodycascade.data.rendering.parts import PartLabels
from bodycascade.data.rendering.scenery import paint_scene
from bodycascade.hierarchy import PASCAL_PART, Tree

ENLARGED = 2
"""Everything is painted at twice the size and reduced at the end, which smooths the edges."""


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
    plan = compose(rng, height * ENLARGED, width * ENLARGED)
    scene = paint_scene(rng, height * ENLARGED, width * ENLARGED, line=plan.line, outdoor=plan.outdoor)
    canvas = Canvas(scene, random_light(rng, outdoor=plan.outdoor), rng)
    _things(canvas, rng, plan, plan.behind, front=False)
    canvas.soften(float(rng.uniform(0.001, 0.006)) * side * ENLARGED)
    for person in plan.people:
        _rest(canvas, rng, person)
        paint_figure(canvas, person.figure, labels)
    _things(canvas, rng, plan, plan.before, front=True)
    colour, parts = canvas.finish(ENLARGED)
    return develop(colour, rng, grayscale=grayscale), parts


def _frame(rng: np.random.Generator, side: int) -> tuple[int, int]:
    short = round(side * float(rng.choice([0.66, 0.75, 0.75, 0.85, 1.0])))
    return (short, side) if rng.random() < 0.62 else (side, short)


def _things(
    canvas: Canvas,
    rng: np.random.Generator,
    plan: Composition,
    spots: tuple[tuple[float, float, float], ...],
    *,
    front: bool,
) -> None:
    for x, y, unit in spots:
        place(Spot(canvas, rng, x, y, unit), outdoor=plan.outdoor, front=front)


def _rest(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    # What carries the person: the ground's shadow, a seat, a bicycle.
    figure, size = person.figure, person.figure.unit * person.figure.build.size
    spot = Spot(canvas, rng, figure.hip[0], person.ground, size)
    if person.pose == "sit":
        seat(spot, (person.ground - figure.hip[1]) / size - 0.32)
    elif person.pose == "ride":
        bicycle(spot, 1.0 if figure.skeleton.view[0, 2] > 0 else -1.0)
    else:
        left, right = bounds(figure)[:2]
        lean = canvas.light.direction[0] * -0.6 * size
        canvas.ground_shadow((figure.hip[0] + lean, person.ground), (max(size, 0.3 * (right - left)), 0.2 * size), 0.5)
