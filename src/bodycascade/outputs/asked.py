"""Which outputs are wanted of a picture, and what each of them is called and made by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from bodycascade.errors import TreeError
from bodycascade.files import replace_file
from bodycascade.hierarchy import Tree
from bodycascade.outputs.coco import FORMS, class_annotations
from bodycascade.outputs.labels import write_labels
from bodycascade.outputs.masks import write_cutout, write_mask
from bodycascade.outputs.overlay import write_overlay
from bodycascade.outputs.probabilities import write_probabilities
from bodycascade.outputs.shares import nodes_down_to, shares
from bodycascade.segmentation import Segmentation

LEVELS = {"body": 0, "halves": 1, "parts": 2}
"""Names of the levels of Pascal-Part's tree, and of others that have as many."""


@dataclass(frozen=True)
class FileOutput:
    """One file per picture: `kind` says what, `suffix` ends its name, `write` puts the bytes into an open file."""

    kind: str
    suffix: str
    write: Callable[[Segmentation, BinaryIO], None]

    def save(self, segmentation: Segmentation, path: Path) -> None:
        """Write the output to `path`, whole or not at all."""
        with replace_file(path) as aside, aside.open("wb") as file:
            self.write(segmentation, file)


@dataclass(frozen=True)
class Asked:
    """The outputs that are wanted, at `level` of the tree.

    Files: `labels` (indexed PNG), `overlay` (JPEG, with a `legend`), `masks` (a PNG per node), `cutouts` (RGBA PNG of
    these nodes), `probabilities` (npz). Records, gathered into one file for all pictures: `coco` ("", "rle" or
    "polygons") and `shares`.
    """

    level: int
    labels: bool = False
    overlay: bool = False
    legend: bool = True
    masks: bool = False
    cutouts: tuple[str, ...] = ()
    probabilities: bool = False
    coco: str = ""
    shares: bool = False

    def files(self, tree: Tree) -> tuple[FileOutput, ...]:
        """The files of each picture; raises `TreeError` for a level or node that the tree does not have."""
        tree.check_level(self.level)
        for node in self.cutouts:
            if tree.level_of(node) > self.level:
                raise TreeError(
                    f"the cut-out {node} needs level {tree.level_of(node)}; found level {self.level}: ask for a finer "
                    "one, or leave the level out"
                )
        at = self.level
        found: list[FileOutput] = []
        if self.labels:
            found.append(FileOutput("labels", ".png", partial(write_labels, at)))
        if self.overlay:
            kind = "overlay" if self.legend else "overlay without legend"
            found.append(FileOutput(kind, ".overlay.jpg", partial(write_overlay, at, self.legend)))
        if self.masks:
            found += [
                FileOutput(f"mask {node}", f".mask-{node}.png", partial(write_mask, node))
                for node in nodes_down_to(tree, at)
            ]
        for node in dict.fromkeys(self.cutouts):
            found.append(FileOutput(f"cutout {node}", f".cutout-{node}.png", partial(write_cutout, node)))
        if self.probabilities:
            found.append(FileOutput("probabilities", ".probs.npz", partial(write_probabilities, at)))
        return tuple(found)

    def records(self, segmentation: Segmentation) -> dict[str, Any]:
        """Plain data for the files that hold all pictures, by `record_kinds`."""
        found: dict[str, Any] = {}
        if self.coco:
            found[f"coco {self.coco}"] = class_annotations(segmentation, self.level, self.coco)
        if self.shares:
            found["shares"] = shares(segmentation, self.level)
        return found

    def record_kinds(self) -> tuple[str, ...]:
        """The keys of `records`."""
        return (*((f"coco {self.coco}",) if self.coco else ()), *(("shares",) if self.shares else ()))

    def __post_init__(self) -> None:
        if self.coco and self.coco not in FORMS:
            raise TreeError(f"coco: expected {' or '.join(FORMS)}, found {self.coco!r}")


def level_number(word: str | None, tree: Tree) -> int:
    """The level that `word` means: a number, one of the `LEVELS`, or None for the finest.

    Raises `TreeError` where there is none.
    """
    finest = len(tree.levels) - 1
    if word is None:
        return finest
    names = level_words(tree)
    number = names.get(word, int(word) if word.isascii() and word.isdigit() and len(word) < 5 else -1)
    if not 0 <= number <= finest:
        named = f", or {', '.join(names)}" if names else ""
        raise TreeError(f"no level is called {word!r}; expected 0 to {finest}{named}")
    return number


def level_words(tree: Tree) -> dict[str, int]:
    """Names of the levels of `tree`, none where it has not as many as they are for."""
    return LEVELS if len(tree.levels) == len(LEVELS) else {}
