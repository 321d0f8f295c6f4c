from __future__ import annotations

import numpy as np
import pytest

from bodycascade import drawing
from bodycascade.errors import ImageError
from bodycascade.hierarchy import PASCAL_PART
from tests.toy_experts import random_image

PALETTE = np.array([[0, 0, 0], [10, 20, 30], [200, 100, 0]], np.uint8)
LABELS = np.array([[0, 1], [2, 0]], np.uint8)


def test_each_label_has_its_colour() -> None:
    coloured = drawing.colour_labels(LABELS, PALETTE)
    assert coloured.dtype == np.uint8
    assert coloured.tolist() == [[[0, 0, 0], [10, 20, 30]], [[200, 100, 0], [0, 0, 0]]]


def test_a_label_without_colour_is_an_error() -> None:
    with pytest.raises(ImageError, match="label 3 has no colour"):
        drawing.colour_labels(LABELS + np.uint8(1), PALETTE)


def test_overlay_by_hand() -> None:
    image = np.full((2, 2, 3), 100, np.uint8)
    painted = drawing.overlay(image, LABELS, PALETTE, 0.5)
    assert painted.tolist() == [[[100] * 3, [55, 60, 65]], [[150, 100, 50], [100] * 3]]
    assert drawing.overlay(image, LABELS, PALETTE, 0.0).tolist() == image.tolist()
    assert drawing.overlay(image, LABELS, PALETTE, 1.0)[1, 0].tolist() == [200, 100, 0]
    assert (image == 100).all()


def test_overlay_refuses_other_sizes_and_opacities() -> None:
    with pytest.raises(ImageError, match="must have one size"):
        drawing.overlay(random_image(3, 2), LABELS, PALETTE, 0.5)
    with pytest.raises(ImageError, match=r"opacity goes from 0 to 1; found 1\.5"):
        drawing.overlay(random_image(2, 2), LABELS, PALETTE, 1.5)


def test_overlay_of_nothing_is_the_image() -> None:
    image = random_image(5, 6)
    np.testing.assert_array_equal(drawing.overlay(image, np.zeros((5, 6), np.uint8), PALETTE, 0.7), image)


def test_errors_are_told_apart() -> None:
    truth, predicted = np.array([[1, 0, 1, 1]], np.uint8), np.array([[0, 2, 2, 1]], np.uint8)
    drawn = drawing.error_map(np.zeros((1, 4, 3), np.uint8), truth, predicted)
    assert [tuple(pixel) for pixel in drawn[0, :3].tolist()] == [
        drawing.MISSED,
        drawing.FALSE_ALARM,
        drawing.CONFUSED,
    ]
    assert drawn[0, 3].tolist() == [127] * 3


def test_legend_shows_every_colour_and_wraps() -> None:
    entries = [(leaf.name, leaf.colour) for leaf in PASCAL_PART.leaves[1:]]
    wide = drawing.legend(entries, width=900, text_size=14)
    narrow = drawing.legend(entries, width=200, text_size=14)
    assert wide.shape[1] == 900
    assert narrow.shape[0] > wide.shape[0]
    for _, colour in entries:
        for drawn in (wide, narrow):
            assert (drawn == colour).all(axis=2).any()


def test_caption_never_exceeds_its_width() -> None:
    short = drawing.caption("mIoU0 0.81", width=300, text_size=14)
    long = drawing.caption("a title far too long for so little room " * 5, width=300, text_size=14)
    assert short.shape == long.shape == (28, 300, 3)
    assert (short < 128).any()


def test_pictures_in_rows_and_columns() -> None:
    one, other = np.zeros((4, 6, 3), np.uint8), np.full((2, 3, 3), 7, np.uint8)
    row = drawing.in_a_row([one, other], gap=2)
    assert row.shape == (4, 11, 3)
    assert (row[1:3, 8:11] == 7).all()
    assert (row[:, 6:8] == 255).all()
    column = drawing.in_a_column([one, other], gap=1)
    assert column.shape == (7, 6, 3)
    assert (column[5:7, :3] == 7).all()
    assert (column[4] == 255).all()
