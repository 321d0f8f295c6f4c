from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bodycascade.data.examples import Example
from bodycascade.evaluate.oracle import oracle, rungs
from bodycascade.evaluate.summary import level_confusion, summary
from bodycascade.evaluate.tables import write_confusion, write_per_image
from bodycascade.evaluate.tally import Tally, tally
from bodycascade.hierarchy import PASCAL_PART
from tests.evaluate.project import ANIMAL
from tests.evaluate.segmenters import BlindSegmenter, GivenSegmenter

GROUND, FRONT, HIND, TAIL = range(4)


def count(*cases: tuple[str, list[list[int]], list[list[int]]]) -> Tally:
    """A tally of (kind, truth, prediction) cases of the animal tree."""
    examples, pairs = [], []
    for place, (kind, truth, predicted) in enumerate(cases):
        image = np.full((len(truth), len(truth[0]), 3), place, np.uint8)
        examples.append(Example(f"image{place}", image, np.array(truth, np.uint8), kind))
        pairs.append((image, np.array(predicted, np.uint8)))
    return tally(GivenSegmenter(ANIMAL, pairs), examples, keep=lambda _name, _labels: None)


HALF_RIGHT = ([[FRONT, FRONT, HIND], [TAIL, TAIL, GROUND]], [[FRONT, HIND, HIND], [TAIL, GROUND, GROUND]])


def figures_of(counted: Tally) -> dict[str, Any]:
    return summary(counted, bootstrap_samples=0, seed=0)


def test_figures_of_a_case_worked_out_by_hand() -> None:
    # animal: 4 of 5; tail 1 of 2, legs 3 of 3; front legs 1 of 2, hind legs 1 of 2
    figures = figures_of(count(("colour", *HALF_RIGHT)))
    assert figures["mIoU0"] == 4 / 5
    assert figures["mIoU1"] == (1 / 2 + 1) / 2
    assert figures["mIoU2"] == (1 / 2 + 1 / 2 + 1 / 2) / 3
    assert figures["classes"]["hind_legs"] == {"iou": 0.5, "precision": 0.5, "recall": 1.0}
    assert figures["confusion"]["level1"] == {
        "names": ["ground", "tail", "legs"],
        "matrix": [[1, 0, 0], [1, 1, 0], [0, 0, 3]],
    }


def test_colour_and_grayscale_are_scored_apart_and_near_gray_counts_as_grayscale() -> None:
    truth, _ = HALF_RIGHT
    figures = figures_of(count(("colour", *HALF_RIGHT), ("gray", truth, truth), ("near_gray", truth, truth)))
    assert (figures["colour"]["images"], figures["colour"]["mIoU0"]) == (1, 4 / 5)
    assert (figures["grayscale"]["images"], figures["grayscale"]["mIoU2"]) == (2, 1.0)
    assert figures["mIoU0"] == 14 / 15


def test_a_group_without_images_has_no_score() -> None:
    figures = figures_of(count(("colour", *HALF_RIGHT)))
    assert figures["grayscale"] == {"images": 0}
    assert figures["by_size"]["2%-10%"] == {"images": 0}
    assert figures["by_size"]["30%-100%"] == {"images": 1, "mIoU0": 4 / 5, "mIoU1": 3 / 4, "mIoU2": 1 / 2}
    assert figures["body_by_size"]["2%-10%"] is None


def test_a_group_without_anybody_has_no_mean_over_classes() -> None:
    empty = [[GROUND, GROUND]]
    figures = figures_of(count(("colour", *HALF_RIGHT), ("gray", empty, empty)))
    assert figures["grayscale"]["images"] == 1
    assert not {"mIoU0", "mIoU1", "mIoU2"} & set(figures["grayscale"])
    assert figures["by_size"]["0%-2%"] == {"images": 1}


def test_a_class_that_never_occurs_is_named_and_left_out_of_the_means() -> None:
    figures = figures_of(count(("colour", [[FRONT, GROUND]], [[FRONT, GROUND]])))
    assert figures["absent_classes"] == ["tail", "hind_legs"]
    assert "tail" not in figures["classes"]
    assert figures["mIoU2"] == 1.0


def test_confusions_of_a_level_sum_to_those_of_the_labels() -> None:
    matrix = np.arange(49).reshape(7, 7)
    found = level_confusion(matrix, PASCAL_PART, 1)
    assert found["names"] == ["background", "upper_body", "lower_body"]
    assert np.sum(found["matrix"]) == matrix.sum()
    assert found["matrix"][2][0] == matrix[3, 0] + matrix[5, 0]


def test_rungs_go_down_the_tree() -> None:
    assert rungs(ANIMAL) == ((), ("scene",), ("scene", "animal"), ("scene", "animal", "legs"))


def test_the_ladder_credits_each_expert_with_what_it_alone_decides() -> None:
    # The double says "ground", "tail" or "front legs" wherever it does not know the truth.
    truth = np.array([[FRONT, FRONT, HIND, GROUND], [TAIL, GROUND, GROUND, GROUND]], np.uint8)
    example = Example("one", np.zeros((2, 4, 3), np.uint8), truth, "colour")
    nothing = np.zeros((4, 4), np.int64)
    nothing[:, 0] = (4, 2, 1, 1)
    found = oracle(BlindSegmenter(ANIMAL), [example], plain=nothing)
    ladder = found["cumulative"]
    assert ladder["none"] == {"mIoU0": 0.0, "mIoU1": 0.0, "mIoU2": 0.0}
    assert ladder["scene"] == {"mIoU0": 1.0, "mIoU1": (1 / 4 + 0) / 2, "mIoU2": (1 / 4 + 0 + 0) / 3}
    assert ladder["scene+animal"] == {"mIoU0": 1.0, "mIoU1": 1.0, "mIoU2": pytest.approx((1 + 2 / 3 + 0) / 3)}
    assert ladder["scene+animal+legs"] == {"mIoU0": 1.0, "mIoU1": 1.0, "mIoU2": 1.0}
    assert found["single"]["scene"] == ladder["scene"]
    assert found["single"]["animal"] == found["single"]["legs"] == ladder["none"]


def test_an_image_without_any_part_has_an_empty_score_in_the_table(tmp_path: Path) -> None:
    empty = [[GROUND, GROUND]]
    write_per_image(tmp_path / "per_image.csv", count(("colour", *HALF_RIGHT), ("gray", empty, empty)))
    with (tmp_path / "per_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "id": "image0",
        "grayscale": "colour",
        "body_share": "0.833333",
        "size": "30%-100%",
        "mIoU0": "0.800000",
        "mIoU1": "0.750000",
        "mIoU2": "0.500000",
    }
    assert (rows[1]["mIoU0"], rows[1]["mIoU2"]) == ("", "")


def test_confusion_rows_share_a_hundred_by_largest_remainder(tmp_path: Path) -> None:
    matrix = np.zeros((4, 4), np.int64)
    matrix[FRONT] = (1, 1, 1, 0)
    matrix[TAIL] = (0, 0, 1, 999)
    write_confusion(tmp_path / "confusion.csv", matrix, ANIMAL)
    with (tmp_path / "confusion.csv").open(newline="") as file:
        rows = [(row["actual"], row["predicted"]) for row in csv.DictReader(file)]
    assert {pair: rows.count(pair) for pair in set(rows)} == {
        ("front_legs", "ground"): 34,
        ("front_legs", "front_legs"): 33,
        ("front_legs", "hind_legs"): 33,
        ("tail", "tail"): 100,
    }
