"""The second question in training: which leaf is each pixel?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bodycascade.hierarchy import IGNORE, PASCAL_PART
from bodycascade.train.leaf_head import LeafHead, leaf_map
from bodycascade.train.loss import expert_loss
from tests.toy_experts import FOUR_LEGS, tiny_expert


def sure_of(leaves: Tensor, count: int, *, strength: float = 30.0) -> Tensor:
    """(N, count, h, w) logits of one who is sure of the places `leaves` (N, h, w); 0 where these are IGNORE."""
    places = torch.arange(count).view(1, -1, 1, 1)
    return torch.where(leaves.unsqueeze(1) == places, strength, 0.0)


def truth(height: int, width: int, *, leaves: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, leaves, (2, height, width), generator=generator, dtype=torch.uint8)


def test_leaves_below_the_node_have_places_in_their_order() -> None:
    table = leaf_map(FOUR_LEGS, "legs")
    assert table.shape == (256,)
    assert table.dtype == np.uint8
    # The labels of the four legs, left to right in the tree, are 4, 1, 6 and 2.
    below = FOUR_LEGS.labels("legs")
    assert sorted(below) == [1, 2, 4, 6]
    assert {label: int(table[label]) for label in below} == {label: place for place, label in enumerate(below)}
    assert set(np.flatnonzero(table != IGNORE)) == set(below)


def test_root_asks_for_every_leaf() -> None:
    table = leaf_map(PASCAL_PART, PASCAL_PART.root.name)
    count = PASCAL_PART.num_labels
    assert sorted(table[:count].tolist()) == list(range(count))
    assert (table[count:] == IGNORE).all()


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_head_answers_on_the_grid_of_the_features(stride: int) -> None:
    expert = tiny_expert(FOUR_LEGS, "animal")
    head = LeafHead(expert)
    features = torch.randn(2, expert.unet.feature_channels, 32 // stride, 48 // stride)
    logits = head(features)
    assert logits.shape == (2, FOUR_LEGS.num_labels, 32 // stride, 48 // stride)
    loss = head.loss(logits, truth(32, 48, leaves=head.leaves), dice_weight=1.0, label_smoothing=0.0)
    loss.backward()
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in head.parameters())


def test_right_answer_has_no_loss_and_a_wrong_one_has() -> None:
    head = LeafHead(tiny_expert(FOUR_LEGS, "beast"))
    leaves = truth(16, 24, leaves=head.leaves)
    right, wrong = sure_of(leaves, head.leaves), sure_of((leaves + 1) % head.leaves, head.leaves)
    assert head.loss(right, leaves, dice_weight=1.0, label_smoothing=0.0).item() == pytest.approx(0, abs=1e-4)
    assert head.loss(wrong, leaves, dice_weight=1.0, label_smoothing=0.0).item() > 20


def test_loss_is_that_of_the_first_question_without_weights() -> None:
    head = LeafHead(tiny_expert(FOUR_LEGS, "beast"))
    leaves, logits = truth(8, 8, leaves=head.leaves), torch.randn(2, head.leaves, 8, 8)
    for dice, smoothing in ((0.0, 0.0), (1.0, 0.0), (0.0, 0.2)):
        terms = {"dice_weight": dice, "label_smoothing": smoothing}
        expected = expert_loss(logits, leaves.long(), torch.ones(head.leaves), **terms)
        assert head.loss(logits, leaves, **terms).item() == pytest.approx(expected.total.item())


def test_ignored_pixels_count_nowhere() -> None:
    head = LeafHead(tiny_expert(FOUR_LEGS, "beast"))
    leaves = truth(8, 8, leaves=head.leaves)
    leaves[:, :, 5:] = IGNORE
    losses = []
    for seed in range(2):
        logits = torch.randn(2, head.leaves, 8, 8, generator=torch.Generator().manual_seed(7))
        logits[..., 5:] = 100 * torch.randn(2, head.leaves, 8, 3, generator=torch.Generator().manual_seed(seed))
        logits.requires_grad_()
        losses.append(head.loss(logits, leaves, dice_weight=1.0, label_smoothing=0.0))
        losses[-1].backward()
        assert logits.grad is not None
        assert logits.grad[..., 5:].abs().max() == 0
        assert logits.grad[..., :5].abs().max() > 0
    assert losses[0].item() == pytest.approx(losses[1].item())
    nothing = torch.full_like(leaves, IGNORE)
    assert head.loss(torch.randn(2, head.leaves, 8, 8), nothing, dice_weight=1.0, label_smoothing=0.0).item() == 0


@pytest.mark.parametrize(("stride", "middle"), [(1, 0), (2, 1), (4, 2), (8, 4)])
def test_truth_is_read_in_the_middle_of_each_coarse_pixel(stride: int, middle: int) -> None:
    head = LeafHead(tiny_expert(FOUR_LEGS, "beast"))
    coarse = truth(3, 5, leaves=head.leaves)
    full = torch.full((2, 3 * stride, 5 * stride), 255, dtype=torch.uint8)
    full[:, middle::stride, middle::stride] = coarse
    elsewhere = torch.where(full == 255, torch.zeros_like(full), full)
    logits = sure_of(coarse, head.leaves)
    for leaves in (full, elsewhere):
        assert head.loss(logits, leaves, dice_weight=1.0, label_smoothing=0.0).item() == pytest.approx(0, abs=1e-4)
    wrong = sure_of((coarse + 1) % head.leaves, head.leaves)
    assert head.loss(wrong, full, dice_weight=0.0, label_smoothing=0.0).item() > 20
