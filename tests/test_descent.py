"""Experts replaced by the truth: what the oracle figures of an evaluation rest on."""

from __future__ import annotations

import numpy as np
import pytest

from bodycascade.errors import DataError, TreeError
from bodycascade.hierarchy import PASCAL_PART, Tree
from tests.toy_experts import FOUR_LEGS, cascade, random_image, random_logits, shown, tiny_experts

ROUTINGS = ("hard", "soft")


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_the_truth_at_every_expert_is_the_truth(routing: str, tree: Tree) -> None:
    segmenter = cascade(tiny_experts(tree), routing=routing)
    truth = np.random.default_rng(0).integers(0, 7, (37, 53)).astype(np.uint8)
    segmentation = segmenter.with_truth(random_image(37, 53), truth, {spec.name for spec in tree.experts})
    np.testing.assert_array_equal(segmentation.parts, truth)


def test_a_true_root_gives_the_true_body_and_its_child_the_true_pixels() -> None:
    segmenter = cascade(random_logits(3))
    truth = np.zeros((64, 64), np.uint8)
    truth[16:48, 8:40] = 2
    segmentation = segmenter.with_truth(random_image(64, 64), truth, {"person"})
    np.testing.assert_array_equal(segmentation.mask("body"), truth > 0)
    ((_, _, parent),) = shown(segmenter, "body")
    assert parent is not None
    np.testing.assert_array_equal(parent[0].numpy(), truth[::2, ::2] > 0)
    assert not shown(segmenter, "person")


def test_outside_its_node_a_true_expert_predicts_as_it_would_by_itself() -> None:
    segmenter, image = cascade(random_logits(4)), random_image(32, 32)
    plain = segmenter(image)
    truth = np.zeros((32, 32), np.uint8)
    truth[:, :16] = 4  # a head, all of the left half
    mixed = segmenter.with_truth(image, truth, {"body", "upper_body"})
    np.testing.assert_array_equal(mixed.mask("body"), plain.mask("body"))  # the root still predicts
    left = plain.mask("body") & (truth > 0)
    assert left.any()
    assert (mixed.parts[left] == 4).all()
    np.testing.assert_array_equal(mixed.mask("upper_body")[:, 16:], plain.mask("upper_body")[:, 16:])


def test_no_true_expert_is_the_plain_segmentation() -> None:
    segmenter, image = cascade(tiny_experts(PASCAL_PART)), random_image(30, 31)
    truth = np.zeros((30, 31), np.uint8)
    np.testing.assert_array_equal(segmenter.with_truth(image, truth, set()).probs, segmenter(image).probs)


def test_an_unfit_truth_is_one_line() -> None:
    segmenter, image = cascade(tiny_experts(PASCAL_PART)), random_image(30, 31)
    for truth in (np.zeros((31, 30), np.uint8), np.full((30, 31), 7, np.uint8), np.zeros((30, 31), np.int64)):
        with pytest.raises(DataError, match="truth: expected uint8 labels 0 to 6"):
            segmenter.with_truth(image, truth, {"person"})
    with pytest.raises(TreeError, match="no expert is called 'head'"):
        segmenter.with_truth(image, np.zeros((30, 31), np.uint8), {"head"})
