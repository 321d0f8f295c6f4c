"""A flat profile is scored as a cascade is: the same figures, its levels merged from the labels of one network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import DataError, TreeError
from bodycascade.evaluate import evaluate
from bodycascade.evaluate.predictions import read_label_map
from bodycascade.evaluate.regrouped import RegroupedSegmenter
from bodycascade.hierarchy import PASCAL_PART, flat
from bodycascade.metric import confusion_matrix, scores
from bodycascade.visualize import visualize
from tests.evaluate.project import ANIMAL, make_project
from tests.segmenter_contract import SegmenterContract
from tests.toy_experts import cascade, random_image, tiny_experts


def test_figures_are_those_of_the_labels_under_the_class_tree(tmp_path: Path) -> None:
    params = make_project(tmp_path, PASCAL_PART, shape="flat")
    figures = evaluate(params, tmp_path)
    segmenter = CascadeSegmenter.load(tmp_path / "results/models/tiny/cascade", device="cpu", precision="float32")
    assert segmenter.tree == flat(PASCAL_PART)
    total = np.zeros((7, 7), np.int64)
    for name in (tmp_path / "data/tiny/val_id.txt").read_text().split():
        predicted = read_label_map(tmp_path / f"results/predictions/tiny/{name}.png")
        image = tmp_path / f"data/tiny/JPEGImages/{name}.jpg"
        np.testing.assert_array_equal(predicted, segmenter(image).parts)
        total += confusion_matrix(np.load(tmp_path / f"data/tiny/gt_masks/{name}.npy"), predicted, 7)
    expected = scores(total, PASCAL_PART)
    assert {key: figures[key] for key in expected} == expected
    assert {"mIoU0", "mIoU1", "mIoU2", "body", "upper_body", "head"} <= set(expected)
    assert 0 < expected["mIoU2"] < expected["mIoU1"] < expected["mIoU0"] < 1
    assert {"classes", "by_size", "bootstrap", "images_per_second"} <= set(figures)
    assert list(figures["confusion"]["level1"]["names"]) == ["background", "upper_body", "lower_body"]
    assert "oracle" not in figures, "there is no expert above another"


def test_cascades_data_are_refused_by_a_flat_profile_and_the_other_way_round(tmp_path: Path) -> None:
    many = make_project(tmp_path / "many", ANIMAL, images=4)
    one = make_project(tmp_path / "one", ANIMAL, images=4, shape="flat")
    for params, folder in ((many, "one"), (one, "many")):
        with pytest.raises(DataError, match="another class tree"):
            evaluate(params, tmp_path / folder, ANIMAL)


def test_flat_profile_has_no_report_and_says_where_its_figures_are(tmp_path: Path) -> None:
    params = make_project(tmp_path, ANIMAL, images=4, shape="flat")
    with pytest.raises(DataError, match=r"found flat, which has no report; .* results/reports/tiny/metrics.json"):
        visualize(params, tmp_path, ANIMAL)


class TestRegrouped(SegmenterContract):
    @pytest.fixture
    def segmenter(self) -> RegroupedSegmenter:
        return RegroupedSegmenter(cascade(tiny_experts(flat(PASCAL_PART))), PASCAL_PART)


def test_labels_and_probabilities_are_those_of_the_network() -> None:
    network = cascade(tiny_experts(flat(PASCAL_PART)))
    image = random_image(40, 50)
    own, regrouped = network(image), RegroupedSegmenter(network, PASCAL_PART)(image)
    np.testing.assert_array_equal(regrouped.parts, own.parts)
    np.testing.assert_array_equal(regrouped.probs, own.probs)
    np.testing.assert_array_equal(regrouped.level(1), PASCAL_PART.level_map(1)[own.parts])


def test_tree_with_other_leaves_is_refused() -> None:
    with pytest.raises(TreeError, match="expected the leaves of the tree: ground, front_legs, hind_legs, tail"):
        RegroupedSegmenter(cascade(tiny_experts(flat(PASCAL_PART))), ANIMAL)
