"""Predicted label maps as indexed PNG files: a picture to look at, whose pixel values are the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bodycascade.data.layout import read_label_png
from bodycascade.drawing import indexed
from bodycascade.errors import DataError
from bodycascade.files import naming
from bodycascade.hierarchy import Tree


def write_label_map(path: Path, labels: npt.NDArray[np.uint8], tree: Tree) -> None:
    """Write `labels` (H, W) uint8 as an indexed PNG in the colours of the tree."""
    with naming(path):
        indexed(labels, tree.palette).save(path, format="PNG")


def read_label_map(path: Path) -> npt.NDArray[np.uint8]:
    """The labels (H, W) uint8 that `write_label_map` wrote; raises `DataError` where there is no such file."""
    try:
        return read_label_png(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no predicted label map; run the evaluate stage first") from None
    except ValueError as error:
        raise DataError(f"{path}: not a readable label map ({error}); run the evaluate stage again") from error
