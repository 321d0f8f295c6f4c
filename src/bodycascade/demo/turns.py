"""One job at a time: a bounded number of requests wait for their turn, none for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from bodycascade.errors import RequestError

Result = TypeVar("Result")


class Turns:
    """Runs jobs one after another in a thread of its own. Everything but the jobs belongs to one event loop."""

    def __init__(self, *, waiting: int, seconds: float) -> None:
        """`waiting`: how many may wait beside the one that runs; `seconds`: how long a place is held at most."""
        self._places = waiting + 1
        self._seconds = seconds
        self._taken = 0
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="turns")

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place in the queue, from before the upload until the answer.

        Raises `RequestError` 503 where all are taken, and 504 from within when the time is over.
        """
        if self._taken >= self._places:
            raise RequestError(503, "other pictures are being worked on; try again in a few seconds")
        self._taken += 1
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError:
            text = f"the picture took longer than {self._seconds:g} seconds and was given up; try a smaller one"
            raise RequestError(504, text) from None
        finally:
            self._taken -= 1

    async def run(self, job: Callable[[], Result]) -> Result:
        """What `job` returns or raises; given up while it waits, it never starts."""
        return await asyncio.wrap_future(self._worker.submit(job))

    def close(self) -> None:
        """Drop what waits. A job that runs is left to end by itself."""
        self._worker.shutdown(wait=False, cancel_futures=True)
