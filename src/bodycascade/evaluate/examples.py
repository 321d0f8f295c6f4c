"""Images of a split with their truth, read from the original files ahead of the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item")
Read = TypeVar("Read")


@dataclass(frozen=True)
class Example:
    """One image of a split at its native size.

    `image` (H, W, 3) uint8 RGB; `truth` (H, W) uint8 leaf labels; `kind` is colour, gray or near_gray.
    """

    id: str
    image: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    kind: str


def read_ahead(items: Iterable[Item], read: Callable[[Item], Read], *, ahead: int = 2) -> Generator[Read, None, None]:
    """What `read` gives for each item, in order; a thread reads up to `ahead` items while the caller works.

    Never more than `ahead` + 1 results are alive here, so memory does not grow with the number of items. An error of
    `read` is raised where its item would have come.
    """
    waiting = iter(items)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as pool:
        pending: deque[Future[Read]] = deque(pool.submit(read, item) for item in islice(waiting, ahead))
        try:
            while pending:
                done = pending.popleft().result()
                pending.extend(pool.submit(read, item) for item in islice(waiting, 1))
                yield done
        finally:
            for future in pending:
                future.cancel()
