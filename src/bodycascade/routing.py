"""From the experts' small conditional maps to labels and probabilities at the image's own size.

P(leaf) is the product of the conditionals on its path. Hard routing walks down instead: a child decides only where its
parent won. Large pictures are made in horizontal strips, so memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bodycascade.hierarchy import Node, Tree
from bodycascade.regions import Box
from bodycascade.strips import strips

STRIP_PIXELS = 1 << 17
"""So many pixels are decided at once. With larger buffers the allocator asks the system for fresh memory at each
image, which costs a third of the time spent here."""


@dataclass(frozen=True)
class Conditionals:
    """What the experts said of one image.

    `size` (H, W) is the image's own. `maps`: for each expert that ran, (children, h, w) float32, the probability of
    each child given the node, at the expert's grid, which covers the same image with pixels of another size. An expert
    that did not run, because nothing reached its node, holds its children for equally likely.
    """

    tree: Tree
    size: tuple[int, int]
    maps: Mapping[str, Tensor]


@torch.inference_mode()
def hard_labels(conditionals: Conditionals) -> npt.NDArray[np.uint8]:
    """(H, W) uint8 leaf labels by walking down the tree; of equally likely children the first wins."""
    root = _root_map(conditionals)
    if root is None:
        return np.zeros(conditionals.size, np.uint8)
    # Interpolation stays between its neighbours: rows near which the background wins all over the grid are background.
    span = _span((root[1:] > root[:1]).any(dim=0), conditionals.size[0])
    return _in_strips(conditionals.size, span, _Walk(conditionals).labels)


@torch.inference_mode()
def soft_labels(conditionals: Conditionals) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: the label of the most probable leaf at each pixel; of equally likely ones the smallest."""
    root = _root_map(conditionals)
    if root is None:
        return np.zeros(conditionals.size, np.uint8)
    products = _Products(conditionals)

    def decide(top: int, bottom: int) -> Tensor:
        best, *others = products.leaves(top, bottom)
        labels = _label(0, best.device)
        for label, probability in enumerate(others, start=1):
            labels = _pick(probability > best, _label(label, best.device), labels)
            best = torch.maximum(best, probability)
        return labels

    # Where the background is as probable as all else together, no leaf can have more.
    return _in_strips(conditionals.size, _span(root[0] < 0.5, conditionals.size[0]), decide)


@torch.inference_mode()
def leaf_probabilities(
    conditionals: Conditionals, out: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """(labels, H, W) float32: the probability of each leaf label, channel = label, summing to 1 at each pixel.

    They are written to `out` where it is given, which is then what is returned.
    """
    height, width = conditionals.size
    probabilities = np.empty((conditionals.tree.num_labels, height, width), np.float32) if out is None else out
    products = _Products(conditionals)
    for strip in strips(0, height, width=width, pixels=STRIP_PIXELS):
        for label, probability in enumerate(products.leaves(strip.start, strip.stop)):
            probabilities[label, strip] = probability.cpu().numpy()
    return probabilities


@dataclass(frozen=True)
class LeafProbabilities:
    """Computes the probabilities of a picture of `size` (H, W) from its regions, each time it is called.

    `regions`: (box, conditionals) of each, which do not overlap; where none is, nobody was found. Can be pickled.
    """

    tree: Tree
    size: tuple[int, int]
    regions: list[tuple[Box, Conditionals]]

    def __call__(self) -> npt.NDArray[np.float32]:
        """(labels, H, W) float32, as `leaf_probabilities`."""
        found = np.zeros((self.tree.num_labels, *self.size), np.float32)
        found[0] = 1.0
        for box, conditionals in self.regions:
            leaf_probabilities(conditionals, found[:, box.top : box.bottom, box.left : box.right])
        return found


class _Upsampled:
    """Rows of a map (C, h, w) as it looks at (H, W): bilinear, grids cover the same area (corners not aligned)."""

    def __init__(self, small: Tensor, size: tuple[int, int]) -> None:
        self._small, (height, self._width) = small, size
        self._same = tuple(small.shape[-2:]) == size
        above, weight = _neighbours(small.shape[1], height)
        self._above = torch.from_numpy(above).to(small.device)
        self._below = (self._above + 1).clamp_(max=small.shape[1] - 1)
        self._weight = torch.from_numpy(weight).to(small.device)[:, None]  # (H, 1)

    def rows(self, top: int, bottom: int) -> Tensor:
        """(C, bottom - top, W)"""
        if self._same:
            return self._small[:, top:bottom]
        above = self._small.index_select(1, self._above[top:bottom])
        below = self._small.index_select(1, self._below[top:bottom])
        tall = torch.lerp(above, below, self._weight[top:bottom])  # (C, rows, w)
        shape = (bottom - top, self._width)
        return functional.interpolate(tall[None], size=shape, mode="bilinear", align_corners=False)[0]


class _Walk:
    """Hard routing: each node's labels are chosen among those of its children."""

    def __init__(self, conditionals: Conditionals) -> None:
        tree, maps = conditionals.tree, conditionals.maps
        self._root = tree.root
        self._device = next((small.device for small in maps.values()), torch.device("cpu"))
        self._margins: dict[str, _Upsampled] = {}
        self._only: dict[str, Node] = {}
        for spec in tree.experts:
            node, small = tree.node(spec.node), maps.get(spec.name)
            if small is None:
                self._only[node.name] = node.children[0]
                continue
            if len(node.children) == 2:
                small = small[1:] - small[:1]  # one channel is enough to tell which of two is larger
            self._margins[node.name] = _Upsampled(small, conditionals.size)

    def labels(self, top: int, bottom: int) -> Tensor:
        """Broadcastable to (bottom - top, W), uint8."""
        return self._labels(self._root, top, bottom)

    def _labels(self, node: Node, top: int, bottom: int) -> Tensor:
        if node.label is not None:
            return _label(node.label, self._device)
        if node.name in self._only:
            return self._labels(self._only[node.name], top, bottom)
        margins = self._margins[node.name].rows(top, bottom)
        first, *others = node.children
        labels = self._labels(first, top, bottom)
        if len(others) == 1:
            return _pick(margins[0] > 0, self._labels(others[0], top, bottom), labels)
        best = margins[0]
        for place, child in enumerate(others, start=1):
            labels = _pick(margins[place] > best, self._labels(child, top, bottom), labels)
            if place < len(others):
                best = torch.maximum(best, margins[place])
        return labels


class _Products:
    """Probabilities of the leaves: products of the conditionals down their paths."""

    def __init__(self, conditionals: Conditionals) -> None:
        self._tree = conditionals.tree
        self._size = conditionals.size
        self._device = next((small.device for small in conditionals.maps.values()), torch.device("cpu"))
        self._upsampled: dict[str, _Upsampled] = {}
        for spec in self._tree.experts:
            if (small := conditionals.maps.get(spec.name)) is not None:
                # The first of two children is what the second leaves, so only one channel is upsampled.
                small = small[1:] if len(spec.children) == 2 else small
                self._upsampled[spec.node] = _Upsampled(small, conditionals.size)

    def leaves(self, top: int, bottom: int) -> list[Tensor]:
        """One (bottom - top, W) float32 for each label, in the order of the labels."""
        shape = (bottom - top, self._size[1])
        found: dict[int, Tensor] = {}
        self._collect(
            self._tree.root, torch.ones(shape, dtype=torch.float32, device=self._device), (top, bottom), found
        )
        return [found[label] for label in range(self._tree.num_labels)]

    def _collect(self, node: Node, probability: Tensor, rows: tuple[int, int], found: dict[int, Tensor]) -> None:
        if node.label is not None:
            found[node.label] = probability
            return
        if node.name not in self._upsampled:
            for child in node.children:
                self._collect(child, probability / len(node.children), rows, found)
            return
        given = self._upsampled[node.name].rows(*rows)
        if len(node.children) == 2:
            second = probability * given[0]
            self._collect(node.children[0], (probability - second).clamp_(min=0), rows, found)
            self._collect(node.children[1], second, rows, found)
            return
        for place, child in enumerate(node.children):
            self._collect(child, probability * given[place], rows, found)


def _root_map(conditionals: Conditionals) -> Tensor | None:
    return conditionals.maps.get(conditionals.tree.experts[0].name)


def _neighbours(small: int, height: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """For each of `height` rows the one of `small` rows above its centre, and the weight of the next one.

    Centre lies on centre scaled, so nothing shifts by half a pixel; in float64, for strips that meet exactly.
    """
    rows = ((np.arange(height) + 0.5) * (small / height) - 0.5).clip(0, small - 1)
    above = np.floor(rows).astype(np.int64)
    return above, (rows - above).astype(np.float32)


def _span(winning: Tensor, height: int) -> tuple[int, int]:
    """(top, bottom) rows of `height` that some true cell of `winning` (h, w) bool has a part in."""
    rows = np.flatnonzero(winning.any(dim=1).cpu().numpy())
    if not len(rows):
        return 0, 0
    above, _ = _neighbours(winning.shape[0], height)
    touched = np.flatnonzero((above >= rows[0] - 1) & (above <= rows[-1]))
    if not len(touched):
        return 0, 0  # a map with more rows than the picture wins between two of the picture's
    return int(touched[0]), int(touched[-1]) + 1


def _label(label: int, device: torch.device) -> Tensor:
    return torch.tensor(label, dtype=torch.uint8, device=device)


def _pick(chosen: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """`one` where `chosen`, else `other`, uint8: torch.where in bit operations, a sixth of its time on the CPU."""
    mask = chosen.view(torch.uint8).neg()  # 0 or 255
    return other ^ ((one ^ other) & mask)


def _in_strips(
    size: tuple[int, int], span: tuple[int, int], decide: Callable[[int, int], Tensor]
) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: what `decide` gives for the rows (first, last excluded) of `span`, 0 (the background) outside."""
    labels = np.zeros(size, np.uint8)
    for strip in strips(*span, width=size[1], pixels=STRIP_PIXELS):
        labels[strip] = decide(strip.start, strip.stop).cpu().numpy()
    return labels
