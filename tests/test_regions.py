"""Boxes around people: found in masks, joined, grown, and how large they may be."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from bodycascade.errors import BundleError
from bodycascade.regions import CELLS, MOST, NEAR, Box, Zoom, clusters, disjoint, people_boxes

SIDE = CELLS
"""At this size a cell of the grid is a pixel, so boxes can be reckoned by hand."""

ZOOM = Zoom(threshold=0.3, margin=0.25, whole=0.6, again_below=0.2, again_above=0.6)


def mask_of(*boxes: Box, size: tuple[int, int] = (SIDE, SIDE)) -> npt.NDArray[np.bool_]:
    """(H, W) bool, true in the boxes."""
    found = np.zeros(size, np.uint8)
    for box in boxes:
        box.cut(found)[...] = 1
    return found.astype(bool)


def found_in(mask: npt.NDArray[np.bool_]) -> list[Box]:
    """The clusters of a mask on an image of its own size."""
    return clusters(mask, (mask.shape[0], mask.shape[1]))


def specks(count: int) -> list[Box]:
    """Single pixels along the diagonal, too far from each other to be one."""
    return [Box(5 * i, 5 * i, 5 * i + 1, 5 * i + 1) for i in range(count)]


def holds(box: Box, row: int, column: int) -> bool:
    return box.top <= row < box.bottom and box.left <= column < box.right


def test_empty_mask_has_no_box() -> None:
    assert found_in(mask_of()) == []


def test_one_person_has_one_box_around_all_of_him() -> None:
    body, arm = Box(10, 20, 40, 30), Box(15, 30, 20, 44)
    assert found_in(mask_of(body, arm)) == [Box(10, 20, 40, 44)]


def test_two_people_far_apart_have_a_box_each() -> None:
    left, right = Box(30, 2, 60, 12), Box(5, 40, 50, 60)
    assert found_in(mask_of(left, right)) == [right, left]


@pytest.mark.parametrize(("gap", "count"), [(1, 1), (NEAR, 1), (NEAR + 1, 2), (20, 2)])
@pytest.mark.parametrize("turned", [False, True])
def test_clusters_with_at_most_so_many_cells_between_them_are_one(gap: int, count: int, turned: bool) -> None:
    mask = mask_of(Box(4, 4, 14, 14), Box(14 + gap, 4, 30 + gap, 14))
    assert len(found_in(mask.T if turned else mask)) == count


def test_pieces_that_meet_at_a_corner_are_one() -> None:
    assert found_in(mask_of(Box(4, 4, 10, 10), Box(10, 10, 20, 20))) == [Box(4, 4, 20, 20)]


def test_every_speck_has_a_box_of_its_own() -> None:
    assert found_in(mask_of(*specks(MOST))) == specks(MOST)


def test_mask_of_the_whole_picture_is_one_box() -> None:
    for size in ((1, 1), (1, 300), (300, 1), (31, 64), (200, 333)):
        assert found_in(np.ones(size, np.bool_)) == [Box(0, 0, *size)]


def test_of_more_clusters_than_the_limit_the_nearest_are_joined() -> None:
    near = [Box(2, 50, 3, 51), Box(2, 54, 3, 55)]
    found = found_in(mask_of(*specks(MOST - 1), *near))
    assert len(found) == MOST
    assert set(found) == {*specks(MOST - 1), near[0].joined(near[1])}


def test_joined_first_are_those_whose_box_adds_least_however_large_they_are() -> None:
    large = [Box(0, 30, 20, 40), Box(0, 43, 20, 53)]  # 60 cells between them; two specks' box has 79 beside them
    few = [Box(8 * i, 8 * i, 8 * i + 1, 8 * i + 1) for i in range(MOST - 1)]
    found = found_in(mask_of(*large, *few))
    assert set(found) == {large[0].joined(large[1]), *few}


def test_crowd_is_covered_by_as_many_boxes_as_there_may_be() -> None:
    crowd = specks(12)
    found = found_in(mask_of(*crowd))
    assert len(found) == MOST
    assert all(any(holds(box, one.top, one.left) for box in found) for one in crowd)


def test_noise_all_over_the_picture_is_a_crowd() -> None:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[::4, ::4] = True
    assert len(found_in(mask)) == MOST


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (1, 500), (333, 1), (63, 65), (97, 41), (211, 500), (500, 333)])
def test_every_true_pixel_lies_in_a_box(size: tuple[int, int]) -> None:
    for seed, share in enumerate((0.0005, 0.01, 0.3)):
        mask = np.random.default_rng(seed).random(size) < share
        mask[seed % size[0], -1] = True
        boxes = found_in(mask)
        assert 1 <= len(boxes) <= MOST
        covered = mask_of(*boxes, size=size)
        assert covered[mask].all()
        for box in boxes:
            assert 0 <= box.top < box.bottom <= size[0]
            assert 0 <= box.left < box.right <= size[1]


@pytest.mark.parametrize(
    ("small", "size"), [((17, 31), (170, 310)), ((352, 264), (500, 375)), ((100, 80), (1000, 800))]
)
def test_boxes_are_in_the_pixels_of_the_image_that_the_mask_covers(
    small: tuple[int, int], size: tuple[int, int]
) -> None:
    for row, column in itertools.product((0, 1, small[0] // 2, small[0] - 1), (0, 1, small[1] // 2, small[1] - 1)):
        mask = np.zeros(small, np.bool_)
        mask[row, column] = True
        (box,) = clusters(mask, size)
        (down, across) = (size[0] / small[0], size[1] / small[1])
        assert box.top <= row * down
        assert (row + 1) * down <= box.bottom <= size[0]
        assert box.left <= column * across
        assert (column + 1) * across <= box.right <= size[1]
        assert box.area <= 4 * max(down * across, size[0] * size[1] / CELLS**2) + 4 * max(size) / CELLS


def test_boxes_come_from_top_to_bottom() -> None:
    for boxes in (specks(MOST), specks(12)):
        found = found_in(mask_of(*boxes[::-1]))
        assert [box.top for box in found] == sorted(box.top for box in found)
    assert found_in(mask_of(Box(3, 40, 9, 50), Box(3, 2, 30, 20))) == [Box(3, 2, 30, 20), Box(3, 40, 9, 50)]


def test_boxes_that_overlap_are_joined_until_none_do() -> None:
    # The first two touch at an edge only; joined with the third, the second reaches the first; the last is alone.
    one, other, third, alone = Box(0, 0, 10, 10), Box(0, 10, 10, 20), Box(5, 5, 30, 12), Box(40, 0, 50, 9)
    for pair in ([one, other], [other, one], [one, Box(10, 0, 20, 10)], [Box(10, 0, 20, 10), one]):
        assert disjoint(pair) == pair
    assert set(disjoint([one, other, third, alone])) == {Box(0, 0, 30, 20), alone}
    assert disjoint([]) == []


def test_boxes_are_disjoint_and_cover_what_they_were_made_of() -> None:
    dice = np.random.default_rng(4)
    for _ in range(50):
        corners = dice.integers(0, 50, (8, 2))
        given = [Box(int(y), int(x), int(y) + 9, int(x) + 7) for y, x in corners]
        found = disjoint(given)
        assert not any(one.overlaps(other) for one, other in itertools.combinations(found, 2))
        assert mask_of(*found)[mask_of(*given)].all()


def test_grown_box_has_its_margins_and_stays_inside_the_image() -> None:
    box = Box(20, 40, 30, 60)
    assert box.grown((0.1, 0.2, 0.3, 0.4), (100, 100)) == Box(19, 36, 33, 68)
    assert box.grown((5.0, 5.0, 5.0, 5.0), (50, 70)) == Box(0, 0, 50, 70)
    assert box.grown((0.0, 0.0, 0.0, 0.0), (100, 100)) == box


def test_box_that_shrinks_keeps_a_pixel() -> None:
    dice = np.random.default_rng(2)
    for size in ((1, 1), (1, 40), (40, 1), (40, 30)):
        for margins in dice.uniform(-4, 1, (50, 4)).tolist():
            top, left = int(dice.integers(size[0])), int(dice.integers(size[1]))
            box = Box(top, left, top + 1, left + 1).grown(tuple(margins), size)
            assert 0 <= box.top < box.bottom <= size[0]
            assert 0 <= box.left < box.right <= size[1]


def test_measures_of_a_box_are_those_of_what_it_cuts_out() -> None:
    image = np.zeros((50, 60, 3), np.uint8)
    box = Box(10, 20, 14, 50)
    part = box.cut(image)
    assert part.shape == (box.height, box.width, 3) == (4, 30, 3)
    assert box.area == 120


def test_cut_is_a_view() -> None:
    labels = np.zeros((50, 60), np.uint8)
    Box(10, 20, 14, 50).cut(labels)[...] = 7
    assert int((labels == 7).sum()) == 120
    assert (labels[10:14, 20:50] == 7).all()


def test_people_are_looked_at_with_a_margin_and_once_only() -> None:
    size = (SIDE, SIDE)
    alone, pair = Box(40, 4, 48, 12), (Box(4, 30, 16, 34), Box(4, 38, 16, 42))
    found = people_boxes(mask_of(alone, *pair), size, ZOOM)
    # A quarter more at each side: 3 rows for the pair and a column each, so that the two do not touch.
    assert set(found) == {Box(38, 2, 50, 14), Box(1, 29, 19, 35), Box(1, 37, 19, 43)}
    wide = people_boxes(mask_of(*pair), size, Zoom(0.3, 1.0, 0.6, 0.0, 0.0))
    assert wide == [Box(0, 26, 28, 46)]
    assert people_boxes(mask_of(), size, ZOOM) == []


@pytest.mark.parametrize(("height", "is_whole"), [(30, False), (50, True)])
def test_box_that_is_most_of_the_picture_is_all_of_it(height: int, is_whole: bool) -> None:
    tall, small = Box(0, 0, height, 48), Box(0, 60, 2, 62)
    found = people_boxes(mask_of(tall, small), (SIDE, SIDE), Zoom(0.3, 0.0, 0.5, 0.0, 0.0))
    assert found == ([Box(0, 0, SIDE, SIDE)] if is_whole else [tall, small])


@pytest.mark.parametrize(
    ("share", "weight"), [(0.0, 1.0), (0.2, 1.0), (0.3, 0.75), (0.5, 0.25), (0.6, 0.0), (1.0, 0.0)]
)
def test_second_look_counts_most_in_small_boxes(share: float, weight: float) -> None:
    assert ZOOM.second_weight(share) == pytest.approx(weight)
    assert Zoom(0.3, 0.25, 0.6, 0.0, 0.0).second_weight(share) == 0.0


def test_zoom_survives_json() -> None:
    assert Zoom.from_json(json.loads(json.dumps(ZOOM.to_json()))) == ZOOM


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "zoom must have exactly threshold, margin, whole, again_below, again_above; found NoneType"),
        ({"threshold": 0.3}, "zoom must have exactly .*; found threshold"),
        (ZOOM.to_json() | {"looks": 1}, "zoom must have exactly .*looks"),
        (ZOOM.to_json() | {"threshold": "0.3"}, "zoom: threshold must be a share from 0 to 1"),
        (ZOOM.to_json() | {"whole": 1.5}, "zoom: whole must be a share from 0 to 1"),
        (ZOOM.to_json() | {"margin": float("nan")}, "zoom: margin must be a share"),
        (ZOOM.to_json() | {"again_above": True}, "zoom: again_above must be a share"),
        (ZOOM.to_json() | {"again_below": 0.9}, "zoom: again_below, 0.9, is above again_above, 0.6"),
    ],
)
def test_nonsense_in_a_zoom_is_one_line_naming_it(data: Any, message: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        Zoom.from_json(data)
    assert "\n" not in str(caught.value)
