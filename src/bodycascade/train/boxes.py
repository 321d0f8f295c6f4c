"""Views of single people in training, cut out as the cascade cuts them out of a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bodycascade.hierarchy import IGNORE
from bodycascade.params import TrainParams
from bodycascade.preprocess.pack import Pack
from bodycascade.regions import Box, Zoom, clusters
from bodycascade.train.seeds import BOX, Seed


class BoxChooser:
    """Which part of an image a view shows: all of it, or a box around some of the people in it, a little displaced.

    Without `zoom` it is always all of it.

    `inside` (256,) bool tells the labels of the expert's node: a box that holds n of them is chosen in proportion to
    n ** `box_size_power`, so that small people are seen often, and specks not for ever.
    """

    def __init__(
        self, pack: Pack, *, train: TrainParams, zoom: Zoom | None, seed: Seed, inside: npt.NDArray[np.bool_]
    ) -> None:
        self._pack, self._train, self._zoom, self._seed = pack, train, zoom, seed
        self._inside = inside
        self._found: dict[int, list[tuple[Box, float]]] = {}

    def box(self, epoch: int, index: int, *repeat: int) -> Box:
        """The part of image `index` that its view in `epoch` shows; a function of (seed, expert, epoch, index).

        `repeat`: which of the epoch's further views of that image it is, from 1; none for the first.
        """
        height, width = self._pack.labels(index).shape
        whole = Box(0, 0, height, width)
        if self._zoom is None or not self._train.box_share:
            return whole
        rng = np.random.default_rng(self._seed.derive(BOX, epoch, index, *repeat))
        if rng.random() >= self._train.box_share:
            return whole
        found = self._boxes(index)
        if not found:
            return whole
        boxes, weights = zip(*found, strict=True)
        total = sum(weights)
        chosen = boxes[rng.choice(len(boxes), p=[weight / total for weight in weights])]
        spread = rng.uniform(-self._train.box_jitter, self._train.box_jitter, 4) + self._zoom.margin
        box = self._holding(chosen.grown((spread[0], spread[1], spread[2], spread[3]), (height, width)), index, chosen)
        return whole if box.area > self._zoom.whole * whole.area else box

    def _boxes(self, index: int) -> list[tuple[Box, float]]:
        if index not in self._found:
            labels = self._pack.labels(index)
            boxes = [(box, self._count(box, index)) for box in clusters(people(labels), labels.shape)]
            self._found[index] = [(box, count**self._train.box_size_power) for box, count in boxes if count]
        return self._found[index]

    def _count(self, box: Box, index: int) -> int:
        return int(np.count_nonzero(self._inside[box.cut(self._pack.labels(index))]))

    def _holding(self, box: Box, index: int, otherwise: Box) -> Box:
        """`box`, unless its displacement has cut all of the node off."""
        return box if self._count(box, index) else otherwise


def people(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """(H, W) bool: where the labels (H, W) show somebody."""
    shown: npt.NDArray[np.bool_] = (labels != 0) & (labels != IGNORE)  # the background's label is 0 in every tree
    return shown
