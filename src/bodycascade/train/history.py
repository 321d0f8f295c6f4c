"""The record of a training: one row per epoch, as CSV, as TensorBoard events and as lines to read."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.errors import MissingExtraError
from bodycascade.files import csv_text, naming, replace_file, write_text
from bodycascade.progress import duration
from bodycascade.train.counters import EpochSums, Place
from bodycascade.train.scoring import Score

Row = dict[str, float]
"""Figures of one epoch; the keys `epoch`, `step` and `wall_time` (seconds since 1970) are always there."""


def make_row(
    place: Place,
    sums: EpochSums,
    score: Score,
    *,
    children: Sequence[str],
    learning_rate: float,
) -> Row:
    """The row of the epoch that has just ended, from the training's place, the epoch's sums and the score."""
    steps, seconds = sums.steps or math.nan, max(sums.seconds, 1e-9)
    row: Row = {
        "epoch": place.epoch,
        "step": place.step,
        "wall_time": time.time(),
        "seconds": sums.seconds + score.seconds,
        "images_per_second": sums.images / seconds,
        "data_wait_fraction": sums.waited / seconds,
        "learning_rate": learning_rate,
        "loss": sums.loss / steps,
        "cross_entropy": sums.cross_entropy / steps,
        "dice": sums.dice / steps,
        "skipped_steps": place.skipped,
        "selection_loss": score.loss,
        "selection_mIoU": score.mean_iou,
    }
    return row | {f"iou_{name}": score.ious.get(name, math.nan) for name in children}


class Events:
    """TensorBoard events of one expert in `folder`, which is emptied first and filled from `rows`; closes as a context.

    Rows come from the checkpoint after a resume, so every step stands in the events once. Pictures are kept in the
    folder `panels` as well, from where those of the steps in `rows` come back.
    """

    def __init__(self, folder: Path, rows: Sequence[Row], *, panels: Path) -> None:
        try:
            # Here and not above: it takes a second that nobody but a trainer should pay.
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415
        except ModuleNotFoundError:
            raise MissingExtraError("tensorboard", "pipeline") from None

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder, self._panels = folder, panels
        self._writer = SummaryWriter(str(folder))
        for row in rows:
            self.add(row)
            if self._panel(row).is_file():
                with Image.open(self._panel(row)) as image:
                    self._show(row, np.asarray(image))

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def add(self, row: Row) -> None:
        """Write one row and flush, so that a viewer sees it now. What is not a number is left out."""
        with naming(self._folder):
            for key, value in row.items():
                if key not in ("epoch", "step", "wall_time") and math.isfinite(value):
                    self._writer.add_scalar(key, value, int(row["step"]), walltime=row["wall_time"])
            self._writer.flush()

    def add_panels(self, row: Row, panels: npt.NDArray[np.uint8]) -> None:
        """Write a picture (H, W, 3) uint8 RGB of sample predictions, made at the end of the row's epoch."""
        with replace_file(self._panel(row)) as aside:
            Image.fromarray(panels).save(aside, "PNG")
        self._show(row, panels)

    def _panel(self, row: Row) -> Path:
        return self._panels / f"samples-{int(row['step']):08d}.png"

    def _show(self, row: Row, panels: npt.NDArray[np.uint8]) -> None:
        with naming(self._folder):
            self._writer.add_image("samples", panels, int(row["step"]), walltime=row["wall_time"], dataformats="HWC")
            self._writer.flush()


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """Write `rows` as CSV, whole or not at all; `wall_time` stays out, since it means nothing to a reader."""
    columns = [key for key in rows[0] if key != "wall_time"] if rows else ["epoch"]
    write_text(path, csv_text([columns, *([_rounded(row[key]) for key in columns] for row in rows)]))


def describe(row: Row, *, epochs: int, seconds_left: float | None, scores: Mapping[str, float]) -> str:
    """One line about an epoch, for logs; without a time left where it is not known."""
    ious = " ".join(f"{name} {value:.3f}" for name, value in scores.items())
    left = "" if seconds_left is None else f"  {duration(seconds_left)} left"
    return (
        f"epoch {row['epoch']:.0f}/{epochs}  loss {row['loss']:.4f}  selection mIoU {row['selection_mIoU']:.4f} "
        f"({ious})  {row['images_per_second']:.1f} images/s{left}"
    )


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
