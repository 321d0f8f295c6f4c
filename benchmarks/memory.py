"""The most memory that a contestant takes, in a process of its own."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks.contestants import Contestant
from bodycascade.imaging import read_image

MIB = 1 << 20


def peak_memory_mib(contestant: Contestant, paths: Sequence[Path], *, threads: int) -> float:
    """The largest resident memory of a fresh process that builds the contestant and segments the files, in MiB.

    Python, torch and the pictures of one call are part of it.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_segment, contestant, tuple(paths), threads).result() / MIB


def _segment(contestant: Contestant, paths: tuple[Path, ...], threads: int) -> int:
    torch.set_num_threads(threads)
    subject = contestant.build()
    for first in range(0, len(paths), contestant.at_once):
        subject.call([read_image(path) for path in paths[first : first + contestant.at_once]])
    return _peak_bytes()


def _peak_bytes() -> int:
    # getrusage would count the parent's memory too, which a new process on Linux starts with as its own peak.
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    except (OSError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
