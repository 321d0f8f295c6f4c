"""The figures of metrics.json, made from a tally."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bodycascade.evaluate.oracle import level_scores
from bodycascade.evaluate.tally import Tally
from bodycascade.hierarchy import Tree
from bodycascade.metric import SIZE_BANDS, absent_classes, band_name, bootstrap, empty_levels, precision_recall, scores


def summary(counted: Tally, *, bootstrap_samples: int, seed: int) -> dict[str, Any]:
    """Every figure of a split that follows from its confusion matrices.

    First images, the mIoU of each level with its classes, `mIoU_7_with_background` (7: the number of labels) and
    `body_by_size`; then `classes` {name: iou, precision, recall}, `absent_classes`, `colour` and `grayscale` apart
    (near-gray images count as grayscale), `by_size`, `bootstrap` {figure: [low, high]} 95 % over images, `confusion`
    {level: names, matrix of pixels with rows truth}. All IoU are pooled: one matrix over all pixels of all images.
    """
    tree, matrix = counted.tree, counted.matrix()
    figures: dict[str, Any] = {"images": len(counted.ids)} | scores(matrix, tree)
    figures["body_by_size"] = {band: _coarsest(counted, band) for band in band_names()}
    figures["classes"] = class_table(matrix, tree)
    figures["absent_classes"] = list(absent_classes(matrix, tree))
    gray = np.array([kind != "colour" for kind in counted.kinds])
    figures["colour"] = _group(counted, ~gray)
    figures["grayscale"] = _group(counted, gray)
    figures["by_size"] = {band: _group(counted, _in_band(counted, band), classes=False) for band in band_names()}
    # No samples, no intervals: drawing them can be switched off.
    drawn = bootstrap(counted.matrices, tree, samples=bootstrap_samples, seed=seed) if bootstrap_samples else {}
    figures["bootstrap"] = {name: list(bounds) for name, bounds in drawn.items()}
    figures["confusion"] = {f"level{level}": level_confusion(matrix, tree, level) for level in range(len(tree.levels))}
    return figures


def band_names() -> tuple[str, ...]:
    """Names of the size bands, small people first."""
    return tuple(band_name(band) for band in SIZE_BANDS)


def class_table(matrix: npt.NDArray[np.int64], tree: Tree) -> dict[str, dict[str, float]]:
    """IoU, precision and recall of each class of each level, coarse to fine; what has no pixel to divide by is left
    out: a class that neither truth nor prediction holds, the precision of a class never predicted."""
    figures, rates = scores(matrix, tree), precision_recall(matrix, tree)
    return {name: {"iou": figures[name]} | rates[name] for name in tree.class_names if name in figures}


def level_confusion(matrix: npt.NDArray[np.int64], tree: Tree, level: int) -> dict[str, Any]:
    """{"names": background and the classes of `level`, "matrix": their pixels, rows truth, columns prediction}."""
    names = (tree.leaves[0].name, *tree.levels[level])
    groups = [list(tree.labels(name)) for name in names]
    merged = [[int(matrix[np.ix_(rows, columns)].sum()) for columns in groups] for rows in groups]
    return {"names": list(names), "matrix": merged}


def _group(counted: Tally, chosen: npt.NDArray[np.bool_], *, classes: bool = True) -> dict[str, Any]:
    # A group without people, or without images, has a count and no score: 0.0 would read as a failure.
    if not chosen.any():
        return {"images": 0}
    matrix = counted.matrix(chosen)
    figures = scores(matrix, counted.tree)
    empty = empty_levels(figures, counted.tree)
    shown = figures if classes else level_scores(matrix, counted.tree)
    return {"images": int(chosen.sum())} | {name: value for name, value in shown.items() if name not in empty}


def _coarsest(counted: Tally, band: str) -> float | None:
    matrix = counted.matrix(_in_band(counted, band))
    return scores(matrix, counted.tree)["mIoU0"] if matrix.any() else None


def _in_band(counted: Tally, band: str) -> npt.NDArray[np.bool_]:
    return np.array([found == band for found in counted.bands])
