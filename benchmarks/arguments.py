"""Types of words on the benchmarks' command lines."""

from __future__ import annotations

import argparse
import math


def count(text: str) -> int:
    """A whole number from 1 on; argparse tells of anything else."""
    return _whole(text, least=1)


def count_from_zero(text: str) -> int:
    """A whole number from 0 on; argparse tells of anything else."""
    return _whole(text, least=0)


def duration(text: str) -> float:
    """Seconds above 0; argparse tells of anything else."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found {text!r}")
    return number


def _whole(text: str, *, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, found {text!r}")
    return number
