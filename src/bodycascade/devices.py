"""Where the arithmetic runs, and in which precision."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

from bodycascade.errors import BodyCascadeError, first_line

Item = TypeVar("Item")
Result = TypeVar("Result")

MORE_KERNELS = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "8192"}
"""What the environment tells oneDNN, torch's library of CPU kernels, unless it has a word of its own there. It makes a
kernel for each layer, size of input and number of threads, and by default remembers 1,024; boxes around people come in
some twenty sizes, single images and batches in two numbers of threads, and making kernels again and again took a
quarter of the time."""


MOST_AT_ONCE = 8
"""Items in work on the CPU at a time, at most: beyond that they would wait for Python's lock."""


def remember_kernels() -> None:
    """Have oneDNN remember the kernels of all sizes of input. Without effect once it has made one in this process."""
    for name, value in MORE_KERNELS.items():
        os.environ.setdefault(name, value)


@cache
def survive_forks() -> None:
    """Have processes that are forked from this one compute in one thread.

    OpenMP's other threads do not come along with a fork, and are waited for without end.
    """
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def over_cores(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """`work(item)` for each item, in their order, several at a time where torch computes in several threads here.

    These are divided among the items. One item for each core is faster than all cores for one item: operations on small
    maps are over before torch's threads have met, and while Python works on one item the other cores go on with theirs.
    What `work` raises is raised, once those items that have begun are done; the others are not begun then.
    """
    threads = torch.get_num_threads()
    at_once = min(threads, len(items), MOST_AT_ONCE)
    if at_once < 2:
        return [work(item) for item in items]
    # A thread that sets its own number sets that of all threads to come, too, so this one puts it right as soon as all
    # have set theirs.
    ready = Barrier(at_once + 1)

    def begin() -> None:
        torch.set_num_threads(threads // at_once)
        torch.get_num_threads()  # the first time that a thread asks, torch gives it the number for threads to come
        ready.wait()

    with ThreadPoolExecutor(at_once, initializer=begin) as pool:
        pending = []
        try:
            for item in items:
                pending.append(pool.submit(work, item))
            ready.wait()
        except BaseException:
            ready.abort()  # lest those that have begun wait for a thread that the system refused to start
            raise
        torch.set_num_threads(threads)
        try:
            return [one.result() for one in pending]
        finally:
            for one in pending:
                one.cancel()


def choose_device(wanted: str | torch.device) -> tuple[torch.device, str]:
    """The device for `wanted` (auto, cpu, cuda, cuda:N, or one of torch's) and, in a few words, why.

    `auto` takes CUDA where a small kernel really runs there (a driver may be present whose GPU this build of torch
    has no kernels for), else the CPU. Raises `BodyCascadeError` where CUDA is asked for by name and does not run.
    """
    name = str(wanted)
    if name == "cpu" or (isinstance(wanted, torch.device) and wanted.type == "cpu"):
        return torch.device("cpu"), "asked for"
    if not isinstance(wanted, str | torch.device) or (name != "auto" and not name.startswith("cuda")):
        raise BodyCascadeError(f"device: expected auto, cpu, cuda or cuda:N, found {name!r}")
    failure = _cuda_failure("cuda" if name == "auto" else name)
    if failure is None:
        device = torch.device("cuda" if name == "auto" else name)
        return device, f"{torch.cuda.get_device_name(device)} runs a test kernel"
    if name == "auto":
        return torch.device("cpu"), failure
    raise BodyCascadeError(f"device {name} cannot be used: {failure}; choose device: auto or cpu")


def runs_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is fast on `device`: a GPU that supports it, or a CPU with AVX512-BF16 or AMX instructions."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def choose_precision(name: str, device: torch.device) -> str:
    """float32 or bfloat16 for `name`: itself, or for auto bfloat16 where it is fast on `device`.

    Raises `BodyCascadeError` for any other name.
    """
    if name not in ("auto", "float32", "bfloat16"):
        raise BodyCascadeError(f"precision: expected auto, float32 or bfloat16, found {name!r}")
    if name == "auto":
        return "bfloat16" if runs_bfloat16(device) else "float32"
    return name


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """A context in which networks run in `precision`, a name that `choose_precision` takes."""
    chosen = choose_precision(precision, device)
    return nullcontext() if chosen == "float32" else torch.autocast(device.type, torch.bfloat16)


def _cuda_failure(name: str) -> str | None:
    if torch.version.cuda is None:
        return "this torch is built without CUDA"
    if not torch.cuda.is_available():
        return "no usable CUDA device was found"
    try:
        one = torch.ones(8, 8, device=name)
        if float((one @ one).sum()) != 512.0:
            return "a test kernel gave a wrong result"
    except (RuntimeError, AssertionError) as error:
        return f"a test kernel failed there ({first_line(error)})"
    return None
