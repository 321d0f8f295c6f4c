from __future__ import annotations

import numpy as np
import pytest

from bodycascade import drawing
from bodycascade.errors import ImageError
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


def test_pictures_in_a_row_keep_their_sizes_and_stand_in_the_middle() -> None:
    one, other = np.full((4, 2, 3), 9, np.uint8), np.full((2, 3, 3), 7, np.uint8)
    row = drawing.in_a_row([one, other], gap=1)
    assert row.shape == (4, 6, 3)
    assert (row[:, :2] == 9).all()
    assert (row[:, 2] == 255).all()
    assert (row[1:3, 3:] == 7).all()
    assert (row[[0, 3], 3:] == 255).all()
