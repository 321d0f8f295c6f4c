"""How large a step is: linear warm-up, then half a cosine down to zero (Loshchilov & Hutter 2017, arXiv:1608.03983)."""

from __future__ import annotations

import math


def rate_factor(step: int, *, steps: int, warmup_steps: int) -> float:
    """What the base learning rate is multiplied by at `step` (counted from 0) of `steps`: in (0, 1]."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def averaging_decay(step: int, *, decay: float) -> float:
    """Decay of the running average of the weights at `step`: shorter at first, so that it forgets the random start."""
    return min(decay, (1 + step) / (10 + step))
