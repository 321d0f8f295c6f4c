from __future__ import annotations

from itertools import pairwise

import pytest

from bodycascade.params import WeightAveraging
from bodycascade.train.schedule import Cycle, Schedule, averaging_decay, rate_factor
from tests.train.animals import animal_params


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


def schedule(**changes: object) -> Schedule:
    """That of a training of nine epochs of ten steps at the rate 0.01, without warm-up."""
    train = animal_params(epochs=9, learning_rate=0.01, warmup_epochs=0.0, ema_decay=0.98, **changes).train["animal"]
    return Schedule(train, steps_per_epoch=10)


TWO_FURTHER = WeightAveraging(cycles=2, epochs=3, rate=0.5)


@pytest.mark.parametrize(
    ("epoch", "cycle"), [(0, (0, 3)), (2, (0, 3)), (3, (3, 5)), (4, (3, 5)), (5, (5, 9)), (8, (5, 9))]
)
def test_cycles_lie_between_the_restarts(epoch: int, cycle: tuple[int, int]) -> None:
    assert schedule(restarts=(3, 5)).cycle(epoch) == Cycle(*cycle, 1.0, 0)


def test_training_without_restarts_is_one_cycle() -> None:
    assert schedule().cycles == (Cycle(0, 9, 1.0, 0),)
    assert schedule().epochs == 9


def test_cycles_of_weight_averaging_come_after_the_last_epoch() -> None:
    found = schedule(restarts=(5,), weight_averaging=TWO_FURTHER)
    assert found.cycles == (Cycle(0, 5, 1.0, 0), Cycle(5, 9, 1.0, 0), Cycle(9, 12, 0.5, 1), Cycle(12, 15, 0.5, 2))
    assert found.epochs == 15


def test_rate_begins_each_cycle_anew_and_those_of_weight_averaging_at_their_share() -> None:
    found = schedule(restarts=(5,), weight_averaging=TWO_FURTHER)
    starts = [found.learning_rate(epoch * 10) for epoch in (0, 5, 9, 12)]
    assert starts == [0.01, 0.01, 0.005, 0.005]
    assert found.learning_rate(105) == pytest.approx(0.0025), "the middle of a further cycle"
    assert found.learning_rate(149) < 0.0001


def test_running_average_forgets_the_start_of_each_cycle() -> None:
    found = schedule(restarts=(5,), weight_averaging=TWO_FURTHER)
    assert found.averaging_decay(49) > 0.8
    assert [found.averaging_decay(epoch * 10) for epoch in (0, 5, 9, 12)] == [pytest.approx(0.1)] * 4
