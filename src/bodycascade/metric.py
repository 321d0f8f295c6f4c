"""The hierarchical mean IoU: one confusion matrix over all pixels of all images, levels by merging rows and columns.

A class that neither truth nor prediction holds is left out of its level's mean. The background never counts. Matrices
are (labels, labels) int64 counts of pixels, rows truth, columns prediction; those of several images are simply added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from bodycascade.errors import DataError
from bodycascade.hierarchy import PASCAL_PART, Tree

SIZE_BANDS = ((0.0, 0.02), (0.02, 0.10), (0.10, 0.30), (0.30, 1.01))
"""Bounds of the share of an image that is body, lower one included; 1.01 so that the last band holds 1."""

Matrix = npt.NDArray[np.int64]


def confusion_matrix(truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8], num_labels: int) -> Matrix:
    """(num_labels, num_labels) int64 counts of pixels, rows truth, columns prediction.

    Both label maps are (H, W) uint8 with labels 0 to `num_labels` - 1. Raises `DataError` on another dtype or shape,
    and on a label out of range.
    """
    for name, labels in (("truth", truth), ("prediction", predicted)):
        if not isinstance(labels, np.ndarray) or labels.dtype != np.uint8 or labels.ndim != 2:
            raise DataError(f"{name}: expected a uint8 label map (H, W); found {_described(labels)}")
        if labels.size and int(labels.max()) >= num_labels:
            raise DataError(f"{name}: labels go from 0 to {num_labels - 1}; found {int(labels.max())}")
    if truth.shape != predicted.shape:
        raise DataError(f"truth is {truth.shape}, prediction {predicted.shape}; both must have the image's own size")
    codes = truth.astype(np.intp)
    codes *= num_labels
    codes += predicted
    counts = np.bincount(codes.ravel(), minlength=num_labels * num_labels)
    return counts.reshape(num_labels, num_labels).astype(np.int64, copy=False)


def level_keys(tree: Tree = PASCAL_PART) -> tuple[str, ...]:
    """The keys of the levels' means in what `scores` gives, coarse to fine: "mIoU0", "mIoU1", ..."""
    return tuple(f"mIoU{level}" for level in range(len(tree.levels)))


def scores(matrix: Matrix, tree: Tree = PASCAL_PART) -> dict[str, float]:
    """The mean IoU of each level ("mIoU0", ...), each followed by the IoU of its classes, all from 0 to 1.

    Last comes "mIoU_7_with_background" (7: the number of labels), the mean over all labels. A class with an empty
    union has no entry; a mean over no class at all is 0.
    """
    _check_matrix(matrix, tree)
    figures: dict[str, float] = {}
    for key, names in zip(level_keys(tree), tree.levels, strict=True):
        ious = {name: iou for name in names if (iou := _iou(matrix, tree.labels(name))) is not None}
        figures[key] = _mean(list(ious.values()))
        figures |= ious
    every = [iou for leaf in tree.leaves if (iou := _iou(matrix, tree.labels(leaf.name))) is not None]
    figures[f"mIoU_{tree.num_labels}_with_background"] = _mean(every)
    return figures


def precision_recall(matrix: Matrix, tree: Tree = PASCAL_PART) -> dict[str, dict[str, float]]:
    """{"precision": ..., "recall": ...} of each class of each level, coarse to fine, from 0 to 1.

    Precision is left out where the class was never predicted, recall where it never occurs.
    """
    _check_matrix(matrix, tree)
    rates: dict[str, dict[str, float]] = {}
    for name in tree.class_names:
        both, truth, predicted = _counts(matrix, tree.labels(name))
        found = {"precision": both / predicted} if predicted else {}
        rates[name] = found | ({"recall": both / truth} if truth else {})
    return rates


def absent_classes(matrix: Matrix, tree: Tree = PASCAL_PART) -> tuple[str, ...]:
    """Names of the classes, coarse to fine, that neither truth nor prediction holds: those that no mean counts."""
    _check_matrix(matrix, tree)
    return tuple(name for name in tree.class_names if _iou(matrix, tree.labels(name)) is None)


def empty_levels(figures: Mapping[str, float], tree: Tree = PASCAL_PART) -> tuple[str, ...]:
    """The levels ("mIoU0", ...) without any class in `figures`, which `scores` gave: their mean, 0, says nothing."""
    pairs = zip(level_keys(tree), tree.levels, strict=True)
    return tuple(key for key, names in pairs if figures.keys().isdisjoint(names))


def bootstrap(
    matrices: npt.NDArray[np.int64], tree: Tree = PASCAL_PART, *, samples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """(low, high) of the 95 % interval of each figure of `scores`: the percentile bootstrap over images (Efron 1979).

    `matrices` (images, labels, labels) int64 holds one confusion matrix per image; `samples` times as many images are
    drawn with replacement. A class that some sample lacks gets its interval from the others, and so does the mean of a
    level of which it lacks all. The same seed gives the same intervals. Raises `DataError` where there is no image or
    no sample.
    """
    if matrices.ndim != 3 or not len(matrices) or samples < 1:
        raise DataError(f"a bootstrap needs images and samples; found matrices {matrices.shape}, {samples} samples")
    images = len(matrices)
    times = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=samples)
    totals = (times @ matrices.reshape(images, -1)).reshape(samples, *matrices.shape[1:])
    drawn: dict[str, list[float]] = {key: [] for key in scores(matrices.sum(axis=0), tree)}
    for total in totals:
        figures = scores(total, tree)
        empty = empty_levels(figures, tree)
        for key, value in figures.items():
            if key not in empty:
                drawn[key].append(value)
    bounds = {key: np.percentile(values, (2.5, 97.5)) for key, values in drawn.items() if values}
    return {key: (float(low), float(high)) for key, (low, high) in bounds.items()}


def band_name(band: tuple[float, float]) -> str:
    """The name of one of `SIZE_BANDS`, such as "2%-10%"."""
    low, high = band
    return f"{low:.0%}-{min(high, 1):.0%}"


def size_band(truth: npt.NDArray[np.uint8]) -> str:
    """Name of the band that the share of non-background pixels of `truth` (H, W) falls into."""
    share = float((truth > 0).mean())
    return next(band_name(band) for band in SIZE_BANDS if band[0] <= share < band[1])


def _counts(matrix: Matrix, labels: tuple[int, ...]) -> tuple[int, int, int]:
    """Pixels of a merged class in both, in the truth, in the prediction."""
    members = list(labels)
    return int(matrix[np.ix_(members, members)].sum()), int(matrix[members].sum()), int(matrix[:, members].sum())


def _iou(matrix: Matrix, labels: tuple[int, ...]) -> float | None:
    both, truth, predicted = _counts(matrix, labels)
    union = truth + predicted - both
    return both / union if union else None


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _check_matrix(matrix: Matrix, tree: Tree) -> None:
    n = tree.num_labels
    if not isinstance(matrix, np.ndarray) or matrix.shape != (n, n) or not np.issubdtype(matrix.dtype, np.integer):
        raise DataError(f"expected a confusion matrix ({n}, {n}) of whole numbers; found {_described(matrix)}")


def _described(value: object) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
