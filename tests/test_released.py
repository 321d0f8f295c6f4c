"""The bundle that comes with the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bodycascade
from bodycascade import CascadeSegmenter
from bodycascade.data.rendering import render
from bodycascade.files import sha256_of
from bodycascade.hierarchy import PASCAL_PART
from tests.processes import printed
from tests.toy_experts import random_image

RELEASED = Path(bodycascade.__file__).parent / "released"
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def segmenter() -> CascadeSegmenter:
    return CascadeSegmenter.load(device="cpu", precision="float32")


def test_load_without_a_path_gives_the_released_cascade(segmenter: CascadeSegmenter) -> None:
    assert segmenter.tree == PASCAL_PART
    segmentation = segmenter(random_image(90, 120))
    assert segmentation.parts.shape == (90, 120)
    np.testing.assert_array_equal(segmentation.level(0) > 0, segmentation.mask("body"))


def test_the_body_alone_is_where_the_probability_of_all_its_parts_is_above_one_half(
    segmenter: CascadeSegmenter,
) -> None:
    image, _ = render(0, 160, grayscale=False)
    alone, full = segmenter(image, level=0), segmenter(image)
    assert alone.share("body") > 0.2
    np.testing.assert_array_equal(alone.mask("body"), full.probability("body") > 0.5)
    assert not (full.mask("body") & ~alone.mask("body")).any(), "a leaf that wins carries its body with it"


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (200, 300)])
def test_in_a_picture_of_one_colour_is_nobody(segmenter: CascadeSegmenter, size: tuple[int, int]) -> None:
    red = np.zeros((*size, 3), np.uint8)
    red[..., 0] = 255
    assert not segmenter(red).parts.any()
    assert (segmenter(red).probs[0] == 1).all()


def test_the_bundle_is_small_enough_to_come_with_the_package() -> None:
    assert sum(file.stat().st_size for file in (RELEASED / "cascade").iterdir()) < 40e6


def test_the_model_card_is_of_this_bundle_and_of_the_figures_in_results() -> None:
    card = (RELEASED / "MODEL_CARD.md").read_text(encoding="utf-8")
    for file in (RELEASED / "cascade").iterdir():
        assert sha256_of(file) in card
    figures = json.loads((ROOT / "results/reports/pascal_part/metrics.json").read_text(encoding="utf-8"))
    for level in ("mIoU0", "mIoU1", "mIoU2"):
        assert f"{figures[level]:.3f}" in card


def test_loading_does_not_wake_torch_s_compiler() -> None:
    """Its import takes longer than all else that stands between a command and its first result."""
    code = "import sys, bodycascade; bodycascade.CascadeSegmenter.load(); print('torch._dynamo' in sys.modules)"
    assert printed(code).strip() == "False"
