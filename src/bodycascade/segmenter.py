"""The seam of the project: whatever turns an image into a `Segmentation` is a segmenter.

Evaluation, drawing and commands know nothing else, so a cascade, one plain network, or the truth itself fit alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from bodycascade.errors import DataError
from bodycascade.hierarchy import Tree
from bodycascade.imaging import ImageLike
from bodycascade.metric import confusion_matrix, scores
from bodycascade.segmentation import Segmentation


@runtime_checkable
class Segmenter(Protocol):
    """Anything with a class tree that segments an image when called."""

    @property
    def tree(self) -> Tree:
        """The classes it tells apart."""

    def __call__(self, image: ImageLike) -> Segmentation:
        """The segmentation of `image` at its own size; the image is never modified."""


def score_pairs(segmenter: Segmenter, pairs: Iterable[tuple[ImageLike, npt.NDArray[np.uint8]]]) -> dict[str, float]:
    """The figures of `metric.scores` over all pixels of all pairs of an image and its true labels (H, W) uint8.

    Raises `DataError` where there is no pair, or labels do not fit their image; the message counts pairs from 1.
    """
    tree, total = segmenter.tree, None
    for count, (image, truth) in enumerate(pairs, start=1):
        try:
            matrix = confusion_matrix(truth, segmenter(image).parts, tree.num_labels)
        except DataError as error:
            raise DataError(f"pair {count}: {error}") from None
        total = matrix if total is None else total + matrix
    if total is None:
        raise DataError("there is nothing to score: expected at least one pair of an image and its labels")
    return scores(total, tree)
