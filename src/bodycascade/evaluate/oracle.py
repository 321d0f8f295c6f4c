"""What each expert loses: scores with the truth put in the place of its decision."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bodycascade.data.examples import Example
from bodycascade.hierarchy import Tree
from bodycascade.imaging import ImageLike
from bodycascade.metric import confusion_matrix, level_keys, scores
from bodycascade.segmentation import Segmentation
from bodycascade.segmenter import Segmenter


class OracleSegmenter(Segmenter, Protocol):
    """A segmenter made of experts, any of which can be replaced by the truth."""

    def with_truth(self, image: ImageLike, truth: npt.NDArray[np.uint8], experts: set[str]) -> Segmentation:
        """The segmentation where the named experts decide as `truth` (H, W) does; the others predict."""


def rungs(tree: Tree) -> tuple[tuple[str, ...], ...]:
    """Sets of experts to replace: none; the first; the first two; ... all, in the order of the tree."""
    names = [spec.name for spec in tree.experts]
    return tuple(tuple(names[:count]) for count in range(len(names) + 1))


def oracle(
    segmenter: OracleSegmenter, examples: Iterable[Example], *, plain: npt.NDArray[np.int64]
) -> dict[str, dict[str, dict[str, float]]]:
    """Level scores with true decisions, as {"cumulative": {...}, "single": {...}}.

    "cumulative" goes down the tree: "none" (`plain`, the confusion matrix of the segmenter as it is), "person",
    "person+body", ... up to all experts; the step to a rung is what its last expert loses when all before it are
    right. "single" has one expert at a time replaced, the others predicting.
    """
    tree = segmenter.tree
    ladder, names = rungs(tree), tuple(spec.name for spec in tree.experts)
    replaced = list(dict.fromkeys([*ladder[1:], *((name,) for name in names)]))
    totals = {chosen: np.zeros((tree.num_labels, tree.num_labels), np.int64) for chosen in replaced}
    for example in examples:
        for chosen in replaced:
            parts = segmenter.with_truth(example.image, example.labels, set(chosen)).parts
            totals[chosen] += confusion_matrix(example.labels, parts, tree.num_labels)
    totals[()] = plain
    return {
        "cumulative": {"+".join(chosen) or "none": level_scores(totals[chosen], tree) for chosen in ladder},
        "single": {name: level_scores(totals[(name,)], tree) for name in names},
    }


def level_scores(matrix: npt.NDArray[np.int64], tree: Tree) -> dict[str, float]:
    """mIoU0, mIoU1, ... of a confusion matrix, without the classes."""
    figures = scores(matrix, tree)
    return {key: figures[key] for key in level_keys(tree)}
