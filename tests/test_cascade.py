from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bodycascade import CascadeSegmenter
from bodycascade.errors import BodyCascadeError, BundleError, DataError, ImageError
from bodycascade.hierarchy import PASCAL_PART
from tests.segmenter_contract import SegmenterContract
from tests.threads import computing_in
from tests.toy_experts import (
    FOUR_LEGS,
    FixedExpert,
    cascade,
    constant,
    random_image,
    random_logits,
    shown,
    tiny_expert,
    tiny_experts,
)

ROUTINGS = ("hard", "soft")


UNDECIDED = {
    "person": (0.1, 0.9),
    "body": (0.55, 0.45),
    "upper_body": (0.3, 0.25, 0.25, 0.2),
    "lower_body": (0.9, 0.1),
}
DECIDED = UNDECIDED | {"body": (0.9999, 0.0001), "upper_body": (0.9997, 0.0001, 0.0001, 0.0001)}


class TestHardCascade(SegmenterContract):
    @pytest.fixture
    def segmenter(self) -> CascadeSegmenter:
        return cascade(tiny_experts(PASCAL_PART, sides=(32, 24)))


class TestSoftCascade(SegmenterContract):
    @pytest.fixture
    def segmenter(self) -> CascadeSegmenter:
        return cascade(tiny_experts(PASCAL_PART, seed=10), routing="soft", precision="auto")


class TestCascadeOfAnotherTree(SegmenterContract):
    @pytest.fixture
    def segmenter(self) -> CascadeSegmenter:
        return cascade(tiny_experts(FOUR_LEGS, sides=(24, 40, 32)))


def test_hard_and_soft_routing_by_hand() -> None:
    image = random_image(6, 9)
    hard, soft = (cascade(constant(UNDECIDED), routing=routing)(image) for routing in ROUTINGS)
    assert set(hard.parts.flat) == {1}  # body, upper_body, low_hand: the likeliest at each step
    assert set(soft.parts.flat) == {3}  # low_leg: .9 * .45 * .9 is the largest product
    upper, lower = 0.9 * 0.55, 0.9 * 0.45
    wanted = [0.1, upper * 0.3, upper * 0.25, lower * 0.9, upper * 0.2, lower * 0.1, upper * 0.25]
    for segmentation in (hard, soft):
        np.testing.assert_allclose(segmentation.probs[:, 3, 4], wanted, atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_hard_routing_follows_the_winner_at_each_step(seed: int) -> None:
    segmentation = cascade(random_logits(seed))(random_image(45, 67))
    probs, tree = segmentation.probs, PASCAL_PART
    clear = np.ones(segmentation.parts.shape, np.bool_)
    for spec in tree.experts:
        shares = np.stack([probs[list(tree.labels(child))].sum(axis=0) for child in spec.children])
        first, second = np.sort(shares, axis=0)[::-1][:2]
        clear &= first > second + 1e-5
        inside = segmentation.mask(spec.node) & clear
        for place, child in enumerate(spec.children):
            np.testing.assert_array_equal(segmentation.mask(child)[inside], (shares.argmax(axis=0) == place)[inside])
    assert clear.mean() > 0.85


@pytest.mark.parametrize("seed", range(20))
def test_soft_routing_takes_the_most_probable_leaf(seed: int) -> None:
    segmentation = cascade(random_logits(seed), routing="soft")(random_image(45, 67))
    np.testing.assert_array_equal(segmentation.parts, segmentation.probs.argmax(axis=0))
    assert len(np.unique(segmentation.parts)) >= 4


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("seed", range(10))
def test_levels_of_random_logits_never_contradict(routing: str, seed: int) -> None:
    segmentation = cascade(random_logits(seed, strength=8.0), routing=routing)(random_image(33, 41))
    body, upper, lower = (segmentation.mask(name) for name in ("body", "upper_body", "lower_body"))
    np.testing.assert_array_equal(segmentation.level(0), body.astype(np.uint8))
    np.testing.assert_array_equal(segmentation.level(1), upper + 2 * lower)
    np.testing.assert_array_equal(body, upper ^ lower)
    np.testing.assert_array_equal(segmentation.level(2) > 0, body)


def test_a_child_sees_its_parents_pixels_only() -> None:
    segmenter = cascade(random_logits(1))
    image = random_image(50, 60)
    before = image.copy()
    segmenter(image)
    np.testing.assert_array_equal(image, before)
    for name in ("body", "upper_body", "lower_body"):
        ((prepared, _, parent),) = shown(segmenter, name)
        assert parent is not None
        assert bool(parent.any())
        assert not bool(parent.all())
        outside = ~parent[:, None].expand_as(prepared)
        assert bool((prepared[outside] == 0).all())
        assert bool((prepared[~outside] != 0).float().mean() > 0.9)


def test_siblings_get_the_same_untouched_image() -> None:
    segmenter = cascade(random_logits(1))
    segmenter(random_image(50, 60))
    ((_, first, above),) = shown(segmenter, "upper_body")
    ((_, second, beside),) = shown(segmenter, "lower_body")
    ((_, root, none),) = shown(segmenter, "person")
    assert torch.equal(first, second)
    assert torch.equal(first, root)
    assert none is None
    assert above is not None
    assert beside is not None
    assert not torch.equal(above, beside)


def test_parent_masks_are_products_above_the_childs_threshold() -> None:
    said = UNDECIDED | {"person": (0.3, 0.7), "body": (0.6, 0.4)}
    segmenter = cascade(constant(said, mask_threshold=0.35))
    segmentation = segmenter(random_image(20, 20))
    assert len(shown(segmenter, "upper_body")) == 1  # .7 * .6 = .42
    assert not shown(segmenter, "lower_body")  # .7 * .4 = .28
    np.testing.assert_allclose(segmentation.probs[[3, 5], 0, 0], 0.28 / 2, atol=1e-6)  # nobody asked: even


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_without_people_is_background_and_runs_no_child(routing: str, value: int) -> None:
    segmenter = cascade(constant(UNDECIDED | {"person": (0.9, 0.1)}), routing=routing)
    segmentation = segmenter(np.full((30, 40, 3), value, np.uint8))
    assert not segmentation.parts.any()
    assert not any(shown(segmenter, name) for name in ("body", "upper_body", "lower_body"))
    np.testing.assert_allclose(segmentation.probs.sum(axis=0), 1, atol=1e-6)
    assert segmentation.share("background") == 1


class Bright(FixedExpert):
    """Sees a body where a picture is bright."""

    def predict(self, images: Tensor, parent: Tensor | None) -> Tensor:
        said = super().predict(images, parent)
        bright = images.float().mean(dim=(1, 2, 3)) > 100
        return torch.where(bright[:, None, None, None], said, said.flip(1))


def test_in_a_batch_children_run_on_those_that_need_them() -> None:
    experts = constant(UNDECIDED)
    experts[0] = Bright(PASCAL_PART, "person", torch.tensor([-2.0, 2.0]).view(2, 1, 1))
    segmenter = cascade(experts, precision="bfloat16")
    dark, bright = np.full((20, 30, 3), 20, np.uint8), np.full((20, 30, 3), 200, np.uint8)
    dark[0, 0] = bright[0, 0] = 100  # in a picture of one colour nobody is looked for
    results = segmenter.batch([dark, bright, dark, bright])
    assert [int(result.parts.max()) for result in results] == [0, 1, 0, 1]
    assert sum(len(prepared) for prepared, _, _ in shown(segmenter, "body")) == 2
    np.testing.assert_array_equal(results[1].probs, segmenter(bright).probs)


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_batch_gives_what_single_calls_give(routing: str, precision: str) -> None:
    segmenter = cascade(tiny_experts(PASCAL_PART, sides=(48, 32)), routing=routing, precision=precision)
    sizes = [(40, 60), (60, 40), (40, 60), (1, 1), (41, 61), (40, 60), (90, 30), (40, 60), (80, 120)]
    images = [random_image(*size, seed=i) for i, size in enumerate(sizes)]
    with computing_in(1):
        for image, result in zip(images, segmenter.batch(iter(images)), strict=True):
            alone = segmenter(image)
            np.testing.assert_array_equal(result.parts, alone.parts)
            np.testing.assert_array_equal(result.probs, alone.probs)
    assert segmenter.batch([]) == []


@pytest.mark.parametrize("threads", [2, 3])
def test_images_of_a_batch_share_the_threads_and_come_out_the_same(threads: int) -> None:
    segmenter = cascade(tiny_experts(PASCAL_PART, sides=(48, 32)), routing="soft")
    images = [random_image(40 + i % 3, 60, seed=i) for i in range(9)]
    with computing_in(threads):
        for image, result in zip(images, segmenter.batch(images), strict=True):
            alone = segmenter(image)
            np.testing.assert_array_equal(result.parts, alone.parts)
            # In another number of threads operations on float32 may round their last bit differently.
            np.testing.assert_allclose(result.probs, alone.probs, rtol=0, atol=1e-6)


def test_images_of_a_batch_are_segmented_at_the_same_time() -> None:
    meeting = threading.Barrier(2)

    class Meeting(FixedExpert):
        def predict(self, images: Tensor, parent: Tensor | None) -> Tensor:
            meeting.wait(timeout=30)
            return super().predict(images, parent)

        def __deepcopy__(self, memo: dict[int, object]) -> Meeting:
            return self

    nobody = torch.tensor([9.0, -9.0]).view(2, 1, 1)
    segmenter = cascade([Meeting(PASCAL_PART, "person", nobody), *constant(UNDECIDED)[1:]])
    with computing_in(2):
        assert len(segmenter.batch([random_image(20, 30, seed=i) for i in range(2)])) == 2


def test_a_batch_of_one_path_is_refused_before_its_letters_are_read_as_pictures() -> None:
    segmenter = cascade(tiny_experts(FOUR_LEGS))
    for path in ("photo.jpg", Path("photo.jpg")):
        with pytest.raises(ImageError, match=r"photo\.jpg: a path, where batch takes several images"):
            segmenter.batch(path)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"one array \(20, 30, 3\), where batch takes several images"):
        segmenter.batch(random_image(20, 30))
    assert len(segmenter.batch(random_image(20, 30)[None])) == 1


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("width", [640, 64, 32, 16, 4])
@pytest.mark.parametrize("edge", [8, 16, 24])
def test_labels_are_not_shifted_by_half_a_pixel(routing: str, width: int, edge: int) -> None:
    step = torch.zeros(2, 32, 32)
    step[0, :, :edge] = step[1, :, edge:] = 20.0  # a body from this column on, exactly
    experts = constant(DECIDED)
    experts[0] = FixedExpert(PASCAL_PART, "person", step)
    parts = cascade(experts, routing=routing)(random_image(width, width)).parts
    wanted = np.zeros((width, width), np.bool_)
    wanted[:, width * edge // 32 :] = True
    np.testing.assert_array_equal(parts > 0, wanted)
    experts[0] = FixedExpert(PASCAL_PART, "person", step.transpose(1, 2))
    np.testing.assert_array_equal(cascade(experts, routing=routing)(random_image(width, width)).parts > 0, wanted.T)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_strips_meet_without_a_seam(routing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter, image = cascade(random_logits(2), routing=routing), random_image(131, 90)
    whole = segmenter(image)
    probs = whole.probs
    monkeypatch.setattr("bodycascade.routing.STRIP_PIXELS", 90 * 7)
    striped = segmenter(image)
    np.testing.assert_array_equal(striped.parts, whole.parts)
    np.testing.assert_array_equal(striped.probs, probs)


def test_probabilities_outlive_the_segmenter_and_are_computed_on_demand() -> None:
    segmentation = cascade(tiny_experts(PASCAL_PART))(random_image(20, 20))
    assert "probs" not in vars(segmentation)
    assert segmentation.probs.shape == (7, 20, 20)


def test_scores_of_its_own_labels_are_one() -> None:
    segmenter = cascade(random_logits(5))
    images = [random_image(30, 40, seed=i) for i in range(3)]
    figures = segmenter.score([(image, segmenter(image).parts) for image in images])
    assert set(figures.values()) == {1.0}


def test_too_little_memory_halves_the_batch_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    experts = random_logits(6)
    images = [random_image(30, 40, seed=i) for i in range(4)]
    wanted = [result.parts for result in cascade(experts).batch(images)]
    experts[1].most = 1  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING, logger="bodycascade"), computing_in(1):
        results = cascade(experts, precision="bfloat16").batch(images)
    for result, parts in zip(results, wanted, strict=True):
        np.testing.assert_array_equal(result.parts, parts)
    assert "going on with 2 images at once" in caplog.text
    assert "going on with 1 images at once" in caplog.text
    experts[1].most = 0  # type: ignore[assignment]
    with pytest.raises(BodyCascadeError, match="'body' does not fit into the memory of cpu"):
        cascade(experts)(images[0])


def test_truth_of_another_picture_is_refused() -> None:
    segmenter = cascade(tiny_experts(PASCAL_PART))
    for truth in (np.zeros((0, 0), np.uint8), np.zeros((3, 4), np.uint8), np.full((20, 30), 7, np.uint8)):
        with pytest.raises(DataError, match="expected uint8 labels 0 to 6"):
            segmenter.with_truth(random_image(20, 30), truth, {"person"})


def test_experts_are_copied() -> None:
    experts = tiny_experts(PASCAL_PART)
    segmenter = cascade(experts)
    image = random_image(30, 30)
    wanted = segmenter(image).probs
    for expert in experts:
        expert.train()
        with torch.no_grad():
            expert.unet.head.weight.zero_()
    np.testing.assert_array_equal(segmenter(image).probs, wanted)
    assert all(parameter.requires_grad for expert in experts for parameter in expert.parameters())


def test_the_order_of_the_experts_does_not_matter() -> None:
    experts, image = tiny_experts(PASCAL_PART), random_image(30, 30)
    np.testing.assert_array_equal(cascade(experts)(image).parts, cascade(experts[::-1])(image).parts)


def test_wrong_experts_are_refused_in_one_line() -> None:
    experts = tiny_experts(PASCAL_PART)
    for wrong, message in (
        ([], "found none"),
        (experts[:3], "each once; found body, person, upper_body"),
        ([*experts, experts[0]], "each once"),
        ([*experts[:3], tiny_expert(FOUR_LEGS, "legs")], "'legs' is of another tree"),
    ):
        with pytest.raises(BundleError, match=message) as caught:
            cascade(wrong)
        assert "\n" not in str(caught.value)
    with pytest.raises(BundleError, match="expected hard or soft, found 'diagonal'"):
        cascade(experts, routing="diagonal")
    with pytest.raises(BodyCascadeError, match="expected auto, float32 or bfloat16"):
        cascade(experts, precision="float8")


@pytest.mark.parametrize("routing", ROUTINGS)
def test_a_saved_segmenter_comes_back_equal(routing: str, tmp_path: Path) -> None:
    segmenter = cascade(tiny_experts(PASCAL_PART, sides=(48, 32)), routing=routing)
    segmenter.save(tmp_path / "cascade")
    dice = torch.random.get_rng_state()
    again = CascadeSegmenter.load(str(tmp_path / "cascade"), "cpu", precision="float32")
    assert bool((torch.random.get_rng_state() == dice).all())
    assert repr(again) == repr(segmenter)
    for size in ((40, 60), (7, 300)):
        image = random_image(*size)
        np.testing.assert_array_equal(again(image).parts, segmenter(image).parts)
        np.testing.assert_array_equal(again(image).probs, segmenter(image).probs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cpu_and_gpu_agree() -> None:
    experts, image = tiny_experts(PASCAL_PART), random_image(50, 70)
    there = CascadeSegmenter(experts, routing="hard", device="cuda", precision="float32")(image)
    here = cascade(experts)(image)
    np.testing.assert_allclose(there.probs, here.probs, atol=1e-3)
    assert (there.parts == here.parts).mean() > 0.999
