"""Soft edges, steady maps and backgrounds, on pictures that one can reckon by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import ImageError, TreeError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.segmentation import Segmentation
from bodycascade.video.effects import Background, Matte, Overlay, fill, read_background
from bodycascade.video.matting import Steadier, blend, blurred_background, soft_mask
from tests.video.rendered import figure


def segmentation(body: np.ndarray, *, finest: int | None = None) -> Segmentation:
    """A result whose body has the probability `body` (H, W) float32, all of it head."""
    probs = np.zeros((7, *body.shape), np.float32)
    probs[0], probs[4] = 1 - body, body
    parts = np.where(body > 0.5, np.uint8(4), np.uint8(0))
    return Segmentation(PASCAL_PART, parts, probs=lambda: probs, finest=finest)


def test_a_probability_becomes_a_smooth_ramp() -> None:
    alpha = soft_mask(segmentation(np.array([[0, 0.25, 0.375, 0.5, 0.625, 0.75, 1]], np.float32)), "body")
    np.testing.assert_allclose(alpha, [[0, 0, 0.15625, 0.5, 0.84375, 1, 1]], atol=1e-6)  # 3 s^2 - 2 s^3


def test_the_probability_of_a_node_is_known_where_it_was_decided(segmenter: CascadeSegmenter) -> None:
    (body,), (parts,) = segmenter.batch([figure()], level=0), segmenter.batch([figure()])
    np.testing.assert_allclose(body.probability("body"), parts.probability("body"), atol=1e-6)
    np.testing.assert_allclose(parts.probability("body"), 1 - parts.probs[0], atol=1e-6)
    with pytest.raises(TreeError, match="only level 0"):
        body.probability("head")


def test_flicker_on_a_still_picture_is_averaged_away() -> None:
    image, steadier = figure(), Steadier(1.0)
    maps = [np.full((48, 64), 0.5 + 0.4 * (-1) ** place, np.float32) for place in range(40)]
    steady = [steadier(map_, image, place / 25) for place, map_ in enumerate(maps)]
    changes = [np.abs(after - before).mean() for before, after in itertools.pairwise(steady[20:])]
    assert max(changes) < 0.05  # the answers themselves change by 0.8
    # One step by hand: the weight of what was is exp(-0.04 / 1).
    np.testing.assert_allclose(steady[1], 0.9 + (1 - np.exp(-0.04)) * (0.1 - 0.9), atol=1e-5)


def test_where_the_picture_moves_the_newest_answer_counts() -> None:
    steadier = Steadier(1.0)
    ones, zeros = np.ones((48, 64), np.float32), np.zeros((48, 64), np.float32)
    before, after = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64, 3), np.uint8)
    after[:, 32:] = 200
    steadier(ones, before, 0.0)
    found = steadier(zeros, after, 0.04)
    assert found[:, :30].min() > 0.9
    assert found[:, 34:].max() < 0.01


def test_without_a_time_nothing_is_smoothed() -> None:
    steadier = Steadier(0.0)
    map_ = np.ones((4, 4), np.float32)
    steadier(map_ * 0, figure((4, 4), top=-40), 0.0)
    assert steadier(map_, figure((4, 4), top=-40), 0.01) is map_


def test_the_blur_shows_no_halo_of_the_person() -> None:
    image = np.full((60, 80, 3), 50, np.uint8)
    image[:, 30:50] = (255, 0, 0)
    alpha = np.zeros((60, 80), np.float32)
    alpha[:, 30:50] = 1
    blurred = blurred_background(image, alpha, 6.0)
    outside = alpha == 0
    assert np.abs(blurred[outside].astype(int) - 50).max() <= 2
    haloed = blurred_background(image, np.zeros_like(alpha), 6.0)
    assert haloed[30, 28, 0] > 90


def test_the_blur_blurs() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    blurred = blurred_background(stripes, np.zeros((64, 64), np.float32), 4.0)
    assert np.abs(blurred[:, 16:-16].astype(int) - 127).max() < 12


def test_blending_by_hand() -> None:
    front, back = np.full((1, 3, 3), 200, np.uint8), np.full((1, 3, 3), 100, np.uint8)
    mixed = blend(front, back, np.array([[0, 0.25, 1]], np.float32))
    assert mixed[0, :, 0].tolist() == [100, 125, 200]


def test_a_background_fills_the_frame_from_its_middle() -> None:
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, 15:25] = 255
    assert fill(wide, (20, 20)).min() == 255
    assert fill(wide, (20, 20)).shape == (20, 20, 3)


def test_a_background_is_a_file_or_a_colour() -> None:
    assert read_background("#0a141e").tolist() == [[[10, 20, 30]]]
    with pytest.raises(ImageError, match="neither a file that is there nor a colour"):
        read_background("beech.jpg")
    with pytest.raises(ImageError, match="neither a file that is there nor a colour"):
        read_background("rgb(300,0,0)")


@pytest.mark.parametrize("node", ["body", "head", "upper_body"])
def test_an_effect_asks_only_for_the_level_it_needs(node: str) -> None:
    assert Matte(PASCAL_PART, node, smooth_seconds=0).level == {"body": 0, "upper_body": 1, "head": 2}[node]


def test_a_node_that_there_is_not_is_named() -> None:
    with pytest.raises(TreeError, match="no class is called 'tail'"):
        Background(PASCAL_PART, "tail", picture=None, blur_fraction=0.02, smooth_seconds=0)


def test_a_steadied_overlay_of_a_still_picture_is_the_plain_one(segmenter: CascadeSegmenter) -> None:
    (found,) = segmenter.batch([figure()], level=1)
    plain = Overlay(PASCAL_PART, level=1, opacity=None, smooth_seconds=0)(figure(), found, 0.0)
    steady = Overlay(PASCAL_PART, level=1, opacity=None, smooth_seconds=1)
    for place in range(3):
        shown = steady(figure(), found, place / 25)
    assert (shown == plain).all(axis=2).mean() > 0.98
