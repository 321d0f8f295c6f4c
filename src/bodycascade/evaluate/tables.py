"""The csv files of an evaluation: one row per image, and confusion rows that `dvc plots` draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bodycascade.evaluate.tally import Tally
from bodycascade.files import csv_text, write_text
from bodycascade.hierarchy import Tree
from bodycascade.metric import empty_levels, level_keys, scores

ROWS_PER_CLASS = 100
"""Rows of confusion.csv for each true class: DVC's confusion template counts rows, so its cells read as percent."""


def write_per_image(path: Path, counted: Tally) -> None:
    """One row per image: id, grayscale (kind), body_share, size, mIoU0, mIoU1, ...

    A mIoU cell is empty where neither truth nor prediction holds a class of the level: such an image has no score.
    """
    levels = level_keys(counted.tree)
    rows: list[list[object]] = [["id", "grayscale", "body_share", "size", *levels]]
    for place, name in enumerate(counted.ids):
        figures = scores(counted.matrices[place], counted.tree)
        empty = empty_levels(figures, counted.tree)
        cells = ["" if level in empty else f"{figures[level]:.6f}" for level in levels]
        rows.append([name, counted.kinds[place], f"{counted.shares[place]:.6f}", counted.bands[place], *cells])
    _write(path, rows)


def write_confusion(path: Path, matrix: npt.NDArray[np.int64], tree: Tree) -> None:
    """`ROWS_PER_CLASS` rows (actual, predicted) for each leaf that occurs, shared out as its pixels are.

    Shares are rounded by largest remainder, so each class has exactly that many rows.
    """
    rows: list[list[object]] = [["actual", "predicted"]]
    for label, counts in enumerate(matrix):
        for other, repeats in enumerate(_shared_out(counts, ROWS_PER_CLASS)):
            rows += [[tree.leaves[label].name, tree.leaves[other].name]] * repeats
    _write(path, rows)


def _shared_out(counts: npt.NDArray[np.int64], seats: int) -> list[int]:
    total = int(counts.sum())
    if total == 0:
        return [0] * len(counts)
    whole = [seats * int(count) // total for count in counts]
    remainders = [seats * int(count) % total for count in counts]
    order = sorted(range(len(whole)), key=lambda place: (-remainders[place], place))
    for place in order[: seats - sum(whole)]:
        whole[place] += 1
    return whole


def _write(path: Path, rows: list[list[object]]) -> None:
    write_text(path, csv_text(rows))
