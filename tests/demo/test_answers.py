"""What the page gets to show, and the files to download."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from bodycascade.demo.answers import SHOWN_SIDE, Work, level_table, shown_probability, writer
from bodycascade.errors import RequestError, TreeError
from bodycascade.hierarchy import PASCAL_PART
from tests.demo.stubs import HalfHead, encoded, unpacked
from tests.toy_experts import FOUR_LEGS


def test_answer_holds_picture_labels_and_the_probability_of_what_is_shown_at_each_level() -> None:
    shown = unpacked(Work(HalfHead()).answer(encoded(6, 4)))
    assert shown.head["size"] == shown.head["shown"] == [4, 6]
    assert shown.head["pixels"] == [12, 0, 0, 0, 12, 0, 0]
    assert shown.picture.size == (6, 4)
    assert shown.labels.tolist() == [[4, 4, 4, 0, 0, 0]] * 4
    # body: 1 - 0.1; upper body: low hand, up hand, torso and head; head: itself
    assert shown.probabilities[:, 0, 0].tolist() == [round(p * 255) for p in (0.9, 0.05 + 0.05 + 0.15 + 0.5, 0.5)]
    assert shown.probabilities[:, 0, 5].tolist() == [round(0.9 * 255)] * 3


def test_probability_at_a_level_is_the_sum_of_the_leaves_below_the_class() -> None:
    labels = np.array([[0, 3], [5, 4]], np.uint8)
    probs = np.full((7, 2, 2), 0.1, np.float32)
    probs[5] = 0.4
    # low_leg 3 and up_leg 5 are the lower body; head 4 is of the upper body: labels 1, 2, 4, 6
    found = [shown_probability(labels, probs, PASCAL_PART.level_map(level)) for level in range(3)]
    assert found[0].tolist() == [[26, 230], [230, 230]]
    assert found[1].tolist() == [[26, 128], [128, 102]]
    assert found[2].tolist() == [[26, 26], [102, 26]]


def test_a_large_picture_is_shown_smaller_and_counted_at_its_own_size() -> None:
    shown = unpacked(Work(HalfHead()).answer(encoded(2 * SHOWN_SIDE, 300)))
    assert shown.head["size"] == [300, 2 * SHOWN_SIDE]
    assert shown.head["shown"] == [150, SHOWN_SIDE]
    assert sum(shown.head["pixels"]) == 300 * 2 * SHOWN_SIDE
    assert shown.picture.size == (SHOWN_SIDE, 150)
    assert shown.labels[:, SHOWN_SIDE // 2 - 1 : SHOWN_SIDE // 2 + 1].tolist() == [[4, 0]] * 150


def test_a_picture_with_exif_orientation_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    shown = unpacked(Work(HalfHead()).answer(encoded(8, 4, "JPEG", exif=exif)))
    assert shown.head["size"] == [8, 4]
    assert shown.picture.size == (4, 8)


def test_the_last_picture_is_not_segmented_again_for_its_files() -> None:
    segmenter = HalfHead()
    work, data = Work(segmenter), encoded(6, 4)
    work.answer(data)
    for kind, node in (("mask", ""), ("overlay", ""), ("cutout", "head")):
        work.file(data, writer(PASCAL_PART, kind, level="1", node=node)[1])
    assert segmenter.calls == 1
    work.file(encoded(4, 4), writer(PASCAL_PART, "mask", level="2", node="")[1])
    assert segmenter.calls == 2


def test_a_file_that_is_no_picture_does_not_take_the_place_of_the_last_one() -> None:
    segmenter = HalfHead()
    work, data = Work(segmenter), encoded(6, 4)
    work.answer(data)
    with pytest.raises(RequestError):
        work.answer(b"no picture")
    work.file(data, writer(PASCAL_PART, "mask", level="2", node="")[1])
    assert segmenter.calls == 1


def test_what_is_shown_and_downloaded_carries_the_colour_profile() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    work, data = Work(HalfHead()), encoded(6, 4, "JPEG", icc_profile=profile)
    assert unpacked(work.answer(data)).picture.info["icc_profile"] == profile
    for kind, node in (("overlay", ""), ("cutout", "head")):
        file = work.file(data, writer(PASCAL_PART, kind, level="2", node=node)[1])
        assert Image.open(io.BytesIO(file)).info["icc_profile"] == profile


def test_the_same_picture_gets_the_same_answer_again() -> None:
    segmenter = HalfHead()
    work, data = Work(segmenter), encoded(6, 4)
    assert work.answer(data) == work.answer(data)
    assert segmenter.calls == 1
    assert work.answer(encoded(4, 4)) != work.answer(data)
    assert unpacked(work.answer(data)).probabilities[2, 0, 0] == 128  # a head, by 0.5
    assert segmenter.calls == 3


@pytest.mark.parametrize(("level", "wanted"), [("0", 1), ("1", 1), ("2", 4)])
def test_mask_holds_the_ids_of_the_level(level: str, wanted: int) -> None:
    media_type, write = writer(PASCAL_PART, "mask", level=level, node="")
    mask = Image.open(io.BytesIO(Work(HalfHead()).file(encoded(6, 4), write)))
    assert (media_type, mask.format, mask.mode) == ("image/png", "PNG", "P")
    assert np.asarray(mask).tolist() == [[wanted] * 3 + [0] * 3] * 4


def test_mask_of_a_class_is_black_and_white_and_its_cutout_transparent_elsewhere() -> None:
    mask_type, mask = writer(PASCAL_PART, "mask", level="", node="head")
    cut_type, cut = writer(PASCAL_PART, "cutout", level="", node="upper_body")
    assert mask_type == cut_type == "image/png"
    work, data = Work(HalfHead()), encoded(6, 4)
    assert np.asarray(Image.open(io.BytesIO(work.file(data, mask))))[0].tolist() == [255] * 3 + [0] * 3
    cutout = Image.open(io.BytesIO(work.file(data, cut)))
    assert cutout.mode == "RGBA"
    alpha = np.asarray(cutout)[0, :, 3]
    assert (alpha[0], alpha[5]) == (255, 0)


def test_files_that_cannot_be_are_refused() -> None:
    with pytest.raises(RequestError, match="mask, overlay or cutout"):
        writer(PASCAL_PART, "video", level="0", node="")
    with pytest.raises(RequestError, match="cutout of a class"):
        writer(PASCAL_PART, "cutout", level="0", node="")
    with pytest.raises(TreeError, match="no class is called 'tail'"):
        writer(PASCAL_PART, "cutout", level="0", node="tail")
    with pytest.raises(TreeError, match="no level is called '7'"):
        writer(PASCAL_PART, "overlay", level="7", node="")


def test_levels_are_described_for_any_tree() -> None:
    body, halves, parts = level_table(PASCAL_PART)
    assert body == {
        "title": "body",
        "ids": [0, 1, 1, 1, 1, 1, 1],
        "names": ["background", "body"],
        "colours": [[0, 0, 0], [72, 149, 239]],
        "order": [1],
    }
    assert (halves["ids"], halves["order"]) == ([0, 1, 1, 2, 1, 2, 1], [1, 2])
    assert (parts["ids"], parts["order"]) == (list(range(7)), [1, 6, 2, 4, 3, 5])
    legs = level_table(FOUR_LEGS)[1]
    assert (legs["names"], legs["order"]) == (["nothing", "tail", "trunk", "legs"], [1, 2, 3])
