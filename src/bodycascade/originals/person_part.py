"""Pascal-Person-Part: label maps as PNGs, with the same six parts as ours in another order."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bodycascade.data.layout import read_label_png
from bodycascade.errors import DataError
from bodycascade.hierarchy import Tree
from bodycascade.originals.dataset import Source, sources_beside

OFFICIAL_ORDER = ("background", "head", "torso", "up_hand", "low_hand", "up_leg", "low_leg")
"""Our names of the official labels 0 to 6."""

VOID = 255
"""Border pixels that some releases leave undecided; our layout has no such label, so they become background."""


def find_sources(masks: Path, pictures: Path, tree: Tree) -> dict[str, Source]:
    """By id, each PNG in `masks` with the JPEG of its name in `pictures`; nothing is read yet."""
    return sources_beside(pictures, masks, ".png", partial(read_labels, tree=tree))


def read_labels(path: Path, tree: Tree) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: the label map `path` in the tree's labels. Raises `DataError` on any other label or mode."""
    try:
        official = read_label_png(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None
    strange = sorted(set(np.unique(official).tolist()) - {*range(len(OFFICIAL_ORDER)), VOID})
    if strange:
        raise DataError(
            f"{path}: holds labels {', '.join(map(str, strange[:5]))}; expected 0 to 6, and {VOID} for void"
        )
    table = np.zeros(256, np.uint8)
    table[: len(OFFICIAL_ORDER)] = [tree.node(name).label or 0 for name in OFFICIAL_ORDER]
    return np.take(table, official)
