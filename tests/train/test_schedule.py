from __future__ import annotations

from itertools import pairwise

import pytest

from bodycascade.train.schedule import averaging_decay, cycle_of, rate_factor


def test_rate_rises_in_a_line_then_falls_as_half_a_cosine() -> None:
    factors = [rate_factor(step, steps=12, warmup_steps=4) for step in range(12)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4] == 1.0
    assert factors[8] == pytest.approx(0.5)
    assert all(before > after > 0 for before, after in pairwise(factors[4:]))


def test_rate_starts_at_the_top_without_warm_up() -> None:
    assert rate_factor(0, steps=10, warmup_steps=0) == 1.0
    assert rate_factor(10, steps=10, warmup_steps=0) == pytest.approx(0)


def test_training_that_is_all_warm_up_ends_at_the_top() -> None:
    assert rate_factor(9, steps=10, warmup_steps=10) == 1.0


def test_average_forgets_the_start_fast_and_keeps_the_decay_later() -> None:
    assert averaging_decay(0, decay=0.98, warmup=10) == pytest.approx(0.1)
    assert averaging_decay(8, decay=0.98, warmup=10) == pytest.approx(0.5)
    assert averaging_decay(10_000, decay=0.98, warmup=10) == 0.98


def test_average_keeps_the_start_for_less_time_the_longer_its_warm_up() -> None:
    assert averaging_decay(8, decay=0.98, warmup=1) == 0.98
    assert averaging_decay(8, decay=0.98, warmup=82) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("epoch", "cycle"), [(0, (0, 3)), (2, (0, 3)), (3, (3, 5)), (4, (3, 5)), (5, (5, 9)), (8, (5, 9))]
)
def test_cycles_lie_between_the_restarts(epoch: int, cycle: tuple[int, int]) -> None:
    assert cycle_of(epoch, restarts=[3, 5], epochs=9) == cycle


def test_training_without_restarts_is_one_cycle() -> None:
    assert cycle_of(4, restarts=[], epochs=9) == (0, 9)


def test_restart_after_the_end_is_none() -> None:
    assert cycle_of(1, restarts=[3, 5], epochs=2) == (0, 2)
    assert cycle_of(4, restarts=[3, 5], epochs=5) == (3, 5)
