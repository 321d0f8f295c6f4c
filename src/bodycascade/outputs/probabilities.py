"""The probabilities of the classes of a level, as a NumPy archive of 16-bit floats."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from bodycascade.segmentation import Segmentation


def write_probabilities(level: int, segmentation: Segmentation, file: BinaryIO) -> None:
    """npz with `probs` (ids, H, W) float16 of the classes of `level` and `names` (ids,), both indexed by level id.

    The probabilities of an id are written before the next are made, so that no second copy of all is in memory.
    """
    names = np.array(segmentation.tree.level_names(level))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(_member("probs"), "w", force_zip64=True) as data:
            shape = (len(names), *segmentation.probs.shape[1:])
            np.lib.format.write_array_header_1_0(data, {"descr": "<f2", "fortran_order": False, "shape": shape})
            for one in level_probabilities(segmentation, level):
                data.write(one.astype("<f2").data)
        with archive.open(_member("names"), "w") as data:
            np.lib.format.write_array(data, names)


def level_probabilities(segmentation: Segmentation, level: int) -> Iterator[npt.NDArray[np.float32]]:
    """(H, W) float32 for each id of `tree.level_map(level)`, in their order; they sum to 1 at each pixel."""
    leaves, places = segmentation.probs, segmentation.tree.level_map(level)
    for place in range(int(places.max()) + 1):
        labels = np.flatnonzero(places == place)
        total = leaves[labels[0]]
        for label in labels[1:]:
            total = total + leaves[label]
        yield total


def _member(name: str) -> zipfile.ZipInfo:
    # The date that zip files begin with, as NumPy writes it: the same probabilities are the same bytes.
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = zipfile.ZIP_DEFLATED
    return member
