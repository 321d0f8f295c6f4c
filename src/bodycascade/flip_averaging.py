"""A segmenter asked twice, about a picture and its mirror image, and the mean of both answers.

The usual test-time augmentation. No class of a tree for it may have a side: there is no left hand here that a mirror
would make a right one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import numpy.typing as npt

from bodycascade.cascade import CascadeSegmenter
from bodycascade.drawing import Picture
from bodycascade.hierarchy import Node, Tree
from bodycascade.imaging import ImageLike, read_images
from bodycascade.segmentation import SegmentAll, Segmentation
from bodycascade.strips import strips

Sums = npt.NDArray[np.uint16]

STEPS = 32767
"""Probabilities are summed in so many steps from 0 to 1: two of them fit into 16 bits, and a step is a tenth of what
bfloat16 networks are exact to."""

STRIP_PIXELS = 1 << 18
"""Labels are decided for so many pixels at once, so that no other copy of the probabilities is ever whole."""


class FlipAveraged:
    """A segmenter of the same tree whose probabilities are the mean over a picture and its mirror image.

    It takes twice the time and, for each picture that is alive, two bytes more for each pixel and label.
    """

    def __init__(self, tree: Tree, segment: SegmentAll, *, routing: str) -> None:
        """`segment` segments (H, W, 3) uint8 arrays down to the leaves.

        `routing`: hard (from the root down, the likeliest child) or soft (the likeliest leaf) decides the labels.
        """
        self._tree, self._segment, self._routing = tree, segment, routing

    @classmethod
    def of(cls, segmenter: CascadeSegmenter) -> FlipAveraged:
        """The segmenter that asks `segmenter` twice."""
        return cls(segmenter.tree, segmenter.batch, routing=segmenter.routing)

    @property
    def tree(self) -> Tree:
        """The classes."""
        return self._tree

    def __call__(self, image: ImageLike) -> Segmentation:
        """The segmentation of `image` at its own size; raises `ImageError` where it is no usable picture."""
        return self.batch([image])[0]

    def batch(self, images: Iterable[ImageLike]) -> list[Segmentation]:
        """The segmentations of images of any sizes, in their order; raises as `CascadeSegmenter.batch` does."""
        read = read_images(images, taker="batch")
        pictures = [picture for picture, _ in read]
        mirrored = [picture[:, ::-1].copy() for picture in pictures]
        found = list(self._segment([*pictures, *mirrored]))
        del mirrored
        found.reverse()  # popped from its end, so that the probabilities of each are freed as soon as they are added
        sums = [np.zeros((self._tree.num_labels, *picture.shape[:2]), np.uint16) for picture in pictures]
        for total in sums:
            _add(total, found.pop().probs)
        for total in sums:
            _add(total, found.pop().probs[..., ::-1])
        return [self._mean(*each, total) for each, total in zip(read, sums, strict=True)]

    def _mean(self, picture: Picture, profile: bytes | None, total: Sums) -> Segmentation:
        labels = np.empty(picture.shape[:2], np.uint8)
        cuts = strips(0, len(picture), width=picture.shape[1], pixels=STRIP_PIXELS)
        for strip in cuts:
            probs_there = total[:, strip]
            if self._routing == "soft":
                labels[strip] = probs_there.argmax(axis=0)
            else:
                labels[strip] = likeliest_children(probs_there.astype(np.float32), self._tree)

        probs = partial(_normalised, total, cuts)
        return Segmentation(self._tree, labels, image=picture, probs=probs, icc_profile=profile)


def _normalised(total: Sums, cuts: list[slice]) -> npt.NDArray[np.float32]:
    """(labels, H, W) float32: the sums as probabilities, made strip by strip."""
    mean = total.astype(np.float32)
    for strip in cuts:
        part = mean[:, strip]
        part /= part.sum(axis=0)  # in place; steps were rounded, so the sum is not quite the same everywhere
    return mean


def _add(total: Sums, probs: npt.NDArray[np.float32]) -> None:
    for label, one in enumerate(probs):
        total[label] += (one * np.float32(STEPS) + np.float32(0.5)).astype(np.uint16)


def likeliest_children(probs: npt.NDArray[np.float32], tree: Tree) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: at each pixel the likeliest child, from the root of `tree` down to a leaf.

    `probs` (labels, H, W) float32, in any unit.
    """
    labels = np.zeros(probs.shape[1:], np.uint8)
    _descend(tree.root, np.ones(labels.shape, np.bool_), probs, tree, labels)
    return labels


def _descend(
    node: Node, here: npt.NDArray[np.bool_], probs: npt.NDArray[np.float32], tree: Tree, labels: npt.NDArray[np.uint8]
) -> None:
    if node.label is not None:
        labels[here] = node.label
        return
    children = np.stack([probs[list(tree.labels(child.name))].sum(axis=0) for child in node.children])
    winner = children.argmax(axis=0)
    for place, child in enumerate(node.children):
        won = here & (winner == place)
        if won.any():
            _descend(child, won, probs, tree, labels)
