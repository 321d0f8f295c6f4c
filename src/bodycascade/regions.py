"""Where the people are: boxes around clusters of pixels, so that small people can be looked at enlarged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from bodycascade.errors import BundleError

CELLS = 64
"""A mask is seen through a grid with so many cells along its long side: finer than any margin, and quick to search."""

NEAR = 2
"""Clusters with at most so many empty cells between them are one: an arm hidden by a post does not end a person."""

MOST = 8
"""With more clusters than this the two nearest are joined again and again: a crowd is looked at as a crowd."""


@dataclass(frozen=True)
class Box:
    """A part of an image in pixels: rows `top` to `bottom`, columns `left` to `right`, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def cut(self, array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The part of `array` (H, W, ...) in the box, as a view."""
        return array[self.top : self.bottom, self.left : self.right]

    def joined(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def overlaps(self, other: Box) -> bool:
        """Whether the two share a pixel."""
        rows = self.top < other.bottom and other.top < self.bottom
        return rows and self.left < other.right and other.left < self.right

    def grown(self, margins: tuple[float, float, float, float], size: tuple[int, int]) -> Box:
        """The box with its sides moved out by `margins` (top, left, bottom, right; shares of its own height or width).

        What would lie outside an image of `size` (H, W) is cut off; at least one pixel stays.
        """
        top, left, bottom, right = margins
        (height, width), (most_down, most_right) = (self.height, self.width), size
        first_row = min(max(0, round(self.top - top * height)), most_down - 1)
        first_column = min(max(0, round(self.left - left * width)), most_right - 1)
        last_row = max(min(most_down, round(self.bottom + bottom * height)), first_row + 1)
        last_column = max(min(most_right, round(self.right + right * width)), first_column + 1)
        return Box(first_row, first_column, last_row, last_column)


@dataclass(frozen=True)
class Zoom:
    """How people are looked for and enlarged.

    `threshold`: probability from which a pixel may be of a person. `margin`: what is added at each side of a box, as a
    share of its size. `whole`: a box with more than this share of the image is the whole image. `again_below`,
    `again_above`: where the root looks twice, the second look alone counts for boxes up to the first share of the
    image, the first look alone from the second share on, and between the two they are mixed; with 0 for both it looks
    once.
    """

    threshold: float
    margin: float
    whole: float
    again_below: float
    again_above: float

    def to_json(self) -> dict[str, float]:
        """The settings as plain data; `from_json` gives equal settings back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> Zoom:
        """The settings that `to_json` wrote; raises `BundleError` on anything else."""
        names = [field.name for field in fields(cls)]
        if not isinstance(data, dict) or sorted(data) != sorted(names):
            found = ", ".join(map(str, data)) if isinstance(data, dict) else type(data).__name__
            raise BundleError(f"zoom must have exactly {', '.join(names)}; found {found}")
        for name, value in data.items():
            if type(value) not in (int, float) or not 0 <= value <= (4 if name == "margin" else 1):
                raise BundleError(f"zoom: {name} must be a share from 0 to 1 (margin: to 4); found {value!r}")
        if data["again_below"] > data["again_above"]:
            raise BundleError(f"zoom: again_below, {data['again_below']}, is above again_above, {data['again_above']}")
        return cls(**{name: float(data[name]) for name in names})

    def looking_once(self) -> Zoom:
        """The same without the root's second look."""
        return replace(self, again_below=0.0, again_above=0.0)

    def second_weight(self, share: float) -> float:
        """Weight of the second look, 0 to 1, in a box that covers `share` of the image."""
        if share >= self.again_above:
            return 0.0
        if share <= self.again_below:
            return 1.0
        return (self.again_above - share) / (self.again_above - self.again_below)


def people_boxes(mask: npt.NDArray[np.bool_], size: tuple[int, int], zoom: Zoom) -> list[Box]:
    """Parts of an image of `size` (H, W) that hold all people in `mask` (h, w), with a margin; none overlaps another.

    The whole image alone where one of them would cover most of it; none where the mask is empty.
    """
    boxes = disjoint([box.grown((zoom.margin,) * 4, size) for box in clusters(mask, size)])
    if any(box.area > zoom.whole * size[0] * size[1] for box in boxes):
        return [Box(0, 0, *size)]
    return boxes


def clusters(mask: npt.NDArray[np.bool_], size: tuple[int, int]) -> list[Box]:
    """Boxes around the clusters of true pixels in `mask` (h, w), on an image of `size` (H, W) that the mask covers.

    From top to bottom by their first row of cells. Boxes are made of whole cells of the grid, so they hold every true
    pixel; those of two clusters may overlap.
    """
    occupied = _cells(mask)
    names = _components(occupied)
    boxes = []
    for name in np.unique(names[occupied]):
        ys, xs = np.nonzero((names == name) & occupied)
        top, bottom = _extent(ys, occupied.shape[0], mask.shape[0], size[0])
        left, right = _extent(xs, occupied.shape[1], mask.shape[1], size[1])
        boxes.append(Box(top, left, bottom, right))
    return sorted(_few(boxes), key=lambda box: (box.top, box.left))


def disjoint(boxes: list[Box]) -> list[Box]:
    """`boxes` with those that overlap joined, until none do."""
    done: list[Box] = []
    waiting = list(boxes)
    while waiting:
        box = waiting.pop(0)
        touching = [other for other in done if other.overlaps(box)]
        if not touching:
            done.append(box)
            continue
        for other in touching:
            done.remove(other)
            box = box.joined(other)
        waiting.insert(0, box)
    return done


def _cells(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(rows, columns): whether each cell of the grid holds a true pixel."""
    height, width = mask.shape
    scale = min(1.0, CELLS / max(height, width))
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    ys, xs = np.arange(rows) * height // rows, np.arange(columns) * width // columns
    below: npt.NDArray[np.bool_] = np.logical_or.reduceat(np.logical_or.reduceat(mask, ys, axis=0), xs, axis=1)
    return below


def _extent(cells: npt.NDArray[np.int64], count: int, pixels: int, side: int) -> tuple[int, int]:
    """(first, last excluded) pixel of an image's `side` under `cells`, of `count` over a mask's side of `pixels`."""
    first, last = int(cells.min()) * pixels // count, (int(cells.max()) + 1) * pixels // count
    return first * side // pixels, -(-last * side // pixels)


def _components(occupied: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """(rows, columns): a number for each cluster, at its cells and at those around it; -1 elsewhere."""
    reach = (NEAR + 1) // 2
    wide = _spread(occupied.astype(np.int64), reach) > 0
    names = np.where(wide, np.arange(wide.size).reshape(wide.shape), -1)
    while True:
        spread = np.where(wide, _spread(names, 1), -1)
        if np.array_equal(spread, names):
            return names
        names = spread


def _spread(values: npt.NDArray[np.int64], reach: int) -> npt.NDArray[np.int64]:
    """(rows, columns): the largest value at most `reach` cells away, diagonals included."""
    for _ in range(reach):
        padded = np.pad(values, 1, constant_values=-1)
        tall = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
        values = np.maximum(np.maximum(tall[:, :-2], tall[:, 1:-1]), tall[:, 2:])
    return values


def _few(boxes: list[Box]) -> list[Box]:
    sides = np.array([(box.top, box.left, -box.bottom, -box.right) for box in boxes], np.int64).reshape(-1, 4)
    while len(sides) > MOST:
        joined = np.minimum(sides[:, None], sides[None])  # (boxes, boxes, 4)
        areas = (joined[..., 2] + joined[..., 0]) * (joined[..., 3] + joined[..., 1])
        own = areas.diagonal()
        waste = areas - own - own[:, None]
        np.fill_diagonal(waste, np.iinfo(np.int64).max)
        one, other = np.unravel_index(int(waste.argmin()), waste.shape)
        rest = np.delete(sides, [one, other], axis=0)
        sides = np.concatenate([rest, joined[one, other][None]])
    return [Box(int(top), int(left), -int(bottom), -int(right)) for top, left, bottom, right in sides]
