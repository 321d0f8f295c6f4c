"""Ctrl-C and SIGTERM: finish the step, keep a checkpoint, leave with the exit code that the shell expects."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Stopped(Exception):  # noqa: N818 - it is a request carried out, not an error
    """The process was asked to stop and its progress is kept; `exit_code` is 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}; the next run goes on from here")
        self.exit_code = 128 + number


class StopRequest:
    """Remembers that SIGINT or SIGTERM came while it was listening; a second one ends the process at once."""

    def __init__(self) -> None:
        self._number: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take over the two signals (main thread only), and give them back in the end."""
        before = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for."""
        return self._number is not None

    def raise_if_requested(self) -> None:
        """Raise `Stopped` where a stop was asked for."""
        if self._number is not None:
            raise Stopped(self._number)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._number is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._number = number
        # Not print: the signal may have come in the middle of one. Whoever read standard error may be gone by it too.
        with suppress(OSError):
            os.write(2, b"\nstopping after this step, with a checkpoint; ask again to stop at once\n")
