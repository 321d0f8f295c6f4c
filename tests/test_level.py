"""`segmenter(image, level=...)`: only the experts that the level needs run, and only what they decided can be asked."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bodycascade.errors import TreeError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.regions import Zoom
from bodycascade.segmentation import Segmentation
from tests.toy_experts import FOUR_LEGS, cascade, random_image, random_logits, shown, tiny_experts

ROUTINGS = ("hard", "soft")

NEEDED = {0: ["person"], 1: ["person", "body"], 2: ["person", "body", "upper_body", "lower_body"], None: []}
NEEDED[None] = NEEDED[2]


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("level", NEEDED)
def test_only_the_experts_above_the_level_run(routing: str, level: int | None) -> None:
    segmenter = cascade(random_logits(1), routing=routing)
    segmenter(random_image(40, 50), level=level)
    assert [spec.name for spec in PASCAL_PART.experts if shown(segmenter, spec.name)] == NEEDED[level]
    assert len(shown(segmenter, "person")) == 1


@pytest.mark.parametrize("zoom", [None, Zoom(0.7, 0.1, 0.9, 0.1, 0.4)])
@pytest.mark.parametrize("seed", range(5))
def test_a_level_is_that_of_the_full_segmentation(zoom: Zoom | None, seed: int) -> None:
    segmenter, image = cascade(random_logits(seed), zoom=zoom), random_image(45, 67)
    full, body, halves = segmenter(image), segmenter(image, level=0), segmenter(image, level=1)
    np.testing.assert_array_equal(body.level(0), full.level(0))
    np.testing.assert_array_equal(body.mask("body"), full.mask("body"))
    assert body.share("background") == full.share("background")
    for level in (0, 1):
        np.testing.assert_array_equal(halves.level(level), full.level(level))
    np.testing.assert_array_equal(halves.mask("upper_body"), full.mask("upper_body"))
    np.testing.assert_array_equal(segmenter(image, level=2).parts, full.parts)
    np.testing.assert_array_equal(segmenter(image, level=2).probs, full.probs)


def test_soft_routing_decides_a_coarse_level_by_the_node_itself() -> None:
    image = random_image(45, 67)
    soft = cascade(random_logits(2), routing="soft")(image, level=0)
    np.testing.assert_array_equal(soft.level(0), cascade(random_logits(2))(image).level(0))


def test_a_leaf_that_ends_early_is_decided_at_its_level() -> None:
    segmenter, image = cascade(tiny_experts(FOUR_LEGS)), random_image(40, 50)
    full, coarse = segmenter(image), segmenter(image, level=1)
    for name in ("nothing", "beast", "tail", "trunk", "legs"):
        np.testing.assert_array_equal(coarse.mask(name), full.mask(name))
    with pytest.raises(TreeError, match="not level 2"):
        coarse.mask("hind_left")


def test_what_was_not_decided_is_refused_in_one_line() -> None:
    segmentation = cascade(random_logits(1))(random_image(40, 50), level=0)
    assert segmentation.finest == 0
    for ask in (
        lambda: segmentation.level(1),
        lambda: segmentation.level(2),
        lambda: segmentation.parts,
        lambda: segmentation.probs,
        lambda: segmentation.mask("head"),
        lambda: segmentation.mask("upper_body"),
        lambda: segmentation.share("low_leg"),
        lambda: segmentation.overlay(1),
    ):
        with pytest.raises(TreeError, match=r"only level 0 .* call the segmenter without a level") as caught:
            ask()
        assert "\n" not in str(caught.value)
    with pytest.raises(TreeError, match="no class is called 'arm'"):
        segmentation.mask("arm")
    with pytest.raises(TreeError, match="there is no level 3"):
        segmentation.level(3)


def test_a_coarse_segmentation_can_be_looked_at() -> None:
    image = random_image(40, 50)
    segmentation = cascade(random_logits(1))(image, level=0)
    around, share = segmentation.share("background"), segmentation.share("body")
    assert 0 < share < 1
    assert repr(segmentation) == f"<Segmentation 40 x 50: background {around:.1%}, body {share:.1%}>"
    painted = np.asarray(segmentation.overlay(opacity=1.0))
    body = segmentation.mask("body")
    np.testing.assert_array_equal(painted[~body], image[~body])
    assert {tuple(colour) for colour in painted[body].tolist()} == {PASCAL_PART.node("body").colour}
    with Image.open(io.BytesIO(segmentation._repr_png_())) as picture:
        assert (picture.format, picture.size) == ("PNG", (50, 40))


def test_every_image_of_a_batch_has_the_level() -> None:
    segmenter = cascade(random_logits(1), precision="bfloat16")
    images = [random_image(40, 50), random_image(30, 30), random_image(40, 50, seed=1)]
    for image, result in zip(images, segmenter.batch(images, level=0), strict=True):
        assert result.finest == 0
        np.testing.assert_array_equal(result.level(0), segmenter(image).level(0))


@pytest.mark.parametrize("level", [3, -1, 99])
def test_a_level_that_does_not_exist_is_refused(level: int) -> None:
    segmenter = cascade(random_logits(1))
    for ask in (lambda: segmenter(random_image(9, 9), level=level), lambda: segmenter.batch([], level=level)):
        with pytest.raises(TreeError, match=f"there is no level {level}; the tree has levels 0 to 2"):
            ask()
    assert not shown(segmenter, "person")


def test_labels_above_the_finest_level_count_as_any_leaf_of_the_class() -> None:
    parts = np.array([[0, 1, 3]], np.uint8)
    segmentation = Segmentation(PASCAL_PART, parts, finest=1)
    assert segmentation.level(1).tolist() == [[0, 1, 2]]
    assert segmentation.mask("lower_body").tolist() == [[False, False, True]]
    assert repr(segmentation) == "<Segmentation 1 x 3: background 33.3%, upper_body 33.3%, lower_body 33.3%>"
    with pytest.raises(TreeError, match="only level 1"):
        _ = segmentation.parts
    assert Segmentation(PASCAL_PART, parts).finest == 2
