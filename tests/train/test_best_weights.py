"""Which weights a training keeps, and when it averages them."""

from __future__ import annotations

import torch

from bodycascade.train.best_weights import BestWeights, Weights
from bodycascade.train.scoring import Score


def score(value: float) -> Score:
    return Score({"cat": value}, value, True, 0.0, 0.0)


def weights(value: float) -> Weights:
    return {"layer.weight": torch.full((2, 3), value)}


def kept(*offers: tuple[int, int, float, float]) -> BestWeights:
    """What is kept after (phase, epoch, score, value of all weights) were offered."""
    best = BestWeights()
    for phase, epoch, mean_iou, value in offers:
        best.offer(weights(value), score(mean_iou), phase=phase, epoch=epoch)
    return best


def value_of(found: Weights) -> float:
    assert found["layer.weight"].unique().numel() == 1
    return float(found["layer.weight"][0, 0])


def test_best_is_the_best_of_all_phases_and_the_earliest_of_equals() -> None:
    best = kept((0, 1, 0.3, 1.0), (0, 2, 0.5, 2.0), (0, 3, 0.5, 3.0), (1, 4, 0.4, 4.0)).best
    assert (best["epoch"], best["score"], value_of(best["weights"])) == (2, 0.5, 2.0)
    assert kept((0, 1, 0.3, 1.0), (1, 2, 0.6, 2.0)).best["epoch"] == 2


def test_kept_weights_are_copies() -> None:
    mine = weights(1.0)
    best = BestWeights()
    best.offer(mine, score(0.5), phase=0, epoch=1)
    mine["layer.weight"].zero_()
    assert value_of(best.best["weights"]) == 1.0


def test_without_a_score_the_last_weights_are_the_best() -> None:
    best = BestWeights()
    for epoch, phase in enumerate((0, 0, 1), start=1):
        best.offer(weights(float(epoch)), Score({"nothing": 1.0}, 0.0, False, 0.0, 0.0), phase=phase, epoch=epoch)
    assert best.best["epoch"] == 3
    assert best.average(lambda found: 1.0)[1] == [3], "nothing is averaged that cannot be judged"


def test_mean_of_several_phases_is_taken_where_it_scores_better() -> None:
    best = kept((0, 5, 0.5, 1.0), (1, 7, 0.6, 2.0), (2, 9, 0.4, 6.0))
    found, epochs = best.average(lambda found: 1 - abs(value_of(found) - 1.5))
    assert (value_of(found), epochs) == (1.5, [5, 7])
    found, epochs = best.average(lambda found: 1 - abs(value_of(found) - 3.0) / 10)
    assert (value_of(found), epochs) == (3.0, [5, 7, 9])


def test_best_weights_stay_where_no_mean_is_better() -> None:
    best = kept((0, 5, 0.5, 1.0), (1, 7, 0.6, 2.0))
    found, epochs = best.average(lambda found: 0.6)
    assert (value_of(found), epochs) == (2.0, [7])


def test_only_the_best_of_a_phase_is_averaged() -> None:
    best = kept((0, 1, 0.2, 9.0), (0, 2, 0.5, 1.0), (1, 3, 0.6, 2.0))
    asked: list[float] = []
    best.average(lambda found: asked.append(value_of(found)) or 0.0)  # type: ignore[func-returns-value]
    assert asked == [1.5]


def test_state_comes_back_as_it_was() -> None:
    first = kept((0, 5, 0.5, 1.0), (1, 7, 0.6, 2.0))
    again = BestWeights()
    again.load(first.state())
    assert again.best == first.best
