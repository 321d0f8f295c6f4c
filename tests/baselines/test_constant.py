from __future__ import annotations

import numpy as np
import pytest

from bodycascade.baselines import ConstantSegmenter
from bodycascade.errors import TreeError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.segmenter import Segmenter
from tests.segmenter_contract import SegmenterContract
from tests.toy_experts import FOUR_LEGS, random_image


class TestConstantSegmenter(SegmenterContract):
    @pytest.fixture
    def segmenter(self) -> Segmenter:
        return ConstantSegmenter(FOUR_LEGS, 5)


def test_background_scores_nothing_at_all_levels() -> None:
    truth = np.array([[0, 1, 2], [3, 4, 5], [6, 0, 0]], np.uint8)
    found = ConstantSegmenter(PASCAL_PART, 0)(random_image(3, 3))
    assert found.parts.tolist() == [[0] * 3] * 3
    assert found.share("body") == 0
    assert not (found.parts == truth)[truth > 0].any()


def test_every_pixel_has_the_label() -> None:
    assert ConstantSegmenter(PASCAL_PART, 4)(random_image(5, 7)).share("head") == 1


@pytest.mark.parametrize("label", [-1, 7])
def test_a_label_that_the_tree_lacks_is_refused(label: int) -> None:
    with pytest.raises(TreeError, match="the tree has labels 0 to 6"):
        ConstantSegmenter(PASCAL_PART, label)
