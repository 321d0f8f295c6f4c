"""Remove a lock that a killed `dvc` left behind: python stages/clear_lock.py, from the repository's root.

DVC drops the locks of processes that are gone, but stops at a torn lock file and at a process that ended and was never
waited for (a zombie, as in a container without an init process).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

LOCK = Path(".dvc/tmp/rwlock")


def holders(lock: Path) -> set[int]:
    """Process ids that the lock file names: {"read": {path: [holder]}, "write": {path: holder}} with holder["pid"].

    Raises `ValueError` where the file is not such JSON.
    """
    return set(_pids(json.loads(lock.read_text(encoding="utf-8"))))


def is_at_work(pid: int) -> bool:
    """Whether the process exists, has not ended and is a dvc, or may not be looked at: ids are used again."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any("dvc" in word for word in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    except psutil.AccessDenied:  # somebody else's process, of which there is no telling
        return True


def main() -> int:
    """Exit code: 0 where `dvc` can start, 1 where another one is at work."""
    try:
        at_work = sorted(pid for pid in holders(LOCK) if is_at_work(pid))
    except FileNotFoundError:
        return 0
    except ValueError:
        at_work = []
    if at_work:
        print(
            f"{LOCK}: another dvc is at work in this folder (process {', '.join(map(str, at_work))}); "
            f"wait for it to end, or stop it; if that is no dvc, remove {LOCK}",
            file=sys.stderr,
        )
        return 1
    LOCK.unlink(missing_ok=True)
    return 0


def _pids(found: object) -> Iterator[int]:
    if isinstance(found, dict):
        if isinstance(found.get("pid"), int):
            yield found["pid"]
        for value in found.values():
            yield from _pids(value)
    elif isinstance(found, list):
        for value in found:
            yield from _pids(value)


if __name__ == "__main__":
    sys.exit(main())
