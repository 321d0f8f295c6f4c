"""Logits shifted at the end of a training to what scores best on the selection set."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bodycascade.params import Calibration
from bodycascade.train.calibration import best_shifts, calibrated
from bodycascade.train.scoring import SelectionScorer
from tests.toy_experts import FOUR_LEGS, tiny_expert

SEARCH = Calibration(reach=1.0, steps=21, rounds=2, thinning=3)


def too_ready(*, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits (pixels, 2) of a child that is said too readily by `shift`, and the truth: a quarter of the pixels."""
    dice = np.random.default_rng(0)
    targets = (dice.random(4000) < 0.25).astype(np.uint8)
    margin = np.where(targets, 1.0, -1.0) + 0.8 * dice.standard_normal(4000)
    return np.stack([np.zeros(4000), margin + shift], axis=1).astype(np.float32), targets


def iou(logits: np.ndarray, targets: np.ndarray) -> float:
    said = logits.argmax(axis=1) == 1
    return float((said & (targets == 1)).sum() / (said | (targets == 1)).sum())


def test_a_child_that_is_said_too_readily_is_held_back() -> None:
    logits, targets = too_ready(shift=0.8)
    shifts = best_shifts(logits, targets, search=SEARCH, background=True)
    assert shifts[0] - shifts[1] > 0.3
    assert iou(logits + shifts, targets) > iou(logits, targets) + 0.02


def test_no_shift_goes_beyond_the_reach() -> None:
    logits, targets = too_ready(shift=0.8)
    short = dataclasses.replace(SEARCH, reach=0.1)
    shifts = best_shifts(logits, targets, search=short, background=True)
    assert np.abs(shifts).max() == np.float32(0.1)


def test_logits_that_cannot_be_bettered_stay() -> None:
    targets = np.array([0, 1, 2, 1], np.uint8)
    logits = np.eye(3, dtype=np.float32)[targets] * 5
    np.testing.assert_array_equal(best_shifts(logits, targets, search=SEARCH, background=False), np.zeros(3))


def test_the_background_does_not_count() -> None:
    targets = np.array([0, 0, 0, 0, 1, 2], np.uint8)
    logits = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 2]] * np.float32(0.5)
    with_background = best_shifts(logits, targets, search=SEARCH, background=False)
    np.testing.assert_array_equal((logits + with_background).argmax(axis=1)[4:], [1, 2])
    without = best_shifts(logits, targets, search=SEARCH, background=True)
    np.testing.assert_array_equal((logits + without).argmax(axis=1)[4:], [1, 2])


def test_a_child_that_the_sample_lacks_stays_as_likely_as_it_is() -> None:
    targets = np.array([1] * 6, np.uint8)
    logits = np.eye(3, dtype=np.float32)[[1, 1, 1, 1, 2, 2]] * np.float32(0.5)
    shifts = best_shifts(logits, targets, search=SEARCH, background=False)
    assert shifts[0] == shifts[2] == 0


class FixedSample(SelectionScorer):
    """A scorer of given logits."""

    def __init__(self, logits: np.ndarray, targets: np.ndarray) -> None:
        self.given = logits, targets

    def sample(
        self, expert: object, *, precision: str, thinning: int, between: Callable[[], None] = lambda: None
    ) -> tuple[np.ndarray, np.ndarray]:
        between()
        return self.given


class EnoughError(Exception):
    pass


@pytest.mark.parametrize("asked", [1, 2, 30])
def test_it_can_be_broken_off(asked: int) -> None:
    left = [asked]

    def enough() -> None:
        left[0] -= 1
        if not left[0]:
            raise EnoughError

    with pytest.raises(EnoughError):
        calibrated(
            tiny_expert(FOUR_LEGS, "animal"),
            FixedSample(*too_ready(shift=0.8)),
            search=SEARCH,
            precision="float32",
            between=enough,
        )


def test_the_shift_lands_in_a_copy_of_the_expert() -> None:
    expert = tiny_expert(FOUR_LEGS, "animal")
    before = copy.deepcopy(expert.state_dict())
    logits, targets = too_ready(shift=0.8)
    shifted = calibrated(expert, FixedSample(logits, targets), search=SEARCH, precision="float32")
    moved = shifted.unet.head.bias - expert.unet.head.bias
    expected = best_shifts(logits, targets, search=SEARCH, background=True)
    np.testing.assert_allclose(moved.detach().numpy(), expected, atol=1e-6)
    assert all(torch.equal(before[name], tensor) for name, tensor in expert.state_dict().items())


def test_without_an_image_the_expert_stays_as_it_is() -> None:
    expert = tiny_expert(FOUR_LEGS, "animal")
    nothing = FixedSample(np.empty((0, 2), np.float32), np.empty(0, np.uint8))
    shifted = calibrated(expert, nothing, search=SEARCH, precision="float32")
    assert all(torch.equal(a, b) for a, b in zip(expert.parameters(), shifted.parameters(), strict=True))
