"""Folders that are either the old one or the new one, and made by one process at a time."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bodycascade.errors import BundleError, BusyError, OutputError
from bodycascade.files import is_running

# From linux/fcntl.h and linux/fs.h: paths are relative to the working folder; swap the two names.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@dataclass(frozen=True)
class FolderKind:
    """How a folder of one kind is told from others: the JSON file `description`, and beside it only files it lists.

    It lists them as `file` of its `experts` and of its `cascade`. Where it is damaged, names with `suffix` count as
    listed. `name` is what errors call such a folder.
    """

    name: str
    description: str
    suffix: str

    def check_replaceable(self, folder: Path) -> None:
        """Raise `BundleError` where `folder` is there and neither empty nor of this kind."""
        if not folder.exists():
            return
        if not folder.is_dir():
            raise BundleError(f"{folder}: a file is in the way; choose another folder for the {self.name}")
        names = {path.name for path in folder.iterdir()}
        listed = self._listed(folder)
        own = {name for name in names if name.endswith(self.suffix)} if listed is None else listed
        foreign = names - own - {self.description}
        if foreign or (names and self.description not in names):
            raise BundleError(
                f"{folder}: holds {min(foreign or names)}, so it is no {self.name}; choose another folder"
            )

    def _listed(self, folder: Path) -> set[str] | None:
        """The files that the description lists; None where it cannot be read."""
        try:
            data = json.loads((folder / self.description).read_bytes())
            entries = [*data["experts"], *([data["cascade"]] if "cascade" in data else [])]
            return {entry["file"] for entry in entries}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None


@contextmanager
def replace_kind(target: Path, kind: FolderKind) -> Iterator[Path]:
    """An empty folder aside that takes the place of `target` on success and is removed on an error; needs no lock.

    What processes that are gone left aside is removed first. Raises `BundleError` where `target` holds anything but a
    folder of this `kind`, and what `folder_aside` raises.
    """
    target = target.resolve()
    kind.check_replaceable(target)
    remove_stale(target)
    with folder_aside(target) as aside:
        yield aside
        put_in_place(aside, target)


def remove_stale(target: Path) -> None:
    """Remove what processes that are gone left half made beside `target`."""
    for stale, process in _asides(target):
        # One called .old may be all that there is of what a killed run was about to replace.
        if stale.suffix == ".part" and not is_running(process):
            shutil.rmtree(stale, ignore_errors=True)


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """An empty folder aside that takes the place of `target` on success and is removed on an error.

    The caller holds a lock, so what lies aside already is left from a killed run and is removed first. Where `target`
    is a link, what it leads to is replaced. Raises what `folder_aside` raises.
    """
    target = target.resolve()
    for stale, _ in _asides(target):
        if stale.suffix == ".old" and not target.exists():
            stale.rename(target)  # killed between two renames: it is all that there is
        else:
            shutil.rmtree(stale, ignore_errors=True)
    with folder_aside(target) as aside:
        yield aside
        put_in_place(aside, target)


def _asides(target: Path) -> list[tuple[Path, int]]:
    """What runs of `folder_aside` and `put_in_place` left beside `target`, each with the process that it is of."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.(\d+)\.[0-9a-f]{{8}}\.(part|old)", re.ASCII)
    named = [(path, ours.fullmatch(path.name)) for path in target.parent.glob(".*")]
    return [(path, int(match[1])) for path, match in named if match]


@contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """An empty folder beside `target` with a name that nobody else has; what lies there at the end is removed.

    Raises `OutputError` where `target` is the working folder, which cannot be replaced under whoever is in it, and
    where nothing may be written beside it.
    """
    if target.resolve() == Path.cwd():
        raise OutputError(f"{target}: is the folder that you are in, and would be replaced; name another one")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        aside.mkdir()
    except OSError as error:
        raise OutputError(f"{target.parent}: cannot be written to ({error.strerror}); choose another folder") from None
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def put_in_place(aside: Path, target: Path) -> None:
    """Rename the folder `aside` to `target`. An older one is exchanged with it, in one step where the system can.

    The older one is removed, or is `aside` then. On an `OSError` the older one is where it was.
    """
    try:
        aside.rename(target)
    except OSError:
        if not target.exists():
            raise
    else:
        return
    if _exchange(aside, target):
        return
    old = aside.with_suffix(".old")
    target.rename(old)
    try:
        aside.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders atomically by Linux's renameat2(2); False where the system or the file system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    done: int = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return done == 0


@contextmanager
def only_one(path: Path, name: str) -> Iterator[None]:
    """Hold the lock file `path`; raises `BusyError`, saying that another `name` is at work, where a process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"{path}: another {name} is at work; wait for it to end, or stop it") from None
        yield
