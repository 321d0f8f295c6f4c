"""Where a training stands, and what has added up in its epoch so far; a checkpoint keeps both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Place:
    """The place of a training: whole epochs, batches of the epoch after them, and steps of the whole training, done.

    `skipped`: steps left out, since loss or gradient was not finite; `bad`: how many of the last ones in a row.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    skipped: int = 0
    bad: int = 0


@dataclass
class EpochSums:
    """Sums over the epoch so far.

    `loss` and its parts `cross_entropy` and `dice`, over the `steps` that were taken; `images` seen; `seconds` passed,
    and those of them that were `waited` for images.
    """

    loss: float = 0.0
    cross_entropy: float = 0.0
    dice: float = 0.0
    steps: int = 0
    images: int = 0
    seconds: float = 0.0
    waited: float = 0.0
