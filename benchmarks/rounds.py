"""Timing side by side: every contestant in every round, so that a slow minute of the machine meets them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.contestants import Contestant, Picture, Subject

Timed = Mapping[Contestant, Subject]


def time_rounds(
    timed: Timed, pictures: Sequence[Picture], *, rounds: int, after_round: Callable[[], None]
) -> dict[str, list[list[float]]]:
    """For each contestant's name, the seconds of each call in each round, all pictures in each.

    A round before the first, not counted, pays for what a process does once for each shape of input.
    """
    seconds: dict[str, list[list[float]]] = {contestant.name: [] for contestant in timed}
    for place in range(rounds + 1):
        for contestant, subject in timed.items():
            calls = time_calls(subject, pictures, at_once=contestant.at_once)
            if place:
                seconds[contestant.name].append(calls)
        if place:
            after_round()
    return seconds


def time_calls(subject: Subject, pictures: Sequence[Picture], *, at_once: int) -> list[float]:
    """Seconds of each call; the last may have fewer than `at_once` pictures."""
    seconds = []
    for first in range(0, len(pictures), at_once):
        chosen = pictures[first : first + at_once]
        started = time.perf_counter()
        subject.call(chosen)
        seconds.append(time.perf_counter() - started)
    return seconds


def speed_figures(rounds: Sequence[Sequence[float]], *, pictures: int, at_once: int) -> dict[str, float | None]:
    """images_per_second, latency_ms (median) and latency_ms_95 (95th percentile), each the median over the rounds.

    `rounds` holds the seconds of each call. Where a call is given several pictures it has no latency: None.
    """
    figures: dict[str, float | None] = {"images_per_second": _median([pictures / sum(calls) for calls in rounds])}
    for name, percent in (("latency_ms", 50), ("latency_ms_95", 95)):
        each = [1000 * float(np.percentile(calls, percent)) for calls in rounds]
        figures[name] = _median(each) if at_once == 1 else None
    return figures


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))
