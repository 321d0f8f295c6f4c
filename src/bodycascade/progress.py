"""How far a long run is: a bar where there is a terminal, a line now and then where there is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, TextIO, TypeVar

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 15.0


class Progress:
    """Shows the way from 0 to `total` steps of `name`, with the time left; to be used as a context manager.

    `total` is None where it is not known (yet: `at` may tell it later): steps are counted, without a time left. On a
    terminal it is a bar where tqdm is installed, else a line every `SECONDS_BETWEEN_LINES`
    and one at the end. `stream` is standard error by default, `clock` counts seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        total: int | None,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._total, self._clock = name, total, clock
        self._stream = sys.stderr if stream is None else stream
        self._done = 0
        self._first: int | None = None
        self._started = self._first_at = self._spoke = clock()
        self._bar = _make_bar(name, total, self._stream) if self._stream.isatty() else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif kind is None and self._first is not None:  # a resumed run may have nothing left to do
            self._write(f"{self._name}: {self._far()}, took {duration(self._clock() - self._started)}")

    def at(self, done: int, total: int | None = None) -> None:
        """Tell that `done` steps are done, of `total` where that is known only now, or better.

        The time left is reckoned from the first call on: what came before may be another run's, or the loading of a
        network, or several steps told of one after another.
        """
        self._total = self._total if total is None else total
        if self._bar is not None:
            self._bar.total = self._total
            self._bar.update(done - self._bar.n)
        if self._first is None:
            self._first, self._first_at = done, self._clock()
        self._done = done
        now = self._clock()
        ended = self._total is not None and done >= self._total
        if self._bar is None and now - self._spoke >= SECONDS_BETWEEN_LINES and not ended:
            self._spoke = now
            self._write(f"{self._name}: {self._far()}{self._left()}")

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the steps still to be made will take, at the speed so far; None where nothing tells yet."""
        steps, seconds = self._done - (self._first or 0), self._clock() - self._first_at
        if self._total is None or self._first is None or steps <= 0 or seconds <= 0:
            return None
        return seconds / steps * (self._total - self._done)

    def say(self, line: str) -> None:
        """Show one line of text without tearing the bar; on standard output, where lines meant to be kept go."""
        if self._bar is not None:
            self._bar.write(line, file=sys.stdout)
        else:
            print(line, flush=True)
        self._spoke = self._clock()

    def _far(self) -> str:
        return f"{self._done} done" if self._total is None else f"{self._done} of {self._total}"

    def _left(self) -> str:
        if self._total is None:
            return " so far"
        left = self.seconds_left
        return ", time left not known yet" if left is None else f", {duration(left)} left"

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def track(items: Iterable[Item], name: str, *, total: int, stream: TextIO | None = None) -> Iterator[Item]:
    """The items themselves, with their progress shown; an item counts as done when the next one is asked for."""
    with Progress(name, total=total, stream=stream) as progress:
        for done, item in enumerate(items, start=1):
            yield item
            progress.at(done)


def duration(seconds: float) -> str:
    """A time span in words: `40 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _make_bar(name: str, total: int | None, stream: TextIO) -> Any:
    try:
        from tqdm import tqdm  # noqa: PLC0415 - comes with an extra; without it lines are printed
    except ImportError:
        return None
    return tqdm(total=total, desc=name, file=stream, dynamic_ncols=True, leave=True)


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 picture, 2 pictures, 1,200 pictures."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
