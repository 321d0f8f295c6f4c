"""Polygons along the edges of pixels give the mask back when they are filled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from bodycascade.outputs.outlines import polygons

RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.bool_)


def fill(found: list[list[int]], shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """How many of the polygons hold each pixel's centre, by the even-odd rule along its row."""
    times = np.zeros(shape, np.int64)
    for flat in found:
        points = list(zip(flat[::2], flat[1::2], strict=True))
        inside = np.zeros(shape, np.int64)
        for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
            assert (x0 == x1) != (y0 == y1), "edges run along rows and columns"
            if x0 == x1:
                inside[min(y0, y1) : max(y0, y1), x0:] += 1
        times += inside % 2
    return times


def test_a_single_pixel_is_a_square() -> None:
    mask = np.zeros((3, 4), np.bool_)
    mask[1, 2] = True
    (square,) = polygons(mask)
    assert sorted(zip(square[::2], square[1::2], strict=True)) == [(2, 1), (2, 2), (3, 1), (3, 2)]


def test_nothing_has_no_outline() -> None:
    assert polygons(np.zeros((5, 5), np.bool_)) == []


def test_parts_that_touch_at_a_corner_are_polygons_of_their_own() -> None:
    for mask in (np.eye(2, dtype=np.bool_), np.eye(2, dtype=np.bool_)[::-1]):
        assert sorted(map(len, polygons(mask))) == [8, 8]


def test_a_ring_is_cut_so_that_no_polygon_has_a_hole() -> None:
    found = polygons(RING)
    assert len(found) == 2
    np.testing.assert_array_equal(fill(found, (3, 3)), RING)


@pytest.mark.parametrize("seed", range(40))
def test_filled_polygons_are_the_mask(seed: int) -> None:
    dice = np.random.default_rng(seed)
    mask = dice.random((dice.integers(1, 14), dice.integers(1, 14))) < dice.uniform(0.1, 0.95)
    np.testing.assert_array_equal(fill(polygons(mask), mask.shape), mask)
