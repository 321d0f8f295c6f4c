"""A function over many items in threads, in order, with few results alive at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_THREADS = 16


def usable_cores() -> int:
    """Number of the CPU's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int | None = None,
    ahead: int | None = None,
) -> Generator[Result, None, None]:
    """`function(item)` for each item, in the order of the items, made by `threads`, or by one per core.

    Threads, not processes: decoding, resizing and hashing pictures release Python's lock, nothing has to be pickled,
    and Ctrl-C ends all at once. At most `ahead` results, 1 or more, are made before they are asked for (None: two per
    thread), so memory does not grow with the number of items. An error of `function` is raised where its result would
    have come. Closing the generator ends the threads, which do not start another item then.
    """
    threads = threads or min(MOST_THREADS, usable_cores())
    ahead = 2 * threads if ahead is None else ahead
    rest = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(rest, ahead))
        try:
            while pending:
                done = pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(rest, 1))
                yield done
        finally:
            for future in pending:
                future.cancel()
