"""Reading, working and writing at the same time, with few results alive: threads around a worker that is never idle."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Result = TypeVar("Result")

READERS = 2
WRITERS = 2
"""Decoding and encoding release Python's lock; more threads than that would take cores from the network."""

MOST_WRITING = 8
"""Results that wait to be written; the worker waits when there are as many."""


@dataclass(frozen=True)
class Steps(Generic[Item, Loaded, Result]):
    """What is done with each item: `read` and `write` by threads, `work` by the caller's own, on a few at a time.

    `weigh` says how much room an item takes before it is read. `work` gives an item's error as its value; what `read`
    and `write` raise of the classes in `errors` counts as the item's error too. Anything else that they raise ends the
    flow.
    """

    weigh: Callable[[Item], int]
    read: Callable[[Item], Loaded]
    work: Callable[[Sequence[Loaded]], Sequence[Result | Exception]]
    write: Callable[[Item, Result], None]
    errors: tuple[type[Exception], ...]


@dataclass
class Clock:
    """How long a flow took in all, from the first item that was read on, and how much of that its worker worked."""

    seconds: float = 0.0
    busy_seconds: float = 0.0
    started: float = field(default_factory=time.perf_counter)


def overlapped(
    items: Sequence[Item], steps: Steps[Item, Loaded, Result], *, batch: int, room: int, clock: Clock
) -> Iterator[tuple[Item, Exception | None]]:
    """(item, its error or None) as items are finished, in about their order.

    `batch`: how many are worked on at once, at most; it never waits for more while there are some. `room`: how much may
    be alive between reading and having written, in the unit of `steps.weigh`; one item alone may be larger.
    """
    doors = _Doors(room)
    reading: deque[tuple[Item, Future[tuple[Loaded, int]]]] = deque()
    writing: deque[tuple[Item, Future[None]]] = deque()
    rest = iter(enumerate(items))
    with (
        ThreadPoolExecutor(READERS, thread_name_prefix="read") as readers,
        ThreadPoolExecutor(WRITERS, thread_name_prefix="write") as writers,
    ):
        try:
            while True:
                while len(reading) < 2 * batch + READERS and (following := next(rest, None)) is not None:
                    ticket, item = following
                    reading.append((item, readers.submit(_read, steps, doors, ticket, item)))
                if not reading:
                    break
                failed, begun = _one_batch(reading, steps, doors, writers, batch=batch, clock=clock)
                yield from failed
                writing.extend(begun)
                yield from _written(writing, MOST_WRITING, steps.errors)
            yield from _written(writing, 0, steps.errors)
        finally:
            doors.close()
            for _, being_read in reading:
                being_read.cancel()
            for _, being_written in writing:
                being_written.cancel()
            clock.seconds = time.perf_counter() - clock.started


def _one_batch(
    reading: deque[tuple[Item, Future[tuple[Loaded, int]]]],
    steps: Steps[Item, Loaded, Result],
    doors: _Doors,
    writers: ThreadPoolExecutor,
    *,
    batch: int,
    clock: Clock,
) -> tuple[list[tuple[Item, Exception]], list[tuple[Item, Future[None]]]]:
    """(items that could not be read, items that are being written).

    A function of its own: with its names what was read and what came of it goes, as soon as that is written.
    """
    loaded, failed = _take(reading, batch, steps.errors)
    if not loaded:
        return failed, []
    before = time.perf_counter()
    results = steps.work([one for _, one, _ in loaded])
    clock.busy_seconds += time.perf_counter() - before
    begun = [
        (item, writers.submit(_write, steps, doors, item, weight, result))
        for (item, _, weight), result in zip(loaded, results, strict=True)
    ]
    return failed, begun


def _take(
    reading: deque[tuple[Item, Future[tuple[Loaded, int]]]], most: int, errors: tuple[type[Exception], ...]
) -> tuple[list[tuple[Item, Loaded, int]], list[tuple[Item, Exception]]]:
    """Up to `most` items that are read: the first is waited for, the others are taken if they are there."""
    loaded: list[tuple[Item, Loaded, int]] = []
    failed: list[tuple[Item, Exception]] = []
    while reading and len(loaded) < most and (reading[0][1].done() or not (loaded or failed)):
        item, future = reading.popleft()
        try:
            one, weight = future.result()
            loaded.append((item, one, weight))
        except errors as error:
            failed.append((item, error))
    return loaded, failed


def _written(
    writing: deque[tuple[Item, Future[None]]], most: int, errors: tuple[type[Exception], ...]
) -> Iterator[tuple[Item, Exception | None]]:
    """What is finished at the head of `writing`; waits until at most `most` are left."""
    while writing and (len(writing) > most or writing[0][1].done()):
        item, future = writing.popleft()
        try:
            future.result()
        except errors as error:
            yield item, error
        else:
            yield item, None


def _read(steps: Steps[Item, Loaded, Result], doors: _Doors, ticket: int, item: Item) -> tuple[Loaded, int]:
    weight = doors.enter(ticket, steps.weigh(item))
    try:
        return steps.read(item), weight
    except BaseException:
        doors.leave(weight)
        raise


def _write(
    steps: Steps[Item, Loaded, Result], doors: _Doors, item: Item, weight: int, result: Result | Exception
) -> None:
    try:
        if isinstance(result, Exception):
            raise result
        steps.write(item, result)
    finally:
        doors.leave(weight)


class _Doors:
    """Lets items in, strictly in the order of their tickets, while there is room for them.

    The worker takes items in that order too: were a later one let in first, it could hold the room that an earlier one
    is waiting for, and all would wait for ever.
    """

    def __init__(self, room: int) -> None:
        self._room, self._used, self._next, self._closed = room, 0, 0, False
        self._changed = threading.Condition()

    def enter(self, ticket: int, weight: int) -> int:
        """Wait for the turn of `ticket` and for room; the weight that is to be given to `leave`."""
        weight = min(weight, self._room)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._next == ticket and self._used + weight <= self._room))
            self._used += weight
            self._next += 1
            self._changed.notify_all()
        return weight

    def leave(self, weight: int) -> None:
        with self._changed:
            self._used -= weight
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
