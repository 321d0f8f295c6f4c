"""How often each class occurs, in pixels and in images: what losses are weighted by and plots are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from bodycascade.files import csv_text
from bodycascade.hierarchy import Tree


class Frequency(TypedDict):
    """`pixels`, and their `fraction` of the whole; `images` with at least one, and their `presence`, 0 to 1, among all.

    The whole is all images, or for an expert's child the parent's pixels and the images that hold the parent.
    """

    pixels: int
    fraction: float
    images: int
    presence: float


class Frequencies(TypedDict):
    """`labels` by leaf, of all pixels; `experts` by expert and child, given the parent."""

    labels: dict[str, Frequency]
    experts: dict[str, dict[str, Frequency]]


COLUMNS = ("class", "level", "pixels", "fraction", "images", "presence")


def count_frequencies(pixels: Sequence[Sequence[int]], tree: Tree) -> Frequencies:
    """Frequencies over images; `pixels` holds for each image its pixels per leaf label."""
    counts = np.array(pixels, dtype=np.int64).reshape(-1, tree.num_labels)
    root = tree.root.name
    labels = {node.name: _frequency(counts, node.name, root, tree) for node in tree.leaves}
    experts = {
        spec.name: {child: _frequency(counts, child, spec.node, tree) for child in spec.children}
        for spec in tree.experts
    }
    return {"labels": labels, "experts": experts}


def frequencies_csv(pixels: Sequence[Sequence[int]], tree: Tree) -> str:
    """A table with the columns `COLUMNS`: every class of every level, shares of all pixels and of all images."""
    counts = np.array(pixels, dtype=np.int64).reshape(-1, tree.num_labels)
    rows: list[Sequence[object]] = [COLUMNS]
    background = tree.leaves[0].name
    for level, names in enumerate(tree.levels):
        for name in (background, *names):
            row = _frequency(counts, name, tree.root.name, tree)
            shares = (f"{row['fraction']:.6f}", row["images"], f"{row['presence']:.6f}")
            rows.append((name, level, row["pixels"], *shares))
    return csv_text(rows)


def _frequency(counts: np.ndarray[tuple[int, int], np.dtype[np.int64]], name: str, whole: str, tree: Tree) -> Frequency:
    own = counts[:, list(tree.labels(name))].sum(axis=1)
    all_ = counts[:, list(tree.labels(whole))].sum(axis=1)
    total, images = int(all_.sum()), int((all_ > 0).sum())
    pixels, present = int(own.sum()), int((own > 0).sum())
    return {
        "pixels": pixels,
        "fraction": pixels / total if total else 0.0,
        "images": present,
        "presence": present / images if images else 0.0,
    }
