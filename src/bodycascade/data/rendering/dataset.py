"""A data set of rendered people on disk, in the layout of Pascal-Part as distributed."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from bodycascade.data.layout import Layout, class_lines
from bodycascade.data.parallel import usable_cores
from bodycascade.data.rendering.parts import PartLabels
from bodycascade.data.rendering.picture import render
from bodycascade.errors import DataError
from bodycascade.files import naming
from bodycascade.folders import folder_aside, put_in_place
from bodycascade.hierarchy import PASCAL_PART, Tree

JPEG_QUALITY = 90
PREFIX = "rendered_"
"""Every id starts so; a folder that holds other pictures is never replaced."""


@dataclass(frozen=True)
class _Job:
    index: int
    seed: int
    side: int
    grayscale: bool
    tree: Tree
    folder: Path


def render_dataset(
    folder: Path,
    *,
    train: int,
    val: int,
    side: int,
    grayscale_fraction: float,
    seed: int,
    tree: Tree = PASCAL_PART,
    workers: int | None = None,
) -> None:
    """Write `train` + `val` pictures with their masks to `folder`, which appears whole or not at all.

    Layout: JPEGImages/ID.jpg (RGB), gt_masks/ID.npy (uint8 (H, W), leaf labels of `tree`), classes.txt, train_id.txt,
    val_id.txt; text lines end in CRLF, the last in nothing. Ids count from rendered_00001, train first. The rounded
    share `grayscale_fraction` of each split is gray. Bytes depend on the arguments, not on `workers` (None: one
    process per usable core). Replaces an earlier rendering; raises `DataError` where `folder` holds anything else,
    `TreeError` where the tree has other parts.
    """
    PartLabels.of(tree)
    _check_free(folder)
    with folder_aside(folder) as aside:
        Layout.make(aside)
        gray = _gray_places(train, grayscale_fraction, seed) | {
            train + place for place in _gray_places(val, grayscale_fraction, seed + 1)
        }
        _run([_Job(i, seed, side, i in gray, tree, aside) for i in range(train + val)], workers)
        _write_lines(aside / "classes.txt", class_lines(tree))
        _write_lines(aside / "train_id.txt", [_identifier(i) for i in range(train)])
        _write_lines(aside / "val_id.txt", [_identifier(i) for i in range(train, train + val)])
        put_in_place(aside, folder)


def _run(jobs: list[_Job], workers: int | None) -> None:
    # Starting a process takes as long as rendering some forty pictures.
    count = min(workers, len(jobs)) if workers else min(usable_cores(), len(jobs) // 40)
    if count <= 1:
        for job in jobs:
            _write_one(job)
        return
    # Spawned, not forked: the caller may hold threads (torch does), which a fork does not survive.
    with ProcessPoolExecutor(count, get_context("spawn"), _end_with, (os.getpid(),)) as pool:
        for _ in pool.map(_write_one, jobs, chunksize=4):
            pass


def _end_with(parent: int) -> None:
    """Let this worker end when `parent` does: one that is killed cannot tell its workers, who would wait for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _write_one(job: _Job) -> None:
    picture_seed = int(np.random.SeedSequence([job.seed, job.index]).generate_state(1, np.uint64)[0])
    image, labels = render(picture_seed, job.side, grayscale=job.grayscale, tree=job.tree)
    name = _identifier(job.index)
    layout = Layout(job.folder)
    target = layout.image_path(name)
    with naming(target):
        Image.fromarray(image).save(target, quality=JPEG_QUALITY)
    layout.write_labels(name, labels)


def _identifier(index: int) -> str:
    return f"{PREFIX}{index + 1:05d}"


def _gray_places(count: int, fraction: float, seed: int) -> set[int]:
    order = np.random.default_rng([seed, count]).permutation(count)
    return {int(place) for place in order[: round(count * fraction)]}


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_bytes("\r\n".join(lines).encode("ascii"))


def _check_free(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; a folder was expected: choose another place for the rendered pictures")
    known = {"JPEGImages", "gt_masks", "classes.txt", "train_id.txt", "val_id.txt"}
    foreign = [entry.name for entry in folder.iterdir() if entry.name not in known]
    for name in ("JPEGImages", "gt_masks"):
        if (folder / name).is_dir():
            foreign += [entry.name for entry in (folder / name).iterdir() if not entry.name.startswith(PREFIX)]
    if foreign:
        raise DataError(
            f"{folder} holds {min(foreign)}, which is no rendered picture; choose another folder or empty this one"
        )
