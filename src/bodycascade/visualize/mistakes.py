"""Where a prediction is wrong, and in which way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bodycascade.hierarchy import Tree

RIGHT_BACKGROUND, RIGHT, WRONG_PART, MISSED, FALSE = range(5)
"""Ids of an error map: nothing there and nothing said; the right part; something there, but another part; something
there, called background; background, called something."""

COLOURS: dict[int, tuple[int, int, int]] = {
    RIGHT: (225, 230, 232),
    WRONG_PART: (255, 176, 0),
    MISSED: (31, 190, 242),
    FALSE: (226, 29, 127),
}
"""RGB of the error map: amber, sky blue and magenta stay apart in the common colour weaknesses (after IBM's)."""


@dataclass(frozen=True)
class MistakeKind:
    """One entry of the legend: its id in the error map, a short name and what it means."""

    id: int
    name: str
    meaning: str


def thing_name(tree: Tree) -> str:
    """What is looked for in pictures, in a word: the coarsest class, "object" where there are several."""
    return tree.thing or "object"


def kinds_of_mistake(tree: Tree) -> tuple[MistakeKind, ...]:
    """The legend of the error map, in the words of the tree."""
    thing = thing_name(tree)
    return (
        MistakeKind(FALSE, f"false {thing}", "background taken for a part"),
        MistakeKind(MISSED, f"missed {thing}", "a part taken for background"),
        MistakeKind(WRONG_PART, "wrong part", f"{thing} found, its part mistaken"),
        MistakeKind(RIGHT, "right", "as in the truth"),
    )


def error_map(truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(H, W) uint8 of the ids above for two label maps (H, W) uint8 of one size."""
    found = np.full(truth.shape, RIGHT_BACKGROUND, np.uint8)
    found[(truth > 0) & (predicted == truth)] = RIGHT
    found[(truth > 0) & (predicted > 0) & (predicted != truth)] = WRONG_PART
    found[(truth > 0) & (predicted == 0)] = MISSED
    found[(truth == 0) & (predicted > 0)] = FALSE
    return found
