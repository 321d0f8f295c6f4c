"""Files that are either the old one or the new one, never a torn one."""

from __future__ import annotations

import csv
import errno
import glob
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; on success it is flushed to disk and takes the place of `path`.

    On an error the aside file is removed and `path` stays as it was; an `OSError` that names no file, as one of a full
    disk does, or the one aside, is given the name of `path`. The aside name carries the process id, so two processes
    never share one.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename) from None
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.filename is None or Path(error.filename) == aside:
            error.filename = str(path)
        raise
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an `OSError` that names no file, as one of a full disk does, the name of `path`."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """`rows` as the text of a CSV file, a line each, ending in a line feed."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def save_array(path: Path, array: npt.NDArray[np.uint8]) -> None:
    """Write `array` to `path` as .npy: as `numpy.save`, whose errors do not tell that the disk is full."""
    by_rows = np.ascontiguousarray(array)
    with naming(path), path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(by_rows))
        file.write(by_rows.data)


def remove_asides(folder: Path, name: str | None = None) -> None:
    """Remove what processes that are gone left half written in `folder`, of the file `name` or of all files."""
    pattern = "*" if name is None else glob.escape(name)
    for aside in folder.glob(f".{pattern}.*.part"):
        process = aside.name.split(".")[-2]
        if not (process.isascii() and process.isdigit() and is_running(int(process))):
            aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with replace_file(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, data: object) -> None:
    """Write `data` as indented JSON to `path`, whole or not at all. NaN and infinity are refused (ValueError)."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_running(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _sync_folder(folder: Path) -> None:
    # The rename itself reaches the disk only with its folder; a file system without folder handles says so by OSError.
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
