"""A cascade that looks at boxes around people: which parts it looks at, how often, and what comes of it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bodycascade.cascade import FAST_SHARE, CascadeSegmenter
from bodycascade.descent import Descent, Region
from bodycascade.errors import BodyCascadeError
from bodycascade.expert import Expert
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.regions import Box, Zoom, people_boxes
from bodycascade.resizing import resize_to_tensor
from tests.toy_experts import (
    FOUR_LEGS,
    FixedExpert,
    cascade,
    colour_readers,
    constant,
    fixed_experts,
    random_image,
    random_logits,
    shown,
    tiny_experts,
)

ROUTINGS = ("hard", "soft")
CHILDREN = ("body", "upper_body", "lower_body")

ONCE = Zoom(threshold=0.5, margin=0.5, whole=0.5, again_below=0.0, again_above=0.0)
TWICE = Zoom(threshold=0.5, margin=0.5, whole=0.5, again_below=1.0, again_above=1.0)

SMALL, FAR, LARGE = Box(48, 64, 64, 80), Box(96, 8, 120, 24), Box(16, 16, 112, 96)
"""People, on the grid of the root's input: four pixels of a picture with a long side of 128 are one of it."""

EVEN = {"person": (0.5, 0.5), "body": (0.5, 0.5), "upper_body": (0.25,) * 4, "lower_body": (0.5, 0.5)}


def people(*boxes: Box, size: tuple[int, int] = (128, 128)) -> np.ndarray:
    """(H, W) uint8 labels: in each box a head above a torso above legs."""
    labels = np.zeros(size, np.uint8)
    for box in boxes:
        for label, part in zip((4, 2, 3), np.array_split(box.cut(labels), 3), strict=True):
            part[...] = label
    return labels


def painted(labels: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: a picture that the colour readers read."""
    return PASCAL_PART.palette[labels]


def outside(boxes: list[Box], size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: what no box covers."""
    covered = np.zeros(size, np.uint8)
    for box in boxes:
        box.cut(covered)[...] += 1
    assert covered.max(initial=0) <= 1
    return covered == 0


def descend(
    experts: list[Expert], zoom: Zoom | None, images: list[np.ndarray], *, batch_size: int = 1, tree: Tree = PASCAL_PART
) -> list[Region]:
    named = {expert.spec.name: expert.eval() for expert in experts}
    return Descent(tree, named, zoom, device=torch.device("cpu"), batch_size=batch_size).regions(images)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_where_nobody_is_found_all_is_background_for_certain(routing: str) -> None:
    said = EVEN | {"person": (0.6, 0.4)}
    assert descend(constant(said), ONCE, [random_image(40, 60)]) == []
    segmenter = cascade(constant(said), routing=routing, zoom=ONCE)
    segmentation = segmenter(random_image(40, 60))
    assert not segmentation.parts.any()
    assert (segmentation.probs[0] == 1).all()
    assert not segmentation.probs[1:].any()
    assert len(shown(segmenter, "person")) == 1
    assert not any(shown(segmenter, name) for name in CHILDREN)


def test_a_pixel_at_the_threshold_is_of_a_person() -> None:
    (region,) = descend(constant(EVEN), ONCE, [random_image(40, 60)])
    assert region.box == Box(0, 0, 40, 60)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_a_small_person_is_shown_enlarged_and_all_else_is_background(routing: str) -> None:
    image = painted(people(SMALL))
    box = Box(40, 56, 72, 88)  # half of 16 pixels more at each side
    assert [region.box for region in descend(colour_readers(PASCAL_PART), ONCE, [image])] == [box]
    segmenter = cascade(colour_readers(PASCAL_PART), routing=routing, zoom=ONCE)
    segmentation = segmenter(image)
    ((_, whole, _),) = shown(segmenter, "person")
    assert torch.equal(whole[0], resize_to_tensor(image, (32, 32)))
    for name in CHILDREN:
        ((_, given, parent),) = shown(segmenter, name)
        assert torch.equal(given[0], resize_to_tensor(box.cut(image), (64, 64)))  # twice its own size
        assert parent is not None
        assert parent.shape == (1, 64, 64)
    around = outside([box], (128, 128))
    assert not segmentation.parts[around].any()
    assert (segmentation.probs[0][around] == 1).all()
    np.testing.assert_allclose(segmentation.probs.sum(axis=0), 1, atol=1e-6)
    assert (segmentation.parts[48:64, 64:80] > 0).mean() > 0.98  # but for the corners, which interpolation rounds
    assert [int(segmentation.parts[row, 72]) for row in (50, 56, 62)] == [4, 2, 3]


@pytest.mark.parametrize("routing", ROUTINGS)
def test_two_people_far_apart_are_segmented_as_if_each_were_cut_out(routing: str) -> None:
    image = painted(people(SMALL, FAR))
    boxes = [Box(40, 56, 72, 88), Box(84, 0, 128, 32)]
    assert [region.box for region in descend(colour_readers(PASCAL_PART), TWICE, [image])] == boxes
    segmentation = cascade(colour_readers(PASCAL_PART), routing=routing, zoom=TWICE)(image)
    alone = cascade(colour_readers(PASCAL_PART), routing=routing)
    for box in boxes:
        cut = alone(np.ascontiguousarray(box.cut(image)))
        np.testing.assert_array_equal(box.cut(segmentation.parts), cut.parts)
        np.testing.assert_array_equal(segmentation.probs[:, box.top : box.bottom, box.left : box.right], cut.probs)
        assert len(np.unique(cut.parts)) == 4
    assert not segmentation.parts[outside(boxes, (128, 128))].any()


@pytest.mark.parametrize("routing", ROUTINGS)
def test_with_a_large_person_the_whole_picture_is_looked_at_once(routing: str) -> None:
    image = painted(people(LARGE, Box(4, 116, 12, 124)))
    segmenter = cascade(colour_readers(PASCAL_PART), routing=routing, zoom=TWICE)
    plain = cascade(colour_readers(PASCAL_PART), routing=routing)
    found, wanted = segmenter(image), plain(image)
    np.testing.assert_array_equal(found.parts, wanted.parts)
    np.testing.assert_array_equal(found.probs, wanted.probs)
    for name in ("person", *CHILDREN):
        ((given, _, _),), ((before, _, _),) = shown(segmenter, name), shown(plain, name)
        assert torch.equal(given, before)


class TwoMinds(FixedExpert):
    """The root: at first rather sure of a body (.8) in the block `place` of its 32 x 32 pixels, then less (.4)."""

    place = Box(8, 8, 24, 24)

    def predict(self, images: Tensor, parent: Tensor | None) -> Tensor:
        body = torch.full((len(images), *images.shape[-2:]), 0.4)
        if not self.shown:
            body.fill_(0.1)[:, self.place.top : self.place.bottom, self.place.left : self.place.right] = 0.8
        super().predict(images, parent)
        return torch.stack([1 - body, body], dim=1)


@pytest.mark.parametrize(
    ("below", "above", "looks", "body"),
    [
        (0.0, 0.0, 1, 0.8),  # never a second look
        (0.05, 0.25, 1, 0.8),  # the box is just too large for one
        (0.25, 0.5, 2, 0.4),  # just small enough to count alone
        (0.05, 0.45, 2, 0.6),  # in the middle: half of each
        (0.1, 0.3, 2, 0.7),
    ],
)
def test_second_look_counts_by_the_size_of_the_box(below: float, above: float, looks: int, body: float) -> None:
    experts = constant(EVEN)
    root = experts[0] = TwoMinds(PASCAL_PART, "person", torch.zeros(2, 1, 1))
    image = random_image(64, 64)
    (region,) = descend(experts, Zoom(0.5, 0.0, 0.5, below, above), [image])
    assert region.box == Box(16, 16, 48, 48)  # a quarter of the picture
    found = region.maps["person"]
    middle = found[:, found.shape[1] // 2, found.shape[2] // 2]
    assert middle.tolist() == pytest.approx([1 - body, body], abs=1e-5)
    assert torch.equal(region.reach["body"], found[1])
    assert len(root.shown) == looks
    if looks == 2:
        assert torch.equal(root.shown[1][1][0], resize_to_tensor(region.box.cut(image), (32, 32)))


def test_the_first_look_is_as_sure_at_the_edge_of_the_picture_as_beside_it() -> None:
    experts = constant(EVEN)
    root = experts[0] = TwoMinds(PASCAL_PART, "person", torch.zeros(2, 1, 1))
    root.place = Box(0, 0, 16, 16)
    (region,) = descend(experts, Zoom(0.5, 0.0, 0.5, 0.0, 0.0), [random_image(64, 64)])
    assert region.box == Box(0, 0, 32, 32)
    torch.testing.assert_close(region.maps["person"][1, :16, :16], torch.full((16, 16), 0.8))


def test_a_fast_segmenter_shows_everyone_less_and_the_root_looks_once() -> None:
    image = painted(people(SMALL))
    usual = cascade(colour_readers(PASCAL_PART, root_side=80, side=160), zoom=TWICE)
    fast = cascade(colour_readers(PASCAL_PART, root_side=80, side=160), zoom=TWICE, fast=True)
    assert (usual(image).parts[48:64, 64:80] > 0).mean() > 0.9
    assert (fast(image).parts[48:64, 64:80] > 0).mean() > 0.9
    assert [given.shape[-1] for _, given, _ in shown(usual, "person")] == [80, 80]
    assert [given.shape[-1] for _, given, _ in shown(fast, "person")] == [80 * FAST_SHARE]
    for name in CHILDREN:
        assert [given.shape[-1] for _, given, _ in shown(usual, name)] == [160]
        assert [given.shape[-1] for _, given, _ in shown(fast, name)] == [160 * FAST_SHARE]


def test_a_fast_segmenter_takes_the_share_of_its_inputs_that_is_named() -> None:
    image = painted(people(SMALL))
    half = cascade(colour_readers(PASCAL_PART, root_side=80, side=160), zoom=TWICE, fast=0.5)
    half(image)
    assert half.fast
    assert [given.shape[-1] for _, given, _ in shown(half, "person")] == [40]
    assert {given.shape[-1] for name in CHILDREN for _, given, _ in shown(half, name)} == {80}
    whole = cascade(colour_readers(PASCAL_PART, root_side=80, side=160), zoom=TWICE, fast=1)
    whole(image)
    assert [given.shape[-1] for _, given, _ in shown(whole, "person")] == [80], "the root looks once"


@pytest.mark.parametrize("fast", [0, 0.2, 1.5, float("nan"), "yes", None])
def test_what_is_no_share_of_an_input_is_one_line(fast: Any) -> None:
    with pytest.raises(BodyCascadeError, match=r"^fast: expected True, False, or the share .* 0.3 to 1, found "):
        cascade(tiny_experts(PASCAL_PART), fast=fast)


def test_a_fast_segmenter_saves_what_it_was_made_from(tmp_path: Path) -> None:
    image = random_image(50, 70)
    experts = tiny_experts(PASCAL_PART)
    cascade(experts, zoom=TWICE, fast=True).save(tmp_path / "bundle")
    usual = cascade(experts, zoom=TWICE)
    loaded = CascadeSegmenter.load(tmp_path / "bundle", "cpu", precision="float32")
    np.testing.assert_array_equal(loaded(image).parts, usual(image).parts)
    assert CascadeSegmenter.load(tmp_path / "bundle", "cpu", fast=True).fast


@pytest.mark.parametrize("seed", range(12))
def test_regions_of_an_image_never_overlap(seed: int) -> None:
    image = random_image(70, 90, seed=seed)
    zoom = Zoom(0.6, 0.1, 0.9, 0.1, 0.3)

    def blobs(name: str, children: int) -> Tensor:
        return 3 * torch.randn(children, 9, 12, generator=torch.Generator().manual_seed(seed + len(name)))

    regions = descend(fixed_experts(PASCAL_PART, blobs), zoom, [image])
    boxes = [region.box for region in regions]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    segmentation = cascade(fixed_experts(PASCAL_PART, blobs), zoom=zoom)(image)
    assert not segmentation.parts[outside(boxes, (70, 90))].any()
    np.testing.assert_allclose(segmentation.probs.sum(axis=0), 1, atol=1e-5)


def test_an_excerpt_of_the_first_look_is_not_shifted() -> None:
    step = torch.zeros(2, 32, 32)
    step[0], step[1, 8:24, 8:24] = 0.0, 20.0
    step[0, 8:24, 8:24] = -20.0
    step[0] += 20.0 * (step[1] == 0)
    experts = constant(EVEN)
    experts[0] = FixedExpert(PASCAL_PART, "person", step)
    segmentation = cascade(experts, zoom=Zoom(0.5, 0.25, 0.7, 0.0, 0.0))(random_image(128, 128))
    wanted = np.zeros(128, np.bool_)
    wanted[32:96] = True
    np.testing.assert_array_equal(segmentation.mask("body")[64], wanted)
    np.testing.assert_array_equal(segmentation.mask("body")[:, 64], wanted)


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("is_root_real", [False, True])
def test_a_batch_gives_what_single_calls_give(routing: str, precision: str, is_root_real: bool) -> None:
    experts = tiny_experts(PASCAL_PART, sides=(48, 32))
    if not is_root_real:
        experts[0] = colour_readers(PASCAL_PART)[0]
    zoom = Zoom(0.9 if is_root_real else 0.5, 0.2, 0.6, 0.05, 0.3)
    segmenter = cascade(experts, routing=routing, precision=precision, zoom=zoom)
    labels = [people(SMALL, FAR), people(SMALL, size=(90, 128)), people(LARGE), people(), people(FAR, size=(128, 60))]
    images = [painted(one) for one in labels] + [random_image(40, 60), random_image(1, 1)]
    for image, result in zip(images, segmenter.batch(images), strict=True):
        alone = segmenter(image)
        np.testing.assert_array_equal(result.parts, alone.parts)
        np.testing.assert_array_equal(result.probs, alone.probs)
    assert len({result.parts.tobytes() for result in segmenter.batch(images)}) > 3


def test_regions_of_many_images_are_asked_about_together() -> None:
    images = [painted(people(SMALL)), painted(people()), painted(people(SMALL, FAR)), painted(people(LARGE))]
    experts = colour_readers(PASCAL_PART)
    together = descend(experts, TWICE, images, batch_size=8)
    assert [region.image for region in together] == [0, 2, 2, 3]
    # The two small boxes and the large picture are all square: one call; the far box has a shape of its own.
    assert sorted(len(given) for _, given, _ in experts[1].shown) == [1, 3]  # type: ignore[union-attr]
    for index, image in enumerate(images):
        alone = descend(colour_readers(PASCAL_PART), TWICE, [image])
        mine = [region for region in together if region.image == index]
        assert [region.box for region in mine] == [region.box for region in alone]
        for one, other in zip(mine, alone, strict=True):
            assert set(one.maps) == set(other.maps)
            assert all(torch.allclose(one.maps[name], other.maps[name], atol=1e-6) for name in one.maps)


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("zoom", [ONCE, TWICE, Zoom(0.5, 0.1, 1.0, 0.1, 0.4)])
def test_the_truth_at_every_expert_is_the_truth_in_boxes_around_people(routing: str, zoom: Zoom) -> None:
    for tree, truth in (
        (PASCAL_PART, people(SMALL, FAR)),
        (PASCAL_PART, people(LARGE)),
        (PASCAL_PART, people()),
        (FOUR_LEGS, np.random.default_rng(0).integers(0, 7, (37, 53)).astype(np.uint8)),
    ):
        segmenter = cascade(random_logits(1) if tree == PASCAL_PART else tiny_experts(tree), routing=routing, zoom=zoom)
        image = random_image(*truth.shape)
        segmentation = segmenter.with_truth(image, truth, {spec.name for spec in tree.experts})
        boxes = people_boxes(truth > 0, (truth.shape[0], truth.shape[1]), zoom)
        for box in boxes:
            np.testing.assert_array_equal(box.cut(segmentation.parts), box.cut(truth))
        assert not segmentation.parts[outside(boxes, (truth.shape[0], truth.shape[1]))].any()
        if tree == PASCAL_PART:
            assert not shown(segmenter, "person")


def test_without_a_zoom_everyone_looks_at_the_whole_picture() -> None:
    image = painted(people(SMALL))
    segmenter = cascade(colour_readers(PASCAL_PART))
    assert segmenter.zoom is None
    segmenter(image)
    for name in CHILDREN:
        ((_, given, _),) = shown(segmenter, name)
        assert torch.equal(given[0], resize_to_tensor(image, (64, 64)))
    nobody = cascade(constant(EVEN | {"person": (0.6, 0.4)}))(random_image(9, 9))
    np.testing.assert_allclose(nobody.probs[0], 0.6, atol=1e-6)
    always_whole = Zoom(0.0, 0.0, 0.0, 1.0, 1.0)
    for experts in (tiny_experts(PASCAL_PART), random_logits(3)):
        plain, whole = cascade(experts)(image), cascade(experts, zoom=always_whole)(image)
        np.testing.assert_array_equal(plain.parts, whole.parts)
        np.testing.assert_array_equal(plain.probs, whole.probs)


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("zoom", [None, Zoom(0.5, 0.0, 1.0, 0.0, 0.0)])
def test_a_person_between_the_rows_of_a_tiny_picture_is_not_seen(routing: str, zoom: Zoom | None) -> None:
    line = torch.zeros(2, 32, 32)
    line[0], line[0, 7], line[1, 7] = 9.0, 0.0, 9.0
    experts = constant(EVEN)
    experts[0] = FixedExpert(PASCAL_PART, "person", line)
    # Four rows of a map with 32: their middles lie at its rows 3.5, 11.5, 19.5 and 27.5, so that row 7 is not met.
    segmentation = cascade(experts, routing=routing, zoom=zoom)(random_image(4, 4))
    assert segmentation.parts.shape == (4, 4)
    assert not segmentation.parts.any()
