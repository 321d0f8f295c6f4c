"""Class frequencies, counted by hand on three images."""

from __future__ import annotations

import pytest

from bodycascade.hierarchy import PASCAL_PART
from bodycascade.preprocess.frequencies import COLUMNS, count_frequencies, frequencies_csv
from tests.evaluate.project import ANIMAL

# Pixels of: background, low_hand, torso, low_leg, head, up_leg, up_hand.
PIXELS = [
    (60, 0, 20, 5, 10, 5, 0),
    (90, 0, 0, 0, 10, 0, 0),
    (100, 0, 0, 0, 0, 0, 0),
]


def test_labels_are_shares_of_all_pixels_and_all_images() -> None:
    labels = count_frequencies(PIXELS, PASCAL_PART)["labels"]
    assert labels["head"] == {"pixels": 20, "fraction": 20 / 300, "images": 2, "presence": 2 / 3}
    assert labels["background"] == {"pixels": 250, "fraction": 250 / 300, "images": 3, "presence": 1.0}
    assert labels["low_hand"] == {"pixels": 0, "fraction": 0.0, "images": 0, "presence": 0.0}


def test_children_are_shares_of_the_pixels_and_images_of_their_parent() -> None:
    experts = count_frequencies(PIXELS, PASCAL_PART)["experts"]
    assert list(experts) == ["person", "body", "upper_body", "lower_body"]
    assert experts["person"]["body"] == {"pixels": 50, "fraction": 50 / 300, "images": 2, "presence": 2 / 3}
    assert experts["body"]["lower_body"] == {"pixels": 10, "fraction": 0.2, "images": 1, "presence": 0.5}
    assert experts["upper_body"]["head"] == {"pixels": 20, "fraction": 0.5, "images": 2, "presence": 1.0}
    assert experts["lower_body"]["up_leg"] == {"pixels": 5, "fraction": 0.5, "images": 1, "presence": 1.0}


def test_fractions_of_the_children_sum_to_one() -> None:
    for children in count_frequencies(PIXELS, PASCAL_PART)["experts"].values():
        assert sum(child["fraction"] for child in children.values()) == pytest.approx(1)


def test_node_that_never_occurs_has_frequencies_of_zero() -> None:
    experts = count_frequencies(PIXELS[2:], PASCAL_PART)["experts"]
    assert experts["lower_body"]["up_leg"] == {"pixels": 0, "fraction": 0.0, "images": 0, "presence": 0.0}


def test_table_has_every_class_of_every_level() -> None:
    header, *rows = frequencies_csv(PIXELS, PASCAL_PART).splitlines()
    assert header.split(",") == list(COLUMNS)
    assert len(rows) == 2 + 3 + 7
    assert rows[1] == "body,0,50,0.166667,2,0.666667"
    assert "upper_body,1,40,0.133333,2,0.666667" in rows
    assert "low_leg,2,5,0.016667,1,0.333333" in rows


def test_another_tree_has_frequencies_of_its_own_classes() -> None:
    frequencies = count_frequencies([(5, 1, 2, 2)], ANIMAL)
    assert list(frequencies["labels"]) == ["ground", "front_legs", "hind_legs", "tail"]
    assert frequencies["experts"]["legs"]["hind_legs"]["fraction"] == pytest.approx(2 / 3)
