"""How large a step is: linear warm-up, then half a cosine down to zero, once or, after each restart, anew.

Cosine and warm restarts: Loshchilov & Hutter 2017, arXiv:1608.03983.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def cycle_of(epoch: int, *, restarts: Sequence[int], epochs: int) -> tuple[int, int]:
    """[first, last) epochs of the cycle that `epoch` (from 0) lies in; cycles begin at 0 and at each of `restarts`."""
    first = max((start for start in restarts if start <= epoch), default=0)
    last = min((start for start in restarts if epoch < start < epochs), default=epochs)
    return first, last


def rate_factor(step: int, *, steps: int, warmup_steps: int) -> float:
    """What the base learning rate is multiplied by at `step` (counted from 0) of `steps`: in (0, 1]."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def averaging_decay(step: int, *, decay: float, warmup: int) -> float:
    """Decay of the running average of the weights at `step`: shorter at first, so that it forgets the random start.

    (1 + step) / (warmup + step), up to `decay`; the larger `warmup`, the longer the start is forgotten. As in
    TensorFlow's ExponentialMovingAverage with num_updates, whose `warmup` is 10.
    """
    return min(decay, (1 + step) / (warmup + step))
