"""Each output by itself: what is in the file is what the segmentation says."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.errors import TreeError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.outputs import Asked, level_number
from bodycascade.outputs.overlay import legend_entries
from bodycascade.outputs.shares import shares, shares_table
from bodycascade.segmentation import Segmentation
from tests.painted import paint, painted_person, read_colours
from tests.toy_experts import FOUR_LEGS


def written(asked: Asked, segmentation: Segmentation) -> dict[str, bytes]:
    """The content of each file that is asked for, by suffix."""
    found = {}
    for output in asked.files(segmentation.tree):
        file = io.BytesIO()
        output.write(segmentation, file)
        found[output.suffix] = file.getvalue()
    return found


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.fixture
def segmentation() -> Segmentation:
    return read_colours([painted_person()])[0]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_labels_are_an_indexed_png_in_the_colours_of_the_level(segmentation: Segmentation, level: int) -> None:
    picture = opened(written(Asked(level, labels=True), segmentation)[".png"])
    assert picture.mode == "P"
    np.testing.assert_array_equal(np.asarray(picture), segmentation.level(level))
    palette = np.array(picture.getpalette()).reshape(-1, 3)[: len(PASCAL_PART.level_palette(level))]
    np.testing.assert_array_equal(palette, PASCAL_PART.level_palette(level))


@pytest.mark.parametrize(("level", "count"), [(0, 1), (1, 3), (2, 9)])
def test_masks_are_one_black_and_white_png_per_node(segmentation: Segmentation, level: int, count: int) -> None:
    found = written(Asked(level, masks=True), segmentation)
    assert len(found) == count
    for suffix, content in found.items():
        node = suffix.removeprefix(".mask-").removesuffix(".png")
        np.testing.assert_array_equal(np.asarray(opened(content)), segmentation.mask(node) * np.uint8(255))


@pytest.mark.parametrize(("times", "soft"), [(1, 1), (5, 2)])
def test_cutout_is_opaque_inside_clear_outside_and_soft_between_by_a_700th_of_its_side(times: int, soft: int) -> None:
    segmentation = read_colours([painted_person(300 * times, 220 * times)])[0]
    assert soft == max(1, round(max(segmentation.parts.shape) / 700))
    content = written(Asked(2, cutouts=("head",)), segmentation)[".cutout-head.png"]
    picture = np.asarray(opened(content))
    mask = segmentation.mask("head")
    assert picture.shape == (*mask.shape, 4)
    alpha = picture[..., 3]
    padded = np.pad(mask, soft, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * soft + 1, 2 * soft + 1))
    inside, outside = windows.all(axis=(2, 3)), ~windows.any(axis=(2, 3))
    assert (alpha[inside] == 255).all()
    assert not picture[outside].any()
    edge = ~inside & ~outside
    assert ((alpha[edge] > 0) & (alpha[edge] < 255)).all()
    np.testing.assert_array_equal(picture[inside][:, :3], segmentation.image[inside])  # type: ignore[index]


def test_overlay_keeps_the_picture_and_names_its_classes_below(segmentation: Segmentation) -> None:
    height, width = segmentation.parts.shape
    bare = opened(written(Asked(2, overlay=True, legend=False), segmentation)[".overlay.jpg"])
    assert bare.size == (width, height)
    whole = opened(written(Asked(2, overlay=True), segmentation)[".overlay.jpg"])
    assert whole.width == width
    assert whole.height > height
    names = [text.rsplit(" ", 1)[0] for _, text in legend_entries(segmentation, 2)]
    assert names == ["low hand", "up hand", "torso", "head", "low leg", "up leg"]
    assert float(np.asarray(whole)[height:].mean()) > 150  # a white band


def test_overlay_of_a_picture_of_any_shape_has_a_readable_legend() -> None:
    for size in ((1, 1), (3000, 20), (20, 3000)):
        (found,) = read_colours([np.zeros((*size, 3), np.uint8)])
        picture = opened(written(Asked(2, overlay=True), found)[".overlay.jpg"])
        assert picture.width > 60
        assert [text for _, text in legend_entries(found, 2)] == ["nothing found"]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_probabilities_are_half_floats_that_sum_to_one(level: int) -> None:
    image, _ = paint()
    (plain,) = read_colours([image])
    dice = np.random.default_rng(0).dirichlet(np.ones(7), plain.parts.shape).transpose(2, 0, 1).astype(np.float32)
    found = Segmentation(PASCAL_PART, plain.parts, image=image, probs=lambda: dice)
    with np.load(io.BytesIO(written(Asked(level, probabilities=True), found)[".probs.npz"])) as data:
        probs, names = data["probs"], data["names"].tolist()
    assert probs.dtype == np.float16
    assert names[0] == "background"
    np.testing.assert_allclose(probs.astype(np.float32).sum(axis=0), 1, atol=2e-3)
    for place, name in enumerate(names):
        np.testing.assert_allclose(probs[place], dice[list(PASCAL_PART.labels(name))].sum(axis=0), atol=1e-3)


def test_shares_by_hand() -> None:
    labels = np.array([[0, 0, 4, 4], [0, 3, 2, 4]], np.uint8)
    found = shares(Segmentation(PASCAL_PART, labels), 2)
    assert (found["body"], found["upper_body"], found["lower_body"]) == (0.625, 0.5, 0.125)
    assert (found["head"], found["low_hand"]) == (0.375, 0)
    table = shares_table(PASCAL_PART, 0, [("a, b.jpg", "a, b", (2, 4), found)])
    assert table == 'picture,output,width,height,body\n"a, b.jpg","a, b",4,2,0.625000\n'


def test_names_of_levels() -> None:
    assert [level_number(word, PASCAL_PART) for word in ("0", "body", "1", "halves", "2", "parts")] == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    for word in ("3", "-1", "hands", ""):
        with pytest.raises(TreeError, match="no level is called"):
            level_number(word, PASCAL_PART)


def test_a_cutout_finer_than_the_level_or_unknown_is_refused() -> None:
    with pytest.raises(TreeError, match="needs level 2; found level 0"):
        Asked(0, cutouts=("head",)).files(PASCAL_PART)
    with pytest.raises(TreeError, match="no class is called 'wing'"):
        Asked(2, cutouts=("wing",)).files(PASCAL_PART)


def test_another_tree_has_its_own_outputs(tmp_path: Path) -> None:
    image, labels = paint(tree=FOUR_LEGS)
    found = Segmentation(FOUR_LEGS, labels, image=image)
    suffixes = list(written(Asked(1, masks=True, overlay=True, labels=True), found))
    assert suffixes == [".png", ".overlay.jpg", *(f".mask-{name}.png" for name in ("beast", "tail", "trunk", "legs"))]
