from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bodycascade.errors import ImageError, TreeError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.segmentation import SHOWN_SIDE, Segmentation
from tests.toy_experts import FOUR_LEGS, random_image

PARTS = np.array([[0, 1, 2, 3], [4, 5, 6, 0]], np.uint8)  # background low_hand torso low_leg / head up_leg up_hand -


def test_levels_by_hand() -> None:
    segmentation = Segmentation(PASCAL_PART, PARTS)
    assert segmentation.level(0).tolist() == [[0, 1, 1, 1], [1, 1, 1, 0]]
    assert segmentation.level(1).tolist() == [[0, 1, 1, 2], [1, 2, 1, 0]]
    assert segmentation.level(2).tolist() == PARTS.tolist()
    assert segmentation.level(1).dtype == np.uint8


def test_masks_of_leaves_and_inner_nodes() -> None:
    segmentation = Segmentation(PASCAL_PART, PARTS)
    assert segmentation.mask("head").tolist() == [[False] * 4, [True, False, False, False]]
    np.testing.assert_array_equal(segmentation.mask("body"), PARTS > 0)
    np.testing.assert_array_equal(segmentation.mask("background"), PARTS == 0)
    np.testing.assert_array_equal(segmentation.mask("lower_body"), (PARTS == 3) | (PARTS == 5))
    assert segmentation.mask("picture").all()
    assert segmentation.mask("body").dtype == np.bool_
    with pytest.raises(TreeError, match="no class is called 'arm'"):
        segmentation.mask("arm")


def test_share_of_a_node() -> None:
    segmentation = Segmentation(PASCAL_PART, PARTS)
    assert segmentation.share("background") == 0.25
    assert segmentation.share("lower_body") == 0.25
    assert segmentation.share("head") == 0.125


def test_probabilities_are_computed_once_and_on_demand() -> None:
    calls = []

    def compute() -> np.ndarray:
        calls.append(1)
        return np.full((7, 2, 4), 1 / 7, np.float32)

    segmentation = Segmentation(PASCAL_PART, PARTS, probs=compute)
    segmentation.level(0)
    assert not calls
    assert segmentation.probs is segmentation.probs
    assert len(calls) == 1


def test_without_probabilities_labels_are_certain() -> None:
    probs = Segmentation(PASCAL_PART, PARTS).probs
    assert probs.dtype == np.float32
    np.testing.assert_array_equal(probs.argmax(axis=0), PARTS)
    np.testing.assert_array_equal(probs.sum(axis=0), 1)


def test_repr_says_size_and_shares() -> None:
    parts = np.zeros((10, 20), np.uint8)
    parts[:5, :10] = 4
    assert repr(Segmentation(PASCAL_PART, parts)) == "<Segmentation 10 x 20: background 75.0%, head 25.0%>"


def test_overlay_paints_over_the_image() -> None:
    image = random_image(2, 4)
    before = image.copy()
    segmentation = Segmentation(PASCAL_PART, PARTS, image=image)
    painted = np.asarray(segmentation.overlay(opacity=1.0))
    np.testing.assert_array_equal(painted[0, 0], image[0, 0])
    assert painted[1, 0].tolist() == list(PASCAL_PART.node("head").colour)
    assert np.asarray(segmentation.overlay(0, opacity=1.0))[1, 0].tolist() == list(PASCAL_PART.node("body").colour)
    np.testing.assert_array_equal(image, before)


def test_overlay_without_image_shows_the_colours() -> None:
    np.testing.assert_array_equal(np.asarray(Segmentation(PASCAL_PART, PARTS).overlay()), PASCAL_PART.palette[PARTS])


def test_cutout_shows_the_node_alone_with_the_pictures_colour_profile() -> None:
    parts = np.zeros((40, 60), np.uint8)
    parts[:, 30:] = 4
    image = random_image(40, 60)
    cut = Segmentation(PASCAL_PART, parts, image=image, icc_profile=b"colours").cutout("head")
    found = np.asarray(cut)
    assert (cut.mode, cut.info["icc_profile"]) == ("RGBA", b"colours")
    np.testing.assert_array_equal(found[:, 32:, :3], image[:, 32:])
    assert (found[:, 32:, 3] == 255).all()
    assert not found[:, :28].any()
    assert 0 < found[0, 30, 3] < 255
    with pytest.raises(ImageError, match="needs the picture"):
        Segmentation(PASCAL_PART, parts).cutout("head")


def test_notebooks_get_a_png() -> None:
    data = Segmentation(PASCAL_PART, PARTS, image=random_image(2, 4))._repr_png_()
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("PNG", (4, 2))


def test_a_notebook_shows_large_results_smaller() -> None:
    large = Segmentation(PASCAL_PART, np.zeros((1500, 3000), np.uint8), image=random_image(1500, 3000))
    with Image.open(io.BytesIO(large._repr_png_())) as picture:
        assert picture.size == (SHOWN_SIDE, SHOWN_SIDE // 2)


def test_a_leaf_that_ends_early_is_its_own_class_at_each_level() -> None:
    parts = np.array([[0, 3, 5, 4, 1, 6, 2]], np.uint8)
    segmentation = Segmentation(FOUR_LEGS, parts)
    assert segmentation.level(1).tolist() == [[0, 1, 2, 3, 3, 3, 3]]
    assert segmentation.level(2).tolist() == parts.tolist()


@pytest.mark.parametrize(
    ("parts", "image"),
    [
        (PARTS.astype(np.int64), None),
        (PARTS[0], None),
        (PARTS + np.uint8(1), None),
        (PARTS, random_image(4, 2)),
    ],
)
def test_unfit_label_maps_are_refused(parts: np.ndarray, image: np.ndarray | None) -> None:
    with pytest.raises(ImageError):
        Segmentation(PASCAL_PART, parts, image=image)
