from __future__ import annotations

import numpy as np
import pytest

from bodycascade.errors import DataError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.metric import (
    SIZE_BANDS,
    absent_classes,
    band_name,
    bootstrap,
    confusion_matrix,
    empty_levels,
    precision_recall,
    scores,
    size_band,
)
from tests.reference import score
from tests.toy_experts import FOUR_LEGS, THREE


def label_map(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, np.uint8)


TRUTH = label_map([[0, 1, 1], [0, 1, 2], [0, 2, 2]])
PREDICTED = label_map([[0, 1, 1], [1, 2, 2], [0, 0, 2]])


def test_confusion_matrix_by_hand() -> None:
    wanted = [[2, 1, 0], [0, 2, 1], [1, 0, 2]]  # rows truth: background taken for a once, a for b once, b for nothing
    matrix = confusion_matrix(TRUTH, PREDICTED, 3)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == wanted


def test_scores_by_hand() -> None:
    figures = scores(confusion_matrix(TRUTH, PREDICTED, 3), THREE)
    assert figures == {
        "mIoU0": 5 / 7,  # truth 6, prediction 6, both 5
        "thing": 5 / 7,
        "mIoU1": (2 / 4 + 2 / 4) / 2,
        "a": 2 / 4,
        "b": 2 / 4,
        "mIoU_3_with_background": pytest.approx((2 / 4 + 2 / 4 + 2 / 4) / 3),
    }
    assert list(figures) == ["mIoU0", "thing", "mIoU1", "a", "b", "mIoU_3_with_background"]


def random_pair(dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    shape = tuple(dice.integers(1, 60, 2))
    labels = dice.choice(7, int(dice.integers(1, 8)), replace=False).astype(np.uint8)
    truth = dice.choice(labels, shape)
    other = dice.choice(labels, shape) if dice.random() < 0.5 else dice.integers(0, 7, shape).astype(np.uint8)
    predicted = np.where(dice.random(shape) < dice.random(), truth, other).astype(np.uint8)
    return truth, predicted


@pytest.mark.parametrize("seed", range(200))
def test_equals_the_independent_script_to_the_last_digit(seed: int) -> None:
    truth, predicted = random_pair(np.random.default_rng(seed))
    matrix, wanted = confusion_matrix(truth, predicted, 7), score.confusion(truth, predicted)
    np.testing.assert_array_equal(matrix, wanted)
    figures = scores(matrix, PASCAL_PART)
    assert figures == score.scores(wanted)
    assert list(figures) == list(score.scores(wanted))
    assert all(type(value) is float for value in figures.values())


def test_equals_the_independent_script_on_counts_of_a_whole_data_set() -> None:
    dice = np.random.default_rng(0)
    for _ in range(100):
        matrix = dice.integers(0, 10 ** dice.integers(1, 12), (7, 7), dtype=np.int64)
        assert scores(matrix) == score.scores(matrix)


def test_all_background_scores_zero() -> None:
    truth = np.random.default_rng(0).integers(0, 7, (20, 20)).astype(np.uint8)
    figures = scores(confusion_matrix(truth, np.zeros_like(truth), 7))
    assert (figures["mIoU0"], figures["mIoU1"], figures["mIoU2"]) == (0, 0, 0)


def test_truth_scores_one() -> None:
    truth = np.random.default_rng(0).integers(0, 7, (20, 20)).astype(np.uint8)
    figures = scores(confusion_matrix(truth, truth, 7))
    assert (figures["mIoU0"], figures["mIoU1"], figures["mIoU2"]) == (1, 1, 1)


def test_absent_class_is_left_out_and_a_false_alarm_is_not() -> None:
    truth = label_map([[0, 1], [0, 1]])
    clean = scores(confusion_matrix(truth, truth, 3), THREE)
    assert "b" not in clean
    assert clean["mIoU1"] == 1
    assert absent_classes(confusion_matrix(truth, truth, 3), THREE) == ("b",)
    alarmed = scores(confusion_matrix(truth, label_map([[2, 1], [0, 1]]), 3), THREE)
    assert alarmed["b"] == 0
    assert alarmed["mIoU1"] == 0.5


def test_nobody_anywhere_scores_zero_and_names_every_class_absent() -> None:
    empty = np.zeros((4, 4), np.uint8)
    matrix = confusion_matrix(empty, empty, 7)
    assert scores(matrix)["mIoU0"] == 0
    assert absent_classes(matrix)[:3] == ("body", "upper_body", "lower_body")
    assert len(absent_classes(matrix)) == 9


def test_a_leaf_that_ends_early_counts_in_each_finer_level() -> None:
    dice = np.random.default_rng(1)
    truth, predicted = (dice.integers(0, 7, (30, 30)).astype(np.uint8) for _ in range(2))
    figures = scores(confusion_matrix(truth, predicted, 7), FOUR_LEGS)
    assert figures["mIoU1"] == pytest.approx((figures["tail"] + figures["trunk"] + figures["legs"]) / 3)
    legs = ("fore_left", "fore_right", "hind_left", "hind_right")
    assert figures["mIoU2"] == pytest.approx((figures["tail"] + figures["trunk"] + sum(figures[n] for n in legs)) / 6)


def test_precision_and_recall_by_hand() -> None:
    rates = precision_recall(confusion_matrix(TRUTH, PREDICTED, 3), THREE)
    assert rates["thing"] == {"precision": 5 / 6, "recall": 5 / 6}
    assert rates["a"] == {"precision": 2 / 3, "recall": 2 / 3}
    never = precision_recall(confusion_matrix(TRUTH, np.zeros_like(TRUTH), 3), THREE)
    assert never["a"] == {"recall": 0}


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (TRUTH.astype(np.int64), PREDICTED, "truth: expected a uint8 label map"),
        (TRUTH, PREDICTED[None], "prediction: expected a uint8 label map"),
        (TRUTH, PREDICTED[:2], r"truth is \(3, 3\), prediction \(2, 3\)"),
        (TRUTH + np.uint8(5), PREDICTED, "truth: labels go from 0 to 2; found 7"),
        (TRUTH, PREDICTED + np.uint8(1), "prediction: labels go from 0 to 2; found 3"),
    ],
)
def test_unfit_label_maps_are_one_line(truth: np.ndarray, predicted: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        confusion_matrix(truth, predicted, 3)
    assert "\n" not in str(caught.value)


def test_a_matrix_of_another_tree_is_refused() -> None:
    with pytest.raises(DataError, match=r"expected a confusion matrix \(7, 7\)"):
        scores(np.zeros((3, 3), np.int64), PASCAL_PART)


def test_bootstrap_holds_the_figure_and_repeats_with_its_seed() -> None:
    dice = np.random.default_rng(2)
    matrices = np.stack([confusion_matrix(*random_pair(dice), 7) for _ in range(40)])
    intervals = bootstrap(matrices, samples=200, seed=5)
    assert intervals == bootstrap(matrices, samples=200, seed=5)
    assert intervals != bootstrap(matrices, samples=200, seed=6)
    for key, value in scores(matrices.sum(axis=0)).items():
        low, high = intervals[key]
        assert low <= value <= high
        assert high - low < 0.6


def test_bootstrap_gives_the_middle_95_percent() -> None:
    # Of 400 images of one pixel half are right, so the IoU of a resampling is a binomial number over 400: .5 and .025.
    right, wrong = np.zeros((2, 3, 3), np.int64)
    right[2, 2] = wrong[2, 0] = 1
    low, high = bootstrap(np.stack([right, wrong] * 200), THREE, samples=2000, seed=0)["mIoU0"]
    assert low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.006)
    assert high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.006)


def test_samples_without_anybody_have_no_say_in_the_interval_of_a_mean() -> None:
    somebody, nobody = np.zeros((2, 3, 3), np.int64)
    somebody[1, 1] = somebody[2, 2] = nobody[0, 0] = 1
    drawn = bootstrap(np.stack([somebody, nobody, nobody]), THREE, samples=100, seed=0)
    assert drawn["mIoU0"] == drawn["mIoU1"] == drawn["thing"] == (1.0, 1.0)
    assert empty_levels(scores(somebody, THREE), THREE) == ()
    assert empty_levels(scores(nobody, THREE), THREE) == ("mIoU0", "mIoU1")
    assert "mIoU0" not in bootstrap(np.stack([nobody]), THREE, samples=10, seed=0)


def test_bootstrap_of_equal_images_has_no_width() -> None:
    matrix = confusion_matrix(TRUTH, PREDICTED, 3)
    intervals = bootstrap(np.stack([matrix] * 5), THREE, samples=20, seed=0)
    assert intervals["thing"] == (5 / 7, 5 / 7)
    with pytest.raises(DataError, match="needs images"):
        bootstrap(np.zeros((0, 3, 3), np.int64), THREE, samples=20, seed=0)


def test_size_bands_are_those_of_the_independent_script() -> None:
    assert [band_name(band) for band in SIZE_BANDS] == ["0%-2%", "2%-10%", "10%-30%", "30%-100%"]
    for pixels, name in ((0, "0%-2%"), (1, "0%-2%"), (2, "2%-10%"), (10, "10%-30%"), (30, "30%-100%")):
        truth = np.zeros((10, 10), np.uint8)
        truth.flat[:pixels] = 3
        assert size_band(truth) == name
    assert size_band(np.ones((3, 3), np.uint8)) == "30%-100%"
