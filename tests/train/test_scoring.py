"""Scores on the selection set."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from bodycascade.data.examples import Example
from bodycascade.errors import TrainingError
from bodycascade.hierarchy import IGNORE
from bodycascade.preprocess.pack import Pack, write_pack
from bodycascade.regions import Box, Zoom
from bodycascade.resizing import resize_image
from bodycascade.train.parent_maps import ParentMaps
from bodycascade.train.scoring import Score, SelectionScorer
from tests.toy_experts import FOUR_LEGS, FixedExpert, random_image
from tests.train.animals import draw_animal
from tests.train.jobs import CPU

SIDE = 32


class Answering(FixedExpert):
    """Gives its logits in `forward`, which is what scoring calls."""

    seen: list[int]
    given: list[Tensor]

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.seen = [*getattr(self, "seen", []), len(x)]
        self.given = [*getattr(self, "given", []), *x]
        return self.logits.expand(len(x), -1, -1, -1)


def pack_of(folder: Path, masks: list[np.ndarray]) -> Pack:
    write_pack(folder, [Example(f"i{n}", np.zeros((*m.shape, 3), np.uint8), m, "colour") for n, m in enumerate(masks)])
    return Pack.open(folder)


def score(pack: Pack, expert: Answering, zoom: Zoom | None = None) -> Score:
    return SelectionScorer(pack, expert, None, zoom=zoom, device=CPU).score(expert, precision="float32")


def halves(left: int, right: int) -> np.ndarray:
    mask = np.full((SIDE, SIDE), left, np.uint8)
    mask[:, SIDE // 2 :] = right
    return mask


def answer(expert: str, left: int, right: int) -> Answering:
    """An expert that is sure of the child `left` in the left half of every image, of `right` in the other."""
    children = len(FOUR_LEGS.expert(expert).children)
    logits = torch.zeros(children, SIDE, SIDE)
    logits[left, :, : SIDE // 2] = 9
    logits[right, :, SIDE // 2 :] = 9
    return Answering(FOUR_LEGS, expert, logits, side=SIDE)


def test_iou_is_over_all_pixels_of_all_images_and_the_mean_leaves_the_background_out(tmp_path: Path) -> None:
    # Prediction: left background, right beast. Truth: as predicted in one image, beast everywhere in the other.
    pack = pack_of(tmp_path, [halves(0, 5), halves(5, 5)])
    found = score(pack, answer("animal", 0, 1))
    assert found.ious == {"nothing": pytest.approx(0.5 / 1), "beast": pytest.approx(1 / 1.5)}
    assert found.mean_iou == pytest.approx(1 / 1.5)
    right, wrong = math.log(1 + math.exp(-9)), 9 + math.log(1 + math.exp(-9))
    assert found.loss == pytest.approx((right + (right + wrong) / 2) / 2, rel=1e-4)


def test_pixels_outside_of_the_node_and_images_without_it_do_not_count(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, [halves(0, 3), halves(0, 0)])
    # Children of the beast: tail, trunk, legs. Only the right half of the first image is asked about, and is a tail.
    found = score(pack, answer("beast", 1, 0))
    assert found.ious == {"tail": 1.0}
    assert found.mean_iou == 1.0
    scorer = SelectionScorer(pack, answer("beast", 1, 0), None, zoom=None, device=CPU)
    assert scorer.images == 1


@pytest.mark.parametrize(("pictures", "meaningful"), [([(0, 0), (0, 0)], False), ([(0, 0), (0, 5)], True)])
def test_score_tells_nothing_of_an_expert_where_only_background_is_there(
    tmp_path: Path, pictures: list[tuple[int, int]], meaningful: bool
) -> None:
    pack = pack_of(tmp_path, [halves(left, right) for left, right in pictures])
    found = score(pack, answer("animal", 0, 1))
    assert found.is_meaningful is meaningful
    assert found.ious["nothing"] > 0
    assert found.ious["beast"] == (0.5 if meaningful else 0.0), "what is predicted and not there still counts"


def test_child_that_is_predicted_but_not_there_has_iou_zero_and_is_left_out_of_the_mean(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, [halves(3, 3)])
    found = score(pack, answer("beast", 1, 0))
    assert found.ious == {"tail": 0.5, "trunk": 0.0}
    assert found.mean_iou == 0.5
    scorer = SelectionScorer(pack, answer("beast", 1, 0), None, zoom=None, device=CPU)
    assert scorer.missing == ("trunk", "legs")
    assert scorer.is_meaningful


def test_set_without_the_node_has_no_ious(tmp_path: Path) -> None:
    found = score(pack_of(tmp_path, [halves(0, 0)]), answer("beast", 0, 0))
    assert (found.ious, found.mean_iou, found.loss) == ({}, 0.0, 0.0)


def test_target_ignored_is_none_of_the_children() -> None:
    assert FOUR_LEGS.target_map("beast")[0] == IGNORE


def test_too_little_memory_halves_the_batch_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pack = pack_of(tmp_path, [draw_animal(seed, height=SIDE, width=SIDE)[1] for seed in range(6)])
    roomy, tight = answer("animal", 0, 1), answer("animal", 0, 1)
    tight.most = 2
    expected = score(pack, roomy)
    with caplog.at_level(logging.WARNING):
        found = score(pack, tight)
    assert roomy.seen == [6]
    assert max(tight.seen) <= 2
    assert sum(tight.seen) == 6
    assert (found.ious, found.loss) == (expected.ious, pytest.approx(expected.loss))
    assert "cpu is out of memory: going on with 3 images at once" in caplog.text


def test_no_memory_for_one_image_is_one_line(tmp_path: Path) -> None:
    expert = answer("animal", 0, 1)
    expert.most = 0
    with pytest.raises(TrainingError, match="one image does not fit into the memory of cpu; lower train"):
        score(pack_of(tmp_path, [halves(0, 5)]), expert)


def test_expert_keeps_its_mode(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, [halves(0, 5)])
    for training in (True, False):
        expert = answer("animal", 0, 1).train(training)
        score(pack, expert)
        assert expert.training == training


ZOOM = Zoom(threshold=0.3, margin=0.0, whole=0.5, again_below=0.0, again_above=0.0)
TAIL, TRUNK, LEG = 3, 5, 4
SMALL, FAR, LARGE = Box(8, 8, 16, 16), Box(40, 40, 56, 56), Box(0, 0, 60, 60)


def herd(*beasts: tuple[Box, int]) -> np.ndarray:
    """(64, 64) uint8: each box filled with its label; at this size boxes are found to the pixel."""
    mask = np.zeros((64, 64), np.uint8)
    for box, label in beasts:
        box.cut(mask)[...] = label
    return mask


def pictured(folder: Path, masks: list[np.ndarray]) -> Pack:
    """A pack whose images are random blocks."""
    samples = [Example(f"i{n}", random_image(*m.shape, seed=n), m, "colour") for n, m in enumerate(masks)]
    write_pack(folder, samples)
    return Pack.open(folder)


def test_with_a_zoom_a_child_looks_at_boxes_around_the_true_people(tmp_path: Path) -> None:
    masks = [herd((SMALL, TRUNK), (FAR, TAIL)), herd((LARGE, TRUNK)), herd(), herd((SMALL, TAIL))]
    pack = pictured(tmp_path, masks)
    expert = answer("beast", 1, 0)
    score(pack, expert, ZOOM)
    assert sum(expert.seen) == 4
    boxes = [(0, SMALL), (0, FAR), (1, Box(0, 0, 64, 64)), (3, SMALL)]
    whole = torch.ones(1, SIDE, SIDE, dtype=torch.bool)
    wanted = [
        expert.prepare(
            torch.from_numpy(resize_image(box.cut(pack.image(i)), (SIDE, SIDE))).permute(2, 0, 1)[None], whole
        )[0]
        for i, box in boxes  # the smallest is enlarged four times
    ]
    for place in (0, 1, 3):  # all in such a box is of the beast
        assert torch.equal(expert.given[place], wanted[place])
    assert torch.equal(expert.given[2][:, :29, :29], wanted[2][:, :29, :29])
    assert not expert.given[2][:, 31].any()
    assert SelectionScorer(pack, expert, None, zoom=ZOOM, device=CPU).images == 3


def test_with_a_zoom_the_root_looks_at_whole_images(tmp_path: Path) -> None:
    pack = pictured(tmp_path, [herd((SMALL, TRUNK), (FAR, TAIL)), herd()])
    zoomed, plain = answer("animal", 0, 1), answer("animal", 0, 1)
    assert score(pack, zoomed, ZOOM).ious == score(pack, plain).ious
    assert zoomed.seen == plain.seen == [2]
    for one, other in zip(zoomed.given, plain.given, strict=True):
        assert torch.equal(one, other)


class LeftOf:
    """Stands for `ParentMaps`: of each image of `width` columns, the node is all that is left of `column`."""

    def __init__(self, column: int, width: int) -> None:
        self._map = np.zeros((width, width), np.uint8)
        self._map[:, :column] = 255

    def map(self, index: int) -> np.ndarray:
        """(H, W) uint8."""
        return self._map


def test_with_predicted_parents_an_expert_is_shown_what_they_say_and_not_the_truth(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, [halves(0, 3)])
    expert = answer("beast", 0, 0)
    parents = cast(ParentMaps, LeftOf(SIDE // 2, SIDE))
    SelectionScorer(pack, expert, parents, zoom=None, device=CPU).score(expert, precision="float32")
    assert bool((expert.given[0][:, :, : SIDE // 2 - 2] != 0).all())
    assert not expert.given[0][:, :, SIDE // 2 + 2 :].any()


def test_with_a_zoom_predicted_parents_are_cut_by_the_box(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, [herd((SMALL, TRUNK), (FAR, TAIL))])
    expert = answer("beast", 0, 0)
    parents = cast(ParentMaps, LeftOf(12, 64))  # half of the small box, nothing of the far one
    SelectionScorer(pack, expert, parents, zoom=ZOOM, device=CPU).score(expert, precision="float32")
    small, far = expert.given
    assert bool((small[:, :, : SIDE // 2 - 2] != 0).all())
    assert not small[:, :, SIDE // 2 + 2 :].any()
    assert not far.any()


@pytest.mark.parametrize("thinning", [1, 4])
def test_sample_holds_logits_and_truth_of_the_same_pixels(tmp_path: Path, thinning: int) -> None:
    pack, expert = pack_of(tmp_path, [halves(0, 5), halves(5, 5)]), answer("animal", 0, 1)
    scorer = SelectionScorer(pack, expert, None, zoom=None, device=CPU)
    logits, truth = scorer.sample(expert, precision="float32", thinning=thinning)
    assert logits.shape == (2 * (SIDE // thinning) ** 2, 2)
    said, wanted = logits.argmax(axis=1), scorer.score(expert, precision="float32").ious
    for place, child in enumerate(expert.spec.children):
        both, either = (said == place) & (truth == place), (said == place) | (truth == place)
        assert both.sum() / either.sum() == wanted[child]


def test_boxes_without_the_node_are_left_out(tmp_path: Path) -> None:
    pack = pictured(tmp_path, [herd((SMALL, TAIL), (FAR, LEG)), herd((SMALL, TAIL))])
    expert = answer("legs", 0, 0)
    assert score(pack, expert, ZOOM).ious == {"fore_left": 1.0}
    assert expert.seen == [1]
    assert SelectionScorer(pack, expert, None, zoom=ZOOM, device=CPU).images == 1


def test_figures_count_each_box_at_its_own_size_and_the_loss_is_the_mean_over_boxes(tmp_path: Path) -> None:
    # Everywhere a tail: wrong in the small box (64 pixels), right in the far one (256) and in that of the other image.
    pack = pictured(tmp_path, [herd((SMALL, TRUNK), (FAR, TAIL)), herd((SMALL, TAIL))])
    found = score(pack, answer("beast", 0, 0), ZOOM)
    assert found.ious == {"tail": pytest.approx(320 / 384), "trunk": 0.0}
    right = math.log(1 + 2 * math.exp(-9))
    assert found.loss == pytest.approx((right + (9 + right) + right) / 3, rel=1e-4)
