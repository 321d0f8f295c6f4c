from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from bodycascade.baselines import ConstantSegmenter
from bodycascade.errors import DataError
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.imaging import ImageLike, read_image
from bodycascade.segmentation import Segmentation
from bodycascade.segmenter import score_pairs
from tests.segmenter_contract import SegmenterContract
from tests.toy_experts import FOUR_LEGS, random_image


@dataclass(frozen=True)
class TruthSegmenter:
    """Reads the truth that the test has written into the red channel."""

    tree: Tree = PASCAL_PART

    def __call__(self, image: ImageLike) -> Segmentation:
        array = read_image(image)
        return Segmentation(self.tree, array[..., 0] % np.uint8(self.tree.num_labels), image=array)


def pairs_with_truth(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    dice, pairs = np.random.default_rng(0), []
    for i in range(count):
        image = random_image(20 + i, 30, seed=i)
        truth = dice.integers(0, 7, image.shape[:2]).astype(np.uint8)
        image[..., 0] = truth
        pairs.append((image, truth))
    return pairs


class TestTruthSegmenter(SegmenterContract):
    @pytest.fixture(params=[PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
    def segmenter(self, request: pytest.FixtureRequest) -> TruthSegmenter:
        return TruthSegmenter(request.param)


def test_truth_through_the_seam_scores_one() -> None:
    figures = score_pairs(TruthSegmenter(), pairs_with_truth(4))
    assert set(figures.values()) == {1.0}
    assert len(figures) == 13


def test_all_background_through_the_seam_scores_zero() -> None:
    figures = score_pairs(ConstantSegmenter(PASCAL_PART, 0), pairs_with_truth(4))
    assert (figures["mIoU0"], figures["mIoU1"], figures["mIoU2"]) == (0, 0, 0)


def test_scores_are_pooled_over_pixels_not_averaged_over_images() -> None:
    small, large = np.ones((1, 1), np.uint8), np.zeros((1, 3), np.uint8)
    pairs = [(random_image(1, 1), small), (random_image(1, 3), large)]
    assert score_pairs(ConstantSegmenter(PASCAL_PART, 1), pairs)["mIoU0"] == 0.25


def test_labels_that_do_not_fit_name_their_pair() -> None:
    pairs = pairs_with_truth(2)
    pairs[1] = (pairs[1][0], pairs[1][1][:5])
    with pytest.raises(DataError, match=r"pair 2: truth is \(5, 30\), prediction \(21, 30\)"):
        score_pairs(TruthSegmenter(), pairs)
    with pytest.raises(DataError, match="nothing to score"):
        score_pairs(TruthSegmenter(), [])
