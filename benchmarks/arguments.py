"""Types of words on the benchmarks' command lines."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """A whole number from 1 on; argparse tells of anything else."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return number
