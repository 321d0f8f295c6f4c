"""How large a step is: linear warm-up, then half a cosine down to zero, once or, in further cycles, anew.

Cosine and warm restarts: Loshchilov & Hutter 2017, arXiv:1608.03983.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from bodycascade.params import TrainParams


@dataclass(frozen=True)
class Cycle:
    """The epochs [first, last), counted from 0, over which the learning rate falls once, from its share `rate`.

    `phase` is 0 in the training proper, 1, 2 ... in the cycles of weight averaging after it.
    """

    first: int
    last: int
    rate: float
    phase: int


class Schedule:
    """The cycles of one training: they begin at 0, at each of `restarts`, and after `epochs` for weight averaging."""

    def __init__(self, train: TrainParams, *, steps_per_epoch: int) -> None:
        self._train, self._steps_per_epoch = train, steps_per_epoch
        further = train.weight_averaging
        proper = pairwise([0, *train.restarts, train.epochs])
        after = pairwise([train.epochs + further.epochs * count for count in range(further.cycles + 1)])
        self.cycles = (
            *(Cycle(first, last, 1.0, 0) for first, last in proper),
            *(Cycle(first, last, further.rate, phase) for phase, (first, last) in enumerate(after, start=1)),
        )

    @property
    def epochs(self) -> int:
        """Number of epochs in the whole training, the cycles of weight averaging included."""
        return self.cycles[-1].last

    def cycle(self, epoch: int) -> Cycle:
        """The cycle that `epoch` (counted from 0) lies in."""
        return next(cycle for cycle in self.cycles if epoch < cycle.last)

    def learning_rate(self, step: int) -> float:
        """The learning rate at `step`, counted from 0 through all epochs."""
        cycle, done = self._place(step)
        warmup = round(self._train.warmup_epochs * self._steps_per_epoch)
        steps = (cycle.last - cycle.first) * self._steps_per_epoch
        return self._train.learning_rate * cycle.rate * rate_factor(done, steps=steps, warmup_steps=warmup)

    def averaging_decay(self, step: int) -> float:
        """What the running average of the weights keeps of itself at `step`."""
        return averaging_decay(self._place(step)[1], decay=self._train.ema_decay, warmup=self._train.ema_warmup)

    def _place(self, step: int) -> tuple[Cycle, int]:
        """The cycle that `step` lies in, and how many of its steps come before."""
        cycle = self.cycle(step // self._steps_per_epoch)
        return cycle, step - cycle.first * self._steps_per_epoch


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
