"""Ctrl-C and SIGTERM: finish the step, keep a checkpoint, leave with the exit code that the shell expects."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(Exception):  # noqa: N818 - it is a request carried out, not an error
    """The process was asked to stop and its progress is kept; `exit_code` is 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}; the next run goes on from here")
        self.exit_code = 128 + number


class StopRequest:
    """Remembers that SIGINT or SIGTERM came, while it is installed; a second one ends the process at once."""

    def __init__(self) -> None:
        self._number: int | None = None

    def install(self) -> None:
        """Take over the two signals (main thread only)."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

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
