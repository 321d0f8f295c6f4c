"""What an expert is trained on: weighted cross-entropy plus Dice, over the pixels of its node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bodycascade.hierarchy import IGNORE


@dataclass(frozen=True)
class LossParts:
    """The loss and what it is made of, scalars; `total` carries the gradient."""

    total: Tensor
    cross_entropy: Tensor
    dice: Tensor


def class_weights(fractions: Sequence[float], *, power: float) -> list[float]:
    """Cross-entropy weight of each child from its `fractions` of the parent's pixels.

    Weight = fraction ** -power, scaled so that the mean weight over pixels is 1; a child that never occurs gets 0.
    """
    raw = [fraction**-power if fraction > 0 else 0.0 for fraction in fractions]
    mean = sum(weight * fraction for weight, fraction in zip(raw, fractions, strict=True))
    return [weight / mean if mean else 0.0 for weight in raw]


def expert_loss(
    logits: Tensor, targets: Tensor, weights: Tensor, *, dice_weight: float, label_smoothing: float
) -> LossParts:
    """Loss of `logits` (N, children, H, W) float32 against `targets` (N, H, W) int64, child ids or IGNORE.

    Pixels marked IGNORE count nowhere. A batch without a single other pixel has loss 0. Dice (Milletari et al. 2016,
    arXiv:1606.04797) is taken over the batch, for the children that occur in it and have a weight.
    """
    valid = targets != IGNORE
    if not bool(valid.any()):
        zero = logits.sum() * 0.0
        return LossParts(zero, zero.detach(), zero.detach())
    cross_entropy = functional.cross_entropy(
        logits, targets, weight=weights, ignore_index=IGNORE, label_smoothing=label_smoothing
    )
    dice = _dice(logits, targets, valid, weights > 0) if dice_weight else torch.zeros_like(cross_entropy)
    return LossParts(cross_entropy + dice_weight * dice, cross_entropy.detach(), dice.detach())


def _dice(logits: Tensor, targets: Tensor, valid: Tensor, weighted: Tensor) -> Tensor:
    probabilities = logits.softmax(dim=1) * valid.unsqueeze(1)
    classes = torch.arange(logits.shape[1], device=logits.device).view(1, -1, 1, 1)
    truth = (targets.unsqueeze(1) == classes).to(probabilities.dtype)  # (N, children, H, W); IGNORE matches none
    both = (probabilities * truth).sum(dim=(0, 2, 3))
    size = probabilities.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3))
    present = (truth.sum(dim=(0, 2, 3)) > 0) & weighted
    lost = (1 - 2 * both / size.clamp_min(1.0)) * present
    return lost.sum() / present.sum().clamp_min(1)
