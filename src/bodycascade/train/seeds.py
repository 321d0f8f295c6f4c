"""Every random choice of a training has a seed of its own, so that none depends on how many were made before it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

START, ORDER, VIEW, MASK_CHOICE, STEP, BOX = range(6)
"""Purposes that seeds are derived for."""


@dataclass(frozen=True)
class Seed:
    """The run's seed and the expert's name, which all seeds of a training are derived from."""

    seed: int
    expert: str

    def derive(self, purpose: int, *place: int) -> int:
        """A 32-bit seed for a purpose and a place (an epoch, an index, a step) in this training."""
        words = [self.seed, zlib.crc32(self.expert.encode()), purpose, *place]
        return int(np.random.SeedSequence(words).generate_state(1)[0])
