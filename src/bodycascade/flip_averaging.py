"""A segmenter asked twice, about a picture and its mirror image, and the mean of both answers.

The usual test-time augmentation. No class of a tree for it may have a side: there is no left hand here that a mirror
would make a right one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from bodycascade.hierarchy import Node, Tree
from bodycascade.imaging import ImageLike, read_image
from bodycascade.segmentation import Segmentation

Image = npt.NDArray[np.uint8]
SegmentAll = Callable[[Sequence[Image]], Sequence[Segmentation]]


class FlipAveraged:
    """A segmenter of the same tree whose probabilities are the mean over a picture and its mirror image.

    It takes twice the time and, for each picture that is alive, 28 bytes a pixel more.
    """

    def __init__(self, tree: Tree, segment: SegmentAll, *, routing: str) -> None:
        """`segment` segments (H, W, 3) uint8 arrays down to the leaves.

        `routing`: hard (from the root down, the likeliest child) or soft (the likeliest leaf) decides the labels.
        """
        self._tree, self._segment, self._decide = tree, segment, soft_labels if routing == "soft" else hard_labels

    @property
    def tree(self) -> Tree:
        """The classes."""
        return self._tree

    def __call__(self, image: ImageLike) -> Segmentation:
        """The segmentation of `image` at its own size."""
        return self.batch([image])[0]

    def batch(self, images: Iterable[ImageLike]) -> list[Segmentation]:
        """The segmentations of images of any sizes, in their order."""
        pictures = [read_image(image) for image in images]
        mirrored = [picture[:, ::-1].copy() for picture in pictures]
        found = self._segment([*pictures, *mirrored])
        pairs = zip(pictures, found[: len(pictures)], found[len(pictures) :], strict=True)
        return [self._mean(picture, straight, mirror) for picture, straight, mirror in pairs]

    def _mean(self, picture: Image, straight: Segmentation, mirror: Segmentation) -> Segmentation:
        probs = straight.probs + mirror.probs[..., ::-1]
        probs *= np.float32(0.5)
        return Segmentation(self._tree, self._decide(probs, self._tree), image=picture, probs=lambda: probs)


def soft_labels(probs: npt.NDArray[np.float32], tree: Tree) -> Image:
    """(H, W) uint8: the likeliest leaf of each pixel; `probs` is (labels, H, W)."""
    labels: Image = probs.argmax(axis=0).astype(np.uint8)
    return labels


def hard_labels(probs: npt.NDArray[np.float32], tree: Tree) -> Image:
    """(H, W) uint8: at each pixel the likeliest child, from the root of `tree` down to a leaf."""
    labels = np.zeros(probs.shape[1:], np.uint8)
    _descend(tree.root, np.ones(labels.shape, np.bool_), probs, tree, labels)
    return labels


def _descend(
    node: Node, here: npt.NDArray[np.bool_], probs: npt.NDArray[np.float32], tree: Tree, labels: Image
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
