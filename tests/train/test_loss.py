"""The loss, on cases small enough to be reckoned by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bodycascade.hierarchy import IGNORE
from bodycascade.train.loss import LossParts, class_weights, expert_loss


def loss(
    logits: Tensor, targets: Tensor, weights: list[float], *, dice: float = 0.0, smoothing: float = 0.0
) -> LossParts:
    return expert_loss(logits, targets, torch.tensor(weights), dice_weight=dice, label_smoothing=smoothing)


def row(*pixels: tuple[float, ...]) -> Tensor:
    """(1, children, 1, W) logits whose softmax gives the probabilities of each pixel."""
    return torch.tensor(pixels).log().T[None, :, None, :].requires_grad_()


def truth(*labels: int) -> Tensor:
    return torch.tensor([[labels]])


def test_weights_have_mean_one_over_pixels() -> None:
    fractions = [0.64, 0.36]
    weights = class_weights(fractions, power=0.5)
    # 1 / 0.8 and 1 / 0.6, over their mean 0.64 / 0.8 + 0.36 / 0.6 = 1.4.
    assert weights == pytest.approx([1.25 / 1.4, 1 / 0.6 / 1.4])
    assert sum(w * f for w, f in zip(weights, fractions, strict=True)) == pytest.approx(1)


def test_power_zero_weighs_all_alike_and_power_one_by_the_inverse() -> None:
    assert class_weights([0.9, 0.1], power=0.0) == pytest.approx([1, 1])
    assert class_weights([0.75, 0.25], power=1.0) == pytest.approx([2 / 3, 2])


def test_child_that_never_occurs_has_weight_zero() -> None:
    weights = class_weights([0.5, 0.0, 0.5], power=0.5)
    assert weights == pytest.approx([1, 0, 1])
    assert class_weights([0.0, 0.0], power=0.5) == [0.0, 0.0]


def test_cross_entropy_is_the_weighted_mean_over_pixels() -> None:
    logits = row((0.5, 0.5), (0.25, 0.75), (0.8, 0.2))
    parts = loss(logits, truth(0, 1, 0), [1.0, 3.0])
    expected = (1 * -math.log(0.5) + 3 * -math.log(0.75) + 1 * -math.log(0.8)) / 5
    assert parts.cross_entropy.item() == pytest.approx(expected, rel=1e-5)
    assert parts.total.item() == pytest.approx(expected, rel=1e-5)


def test_dice_counts_the_classes_that_occur_only() -> None:
    logits = row((0.5, 0.25, 0.25), (0.5, 0.25, 0.25))
    parts = loss(logits, truth(0, 1), [1.0, 1.0, 1.0], dice=2.0)
    # Both lie at 1 pixel; sums of probabilities 1.0 and 0.5. Class 2 is absent and not asked about.
    first, second = 1 - 2 * 0.5 / (1.0 + 1), 1 - 2 * 0.25 / (0.5 + 1)
    assert parts.dice.item() == pytest.approx((first + second) / 2, rel=1e-5)
    assert parts.total.item() == pytest.approx(parts.cross_entropy.item() + 2 * parts.dice.item(), rel=1e-5)


def test_dice_leaves_out_a_class_without_weight() -> None:
    logits = row((0.5, 0.5), (0.5, 0.5))
    assert loss(logits, truth(0, 1), [1.0, 0.0], dice=1.0).dice.item() == pytest.approx(1 - 2 * 0.5 / (1 + 1))


def test_perfect_prediction_has_no_dice_loss() -> None:
    logits = torch.tensor([[[[50.0, -50.0]], [[-50.0, 50.0]]]])
    assert loss(logits, truth(0, 1), [1.0, 1.0], dice=1.0).total.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("junk", [(0.01, 0.99), (0.99, 0.01)])
def test_ignored_pixels_count_nowhere(junk: tuple[float, float]) -> None:
    alone = loss(row((0.3, 0.7), (0.6, 0.4)), truth(0, 1), [1.0, 2.0], dice=1.0)
    logits = row((0.3, 0.7), junk, (0.6, 0.4))
    among = loss(logits, truth(0, IGNORE, 1), [1.0, 2.0], dice=1.0)
    assert among.total.item() == pytest.approx(alone.total.item(), rel=1e-6)
    among.total.backward()
    assert logits.grad is not None
    assert logits.grad[..., 1].abs().max() == 0
    assert logits.grad[..., 0].abs().min() > 0


def test_batch_of_ignored_pixels_has_loss_zero_and_a_finite_gradient() -> None:
    logits = row((0.3, 0.7), (0.6, 0.4))
    parts = loss(logits, truth(IGNORE, IGNORE), [1.0, 1.0], dice=1.0)
    parts.total.backward()
    assert (parts.total.item(), parts.cross_entropy.item(), parts.dice.item()) == (0, 0, 0)
    assert logits.grad is not None
    assert logits.grad.abs().max() == 0


def test_label_smoothing_spreads_a_share_over_all_children() -> None:
    parts = loss(row((0.9, 0.1)), truth(0), [1.0, 1.0], smoothing=0.2)
    assert parts.total.item() == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1), rel=1e-5)
