"""People of one training picture put into another: Simple Copy-Paste, Ghiasi et al. 2021, arXiv:2012.07177.

A few thousand pictures show few people in front of a river, beside a dog or small on a far pavement; put together, any
of them can stand anywhere, at any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bodycascade.params import Augment
from bodycascade.preprocess.pack import Pack
from bodycascade.regions import Box, clusters
from bodycascade.train.boxes import people
from bodycascade.train.seeds import PASTE, Seed

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

LARGEST_ENLARGEMENT = 2.0
"""People are not enlarged by more than this factor, lest they be known by their blur."""

PLACES = 4
"""Random places that are compared: people are put where they hide the fewest of those who are there."""


@dataclass(frozen=True)
class _People:
    """A cluster of people: `image` (H, W, 3) uint8 RGB, `labels` (H, W) uint8, `shown` (H, W) bool where they are.

    `top`, `left`, `bottom`, `right`: whether their own picture cuts them off there.
    """

    image: UInt8
    labels: UInt8
    shown: Bool
    top: bool
    left: bool
    bottom: bool
    right: bool

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.labels.shape[0], self.labels.shape[1]

    def flipped(self) -> _People:
        """Left and right exchanged."""
        image, labels, shown = self.image[:, ::-1], self.labels[:, ::-1], self.shown[:, ::-1]
        return _People(image, labels, shown, self.top, self.right, self.bottom, self.left)


class Paster:
    """Puts people of other pictures of `pack` into views, by the params `paste`, `paste_smallest`, `paste_largest`."""

    def __init__(self, pack: Pack, *, augment: Augment, seed: Seed) -> None:
        self._pack, self._augment, self._seed = pack, augment, seed
        self._boxes = {i: clusters(people(pack.mask(i)), pack.mask(i).shape) for i in sorted(set(pack.epoch))}
        self._peopled = [i for i, boxes in self._boxes.items() if boxes]

    def pasted(self, image: UInt8, labels: UInt8, *, epoch: int, index: int) -> tuple[UInt8, UInt8, Bool]:
        """`image` (H, W, 3) RGB and `labels` (H, W), as they are or with people of another picture in front.

        The third array, (H, W) bool, tells which pixels are theirs. A function of (seed, expert, epoch, index) and the
        arguments, which are left as they are.
        """
        rng = np.random.default_rng(self._seed.derive(PASTE, epoch, index))
        if not self._peopled or rng.random() >= self._augment.paste:
            return image, labels, np.zeros(labels.shape, np.bool_)
        found = self._cut(rng)
        height, width = labels.shape
        low, high = np.log(self._augment.paste_smallest), np.log(self._augment.paste_largest)
        share = float(np.exp(rng.uniform(low, high)))
        factor = min(share * max(height, width) / max(found.size), LARGEST_ENLARGEMENT)
        factor = min(factor, height / found.size[0], width / found.size[1])
        rows, columns = (max(1, round(side * factor)) for side in found.size)
        starts = [
            (
                _start(height - rows, first=found.top, last=found.bottom, rng=rng),
                _start(width - columns, first=found.left, last=found.right, rng=rng),
            )
            for _ in range(PLACES)
        ]
        boxes = [Box(top, left, top + rows, left + columns) for top, left in starts]
        box = min(boxes, key=lambda box: np.count_nonzero(people(box.cut(labels))))
        return _put(found, image, labels, box)

    def _cut(self, rng: np.random.Generator) -> _People:
        index = self._peopled[rng.integers(len(self._peopled))]
        boxes = self._boxes[index]
        areas = np.sqrt([box.area for box in boxes])
        box = boxes[rng.choice(len(boxes), p=areas / areas.sum())]
        image, labels = self._pack.image(index), self._pack.mask(index)
        height, width = labels.shape
        shown = people(box.cut(labels))
        at = (box.top == 0, box.left == 0, box.bottom == height, box.right == width)
        found = _People(box.cut(image), box.cut(labels), shown, *at)
        return found.flipped() if rng.random() < self._augment.flip else found


def _start(room: int, *, first: bool, last: bool, rng: np.random.Generator) -> int:
    """Where on an axis people begin who leave `room` pixels free: who was cut off at one end is so again."""
    anywhere = int(rng.integers(room + 1))
    if first == last:
        return anywhere
    return 0 if first else room


def _put(found: _People, image: UInt8, labels: UInt8, box: Box) -> tuple[UInt8, UInt8, Bool]:
    size = (box.width, box.height)
    smaller = box.height < found.size[0]
    by = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    # Weighed by where they are, so that nothing of what was behind them comes along at the edges.
    alpha = found.shown.astype(np.float32)
    weight = cv2.resize(alpha, size, interpolation=by)[..., None]
    colour = cv2.resize(found.image * alpha[..., None], size, interpolation=by)
    names = cv2.resize(found.labels, size, interpolation=cv2.INTER_NEAREST)
    image, labels, put = image.copy(), labels.copy(), np.zeros(labels.shape, np.bool_)
    behind = box.cut(image)
    behind[...] = np.clip(np.rint(colour + (1 - weight) * behind), 0, 255).astype(np.uint8)
    put[box.top : box.bottom, box.left : box.right] = people(names)
    np.copyto(box.cut(labels), names, where=people(names))
    return image, labels, put
