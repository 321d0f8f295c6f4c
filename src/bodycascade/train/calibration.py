"""Calibration: one offset per child, added to its logit after training, chosen for the best mean IoU on the selection
set.

A loss over pixels and the mean IoU want different things: a class that is easily mistaken is predicted too often or too
seldom. One number per child is enough to mend that, and too little to overfit the set.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from bodycascade.expert import Expert
from bodycascade.params import Calibration
from bodycascade.train.scoring import SelectionScorer, mean_child_iou


def calibrated(
    expert: Expert,
    scorer: SelectionScorer,
    *,
    search: Calibration,
    precision: str,
    between: Callable[[], None] = lambda: None,
) -> Expert:
    """A copy of `expert` whose logits are shifted to score best on `scorer`'s images; equal where there are none.

    Of their rows and columns every `search.thinning`-th is looked at: more would cost memory and tell the same.
    `between` is called between images and between tries, for a caller who may want to break off.
    """
    logits, targets = scorer.sample(expert, precision=precision, thinning=search.thinning, between=between)
    shifted = copy.deepcopy(expert)
    if len(targets):
        shifts = best_shifts(logits, targets, search=search, background=expert.spec.parent is None, between=between)
        with torch.no_grad():
            bias = shifted.unet.head.bias
            if bias is not None:
                bias += torch.from_numpy(shifts).to(bias)
    return shifted


def best_shifts(
    logits: npt.NDArray[np.float32],
    targets: npt.NDArray[np.uint8],
    *,
    search: Calibration,
    background: bool,
    between: Callable[[], None] = lambda: None,
) -> npt.NDArray[np.float32]:
    """(children,) float32: what to add to `logits` (pixels, children) so that their argmax has the best mean IoU.

    `targets` (pixels,) uint8: the true child. `background`: the first child does not count. A greedy search: in each
    of `search.rounds`, for one child after the other, `search.steps` shifts from -reach to reach are tried, the others
    staying as they are; no shift is the answer where none is better, nor for a child that `targets` does not hold, of
    which it can say nothing. `between` is called before each try.
    """
    num_children = logits.shape[1]
    shifts = np.zeros(num_children, np.float32)
    best = _mean_iou(logits, targets, background)
    for _ in range(search.rounds):
        for child in np.unique(targets):
            for value in np.linspace(-search.reach, search.reach, search.steps, dtype=np.float32):
                between()
                tried = shifts.copy()
                tried[child] = value
                score = _mean_iou(logits + tried, targets, background)
                if score > best:
                    best, shifts = score, tried
    return shifts


def _mean_iou(logits: npt.NDArray[np.float32], targets: npt.NDArray[np.uint8], background: bool) -> float:
    num_children = logits.shape[1]
    pairs = targets.astype(np.int64) * num_children + logits.argmax(axis=1)
    matrix = np.bincount(pairs, minlength=num_children**2).reshape(num_children, num_children)
    return mean_child_iou(matrix, background=background)
