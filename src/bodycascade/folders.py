"""Folders that are either the old one or the new one, and made by one process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bodycascade.errors import DataError


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """An empty folder aside that takes the place of `target` on success and is removed on an error.

    The caller holds a lock, so what lies aside already is left from a killed run and is removed first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    aside.mkdir()
    try:
        yield aside
        old = target.with_name(f".{target.name}.{os.getpid()}.old")
        if target.exists():
            target.rename(old)
        aside.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def only_one(path: Path, name: str) -> Iterator[None]:
    """Hold the lock file `path`; raises `DataError`, saying that another `name` is at work, where a process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{path}: another {name} is at work; wait for it to end, or stop it") from None
        yield
