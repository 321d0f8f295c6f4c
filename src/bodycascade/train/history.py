"""The record of a training: one row per epoch, as CSV, as TensorBoard events and as lines to read."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bodycascade.files import write_text

Row = dict[str, float]
"""Figures of one epoch; the keys `epoch`, `step` and `wall_time` (seconds since 1970) are always there."""


class Events:
    """TensorBoard events of one expert in `folder`, which is emptied first and filled from `rows`.

    Rows come from the checkpoint after a resume, so every step stands in the events once.
    """

    def __init__(self, folder: Path, rows: Sequence[Row]) -> None:
        # Imported here: it takes a second that nobody but a trainer should pay.
        from torch.utils.tensorboard import SummaryWriter

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._writer = SummaryWriter(str(folder))
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Write one row and flush, so that a viewer sees it now."""
        for key, value in row.items():
            if key not in ("epoch", "step", "wall_time"):
                self._writer.add_scalar(key, value, int(row["step"]), walltime=row["wall_time"])
        self._writer.flush()

    def add_panels(self, step: int, panels: npt.NDArray[np.uint8]) -> None:
        """Write a picture (H, W, 3) uint8 RGB of sample predictions."""
        self._writer.add_image("samples", panels, step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """Write `rows` as CSV, whole or not at all; `wall_time` stays out, since it means nothing to a reader."""
    buffer = io.StringIO()
    columns = [key for key in rows[0] if key != "wall_time"] if rows else ["epoch"]
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _rounded(value) for key, value in row.items()} for row in rows)
    write_text(path, buffer.getvalue())


def describe(row: Row, *, epochs: int, seconds_left: float, scores: Mapping[str, float]) -> str:
    """One line about an epoch, for logs."""
    ious = " ".join(f"{name} {value:.3f}" for name, value in scores.items())
    return (
        f"epoch {row['epoch']:.0f}/{epochs}  loss {row['loss']:.4f}  selection mIoU {row['selection_mIoU']:.4f} "
        f"({ious})  {row['images_per_second']:.1f} images/s  {duration(seconds_left)} left"
    )


def duration(seconds: float) -> str:
    """Seconds as people say them: 42 s, 12 min, 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
