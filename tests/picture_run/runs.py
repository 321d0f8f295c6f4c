"""Runs over folders of painted pictures."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.hierarchy import PASCAL_PART
from bodycascade.outputs import Asked
from bodycascade.picture_run import Outcome, Settings, find_sources, open_folder, run_pictures
from bodycascade.segmentation import SegmentAll, Segmentation
from tests.painted import read_colours

ALL = Asked(
    2, labels=True, overlay=True, masks=True, cutouts=("head",), probabilities=True, coco="polygons", shares=True
)
LABELS = Asked(2, labels=True)


class Counting:
    """A segmenter that counts the pictures it is given."""

    def __init__(self) -> None:
        self.pictures = 0
        self.most = 0

    def __call__(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Segmentation]:
        """The segmentations of painted pictures."""
        self.pictures += len(images)
        self.most = max(self.most, len(images))
        return read_colours(images)


def run(
    sources: Sequence[Path | str],
    out: Path,
    *,
    asked: Asked = LABELS,
    segment: SegmentAll = read_colours,
    tta: bool = False,
    overwrite: bool = False,
    batch: int = 4,
) -> Outcome:
    """Run over `sources`, with settings of which none but these differ."""
    settings = Settings(asked=asked, model="painted", tta=tta, batch=batch, overwrite=overwrite)
    found = find_sources([str(source) for source in sources], out=out)
    with open_folder(out) as folder:
        return run_pictures(found, folder, segment, PASCAL_PART, settings)


def labels_in(path: Path) -> npt.NDArray[np.uint8]:
    """The label map in a PNG."""
    with Image.open(path) as picture:
        return np.array(picture)


def files_below(folder: Path) -> set[str]:
    """All files below a folder, those that it remembers itself by left out."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".bodycascade")}


def failures(out: Path) -> dict[str, str]:
    """The reasons in failures.csv, by picture."""
    with (out / "failures.csv").open(newline="") as file:
        return {row["picture"]: row["reason"] for row in csv.DictReader(file)}
