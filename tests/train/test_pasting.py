"""People of one training picture put into another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bodycascade.hierarchy import IGNORE
from bodycascade.preprocess.pack import Pack, Sample, write_pack
from bodycascade.train.pasting import LARGEST_ENLARGEMENT, Paster
from bodycascade.train.seeds import Seed
from tests.train.animals import animal_params

RED, GRAY = (250, 10, 20), (90, 90, 90)
TRUNK = 5

MakePaster = Callable[..., Paster]


def scene(top: int, left: int, bottom: int, right: int) -> Sample:
    """64 x 64, white, with one red body at the given rows and columns."""
    image, labels = np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64), np.uint8)
    image[top:bottom, left:right], labels[top:bottom, left:right] = RED, TRUNK
    return Sample("red", image, labels, "colour")


@pytest.fixture
def paster(tmp_path: Path) -> MakePaster:
    """`paster(samples, share=..., smallest=..., largest=..., flip=...)`"""

    def make(
        *samples: Sample, share: float = 1.0, smallest: float = 0.3, largest: float = 0.5, flip: float = 0.0
    ) -> Paster:
        write_pack(tmp_path / "pack", [dataclasses.replace(s, id=f"i{n}") for n, s in enumerate(samples)])
        augment = dataclasses.replace(
            animal_params().train["beast"].augment,
            paste=share,
            paste_smallest=smallest,
            paste_largest=largest,
            flip=flip,
        )
        return Paster(Pack.open(tmp_path / "pack"), augment=augment, seed=Seed(3, "beast"))

    return make


def empty(height: int = 80, width: int = 120) -> tuple[np.ndarray, np.ndarray]:
    return np.full((height, width, 3), GRAY, np.uint8), np.zeros((height, width), np.uint8)


def extent(put: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(put.any(1)), np.flatnonzero(put.any(0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def test_people_come_with_their_pixels_and_labels_and_nothing_of_their_background(paster: MakePaster) -> None:
    image, labels = empty()
    changed, names, put = paster(scene(16, 24, 48, 40)).pasted(image, labels, epoch=0, index=0)
    assert put.any()
    assert (names[put] == TRUNK).all()
    assert (names[~put] == 0).all()
    assert (changed == RED).all(-1)[put].mean() > 0.7
    # Between red and gray there is no white: at the edges, too, only the people's own colour comes along.
    assert changed[..., 1].max() <= GRAY[1]
    assert (changed[~put] == GRAY).all(-1).mean() > 0.95


def test_the_given_arrays_stay_as_they_are(paster: MakePaster) -> None:
    image, labels = empty()
    image.setflags(write=False)
    labels.setflags(write=False)
    changed, names, put = paster(scene(16, 24, 48, 40)).pasted(image, labels, epoch=0, index=0)
    assert put.any()
    assert (image == GRAY).all()
    assert not labels.any()
    assert not np.shares_memory(changed, image)
    assert not np.shares_memory(names, labels)


def test_their_size_is_a_share_of_the_view(paster: MakePaster) -> None:
    made = paster(scene(16, 24, 48, 40), smallest=0.2, largest=0.5)
    image, labels = empty()
    long_sides = []
    for index in range(40):
        top, left, bottom, right = extent(made.pasted(image, labels, epoch=0, index=index)[2])
        long_sides.append(max(bottom - top, right - left) / 120)
    assert 0.17 <= min(long_sides) < 0.27
    assert 0.4 < max(long_sides) <= 0.53


def test_they_are_hardly_enlarged_and_always_fit(paster: MakePaster) -> None:
    made = paster(scene(16, 24, 48, 40), smallest=0.9, largest=1.0)
    top, _, bottom, _ = extent(made.pasted(*empty(500, 500), epoch=0, index=0)[2])
    assert bottom - top == 32 * LARGEST_ENLARGEMENT
    for index in range(10):
        assert made.pasted(*empty(20, 90), epoch=0, index=index)[2].any()


@pytest.mark.parametrize(
    ("body", "side"), [((40, 20, 64, 40), "bottom"), ((10, 0, 40, 20), "left"), ((10, 44, 40, 64), "right")]
)
def test_who_was_cut_off_by_the_border_is_so_again(
    body: tuple[int, int, int, int], side: str, paster: MakePaster
) -> None:
    made = paster(scene(*body))
    for index in range(10):
        _, left, bottom, right = extent(made.pasted(*empty(), epoch=0, index=index)[2])
        assert {"bottom": bottom == 80, "left": left == 0, "right": right == 120}[side]


def test_flipped_people_lean_on_the_other_border(paster: MakePaster) -> None:
    made = paster(scene(10, 0, 40, 20), flip=1.0)
    assert all(extent(made.pasted(*empty(), epoch=0, index=index)[2])[3] == 120 for index in range(10))


def test_they_hide_few_of_those_who_are_there(paster: MakePaster) -> None:
    image, labels = empty()
    labels[:, :60] = TRUNK
    made = paster(scene(16, 24, 48, 40), largest=0.35)
    hidden = [made.pasted(image, labels, epoch=0, index=index)[2][:, :60].any() for index in range(40)]
    assert sum(hidden) < 12  # one place alone would hide somebody in more than half of the views


def test_a_share_of_the_views_is_changed_each_by_its_own_seed(paster: MakePaster) -> None:
    made = paster(scene(16, 24, 48, 40), share=0.4)
    image, labels = empty()
    puts = [made.pasted(image, labels, epoch=0, index=index)[2] for index in range(100)]
    assert 25 <= sum(bool(put.any()) for put in puts) <= 55
    again = [made.pasted(image, labels, epoch=0, index=index)[2] for index in reversed(range(100))]
    assert all(np.array_equal(one, two) for one, two in zip(puts, reversed(again), strict=True))
    other = [made.pasted(image, labels, epoch=1, index=index)[2] for index in range(100)]
    assert not all(np.array_equal(one, two) for one, two in zip(puts, other, strict=True))


def test_where_no_picture_shows_anybody_nothing_changes(paster: MakePaster) -> None:
    nobody = scene(0, 0, 0, 0)
    nobody.mask[:5] = IGNORE
    image, labels = empty()
    changed, names, put = paster(nobody).pasted(image, labels, epoch=0, index=0)
    assert changed is image
    assert names is labels
    assert not put.any()
