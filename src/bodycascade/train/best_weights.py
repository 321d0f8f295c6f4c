"""What a training keeps of the weights it has been through, and what it makes of them at its end.

The cycles after the training proper end at other weights near the best; the mean of such weights often does better than
each (stochastic weight averaging, Izmailov et al. 2018, arXiv:1803.05407), and costs nothing in use. A mean is taken
only where it scores better (the greedy soup of Wortsman et al. 2022, arXiv:2203.05482).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor

from bodycascade.train.scoring import Score

Weights = dict[str, Tensor]


class Kept(TypedDict):
    """The best weights of a phase of the training, the epoch (from 1) that ended at them, and their score there."""

    epoch: int
    score: float
    weights: Weights


class BestWeights:
    """The best weights of each phase, of which the training proper is one and each cycle after it another."""

    def __init__(self) -> None:
        self._by_phase: dict[int, Kept] = {}

    @property
    def best(self) -> Kept:
        """The best of all, the earliest of equals; to be asked for once something has been offered."""
        return self._best_first()[0]

    def offer(self, weights: Weights, score: Score, *, phase: int, epoch: int) -> None:
        """Keep a copy of `weights` where they are the best of `phase`; where `score` tells nothing, the last ones."""
        if not score.is_meaningful:
            self._by_phase = {}
        if phase in self._by_phase and score.mean_iou <= self._by_phase[phase]["score"]:
            return
        # Not on a GPU: those of a checkpoint come back to the CPU, and a mean wants all of them in one place.
        copies = {key: value.detach().to("cpu", copy=True) for key, value in weights.items()}
        self._by_phase[phase] = Kept(epoch=epoch, score=score.mean_iou, weights=copies)

    def average(self, score_of: Callable[[Weights], float]) -> tuple[Weights, list[int]]:
        """The best weights, or a mean of several phases' that is better by `score_of`; and the epochs they are from.

        From the best phase to the worst, each one's weights are taken into the mean where that raises its score.
        """
        first, *others = self._best_first()
        chosen, best, weights = [first], first["score"], first["weights"]
        for kept in others:
            mean = _mean([one["weights"] for one in (*chosen, kept)])
            score = score_of(mean)
            if score > best:
                chosen, best, weights = [*chosen, kept], score, mean
        return weights, sorted(kept["epoch"] for kept in chosen)

    def state(self) -> dict[int, Kept]:
        """What `load` needs, for a checkpoint."""
        return self._by_phase

    def load(self, state: dict[int, Any]) -> None:
        """Take over what `state` gave."""
        self._by_phase = state

    def _best_first(self) -> list[Kept]:
        return sorted(self._by_phase.values(), key=lambda kept: kept["score"], reverse=True)


def _mean(several: Sequence[Weights]) -> Weights:
    """The mean of each tensor; of whole numbers, which count steps, the first."""
    return {
        key: torch.stack([weights[key] for weights in several]).mean(dim=0) if first.is_floating_point() else first
        for key, first in several[0].items()
    }
