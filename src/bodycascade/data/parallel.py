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


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int | None = None
) -> Generator[Result, None, None]:
    """`function(item)` for each item, in the order of the items, made ahead by `threads`, or by one per core.

    Threads, not processes: decoding, resizing and hashing pictures release Python's lock, nothing has to be pickled,
    and Ctrl-C ends all at once. At most two results per thread wait to be taken, so memory does not grow with the
    number of items. An error of `function` is raised where its result would have come.
    """
    threads = threads or min(
        MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    rest = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(rest, 2 * threads))
        try:
            while pending:
                done = pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(rest, 1))
                yield done
        finally:
            for future in pending:
                future.cancel()
