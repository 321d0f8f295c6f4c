"""How far a video is, whether or not its file says how long it is."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from bodycascade.progress import SECONDS_BETWEEN_LINES, Progress


class FrameCounter:
    """Shows the frames done, with the time left where the total is known; to be used as a context manager."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._progress: Progress | None = None
        self._spoke = time.monotonic()

    def __enter__(self) -> FrameCounter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.__exit__(kind, error, trace)

    def at(self, done: int, total: int | None) -> None:
        """Tell that `done` of `total` frames are done."""
        if total is not None:
            if self._progress is None:
                self._progress = Progress(self._name, total=max(total, done))
                self._progress.__enter__()
            self._progress.at(done)
        elif time.monotonic() - self._spoke >= SECONDS_BETWEEN_LINES:
            self._spoke = time.monotonic()
            print(f"{self._name}: {done} frames", file=sys.stderr, flush=True)
