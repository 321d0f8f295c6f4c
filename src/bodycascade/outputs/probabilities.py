"""The probabilities of the classes of a level, as a NumPy archive of 16-bit floats."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from bodycascade.hierarchy import Tree
from bodycascade.segmentation import Segmentation


def write_probabilities(level: int, segmentation: Segmentation, file: BinaryIO) -> None:
    """npz with `probs` (ids, H, W) float16 of the classes of `level` and `names` (ids,), both indexed by level id."""
    probs = level_probabilities(segmentation, level).astype(np.float16)
    np.savez_compressed(file, probs=probs, names=np.array(level_names(segmentation.tree, level)))


def level_probabilities(segmentation: Segmentation, level: int) -> npt.NDArray[np.float32]:
    """(ids, H, W) float32: the probability of each id of `tree.level_map(level)`, summing to 1 at each pixel."""
    tree, leaves = segmentation.tree, segmentation.probs
    if level == len(tree.levels) - 1:
        return leaves
    merged = np.zeros((len(level_names(tree, level)), *leaves.shape[1:]), np.float32)
    for label, place in enumerate(tree.level_map(level)):
        merged[place] += leaves[label]
    return merged


def level_names(tree: Tree, level: int) -> tuple[str, ...]:
    """The names of the ids of `tree.level_map(level)`, the background first."""
    if level == len(tree.levels) - 1:
        return tuple(leaf.name for leaf in tree.leaves)
    return (tree.leaves[0].name, *tree.levels[level])
