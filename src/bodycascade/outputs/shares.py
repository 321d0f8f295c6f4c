"""How much of a picture each node covers, as one row of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from bodycascade.files import csv_text
from bodycascade.hierarchy import Tree
from bodycascade.segmentation import Segmentation


def nodes_down_to(tree: Tree, level: int) -> tuple[str, ...]:
    """The nodes of all levels to `level`, coarse to fine, without root and background; each once."""
    return tuple(dict.fromkeys(name for names in tree.levels[: level + 1] for name in names))


def shares(segmentation: Segmentation, level: int) -> dict[str, float]:
    """The fraction of the picture, 0 to 1 in steps of a millionth, that each node down to `level` covers."""
    return {node: round(segmentation.share(node), 6) for node in nodes_down_to(segmentation.tree, level)}


def shares_table(tree: Tree, level: int, rows: Iterable[tuple[str, str, tuple[int, int], Mapping[str, float]]]) -> str:
    """CSV text, a line per picture: its name, what the names of its outputs begin with, its width and height, then the
    share of each node down to `level`.

    `rows` holds (name, beginning of the outputs' names, (H, W), shares).
    """
    nodes = nodes_down_to(tree, level)
    lines = (
        [name, output, width, height, *(f"{found[node]:.6f}" for node in nodes)]
        for name, output, (height, width), found in rows
    )
    return csv_text(chain([["picture", "output", "width", "height", *nodes]], lines))
