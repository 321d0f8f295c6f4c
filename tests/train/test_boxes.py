"""Which part of an image a training view shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bodycascade.data.examples import Example
from bodycascade.hierarchy import IGNORE
from bodycascade.preprocess.pack import Pack, write_pack
from bodycascade.regions import Box, Zoom
from bodycascade.train.boxes import BoxChooser, people
from bodycascade.train.seeds import Seed
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import animal_params

SIZE = (64, 64)
WHOLE = Box(0, 0, *SIZE)
LARGE, SMALL, SPECK = Box(4, 4, 44, 30), Box(40, 40, 50, 50), Box(8, 56, 9, 57)
"""One cell of the grid is one pixel at this size, so these are the boxes that are found."""

ZOOM = Zoom(threshold=0.3, margin=0.2, whole=0.8, again_below=0.0, again_above=0.0)
TAIL, TRUNK, LEG = 3, 5, 4

Choose = Callable[..., BoxChooser]


@pytest.fixture
def choose(tmp_path: Path) -> Choose:
    """`choose(expert, share=, jitter=, power=, zoom=, seed=)` for three pictures: beasts, one alone, nobody."""
    crowd, alone, empty = (np.zeros(SIZE, np.uint8) for _ in range(3))
    for box, label in ((LARGE, TRUNK), (SMALL, TAIL), (SPECK, TRUNK)):
        box.cut(crowd)[...] = label
    SMALL.cut(alone)[...] = TRUNK
    alone[42:44, 42:44] = LEG  # its only legs, near a corner
    alone[0, :] = empty[3, :] = IGNORE
    masks = (crowd, alone, empty)
    samples = [Example(f"i{n}", np.zeros((*SIZE, 3), np.uint8), mask, "colour") for n, mask in enumerate(masks)]
    write_pack(tmp_path / "pack", samples)
    pack = Pack.open(tmp_path / "pack")

    def make(
        expert: str = "beast",
        *,
        share: float = 1.0,
        jitter: float = 0.1,
        power: float = 0.5,
        zoom: Zoom | None = ZOOM,
        seed: int = 3,
    ) -> BoxChooser:
        changes = {"box_share": share, "box_jitter": jitter, "box_size_power": power}
        train = dataclasses.replace(animal_params().train[expert], **changes)
        inside = FOUR_LEGS.target_map(expert) != IGNORE
        return BoxChooser(pack, train=train, zoom=zoom, seed=Seed(seed, expert), inside=inside)

    return make


def grown(box: Box, margin: float) -> Box:
    return box.grown((margin,) * 4, SIZE)


def holds(box: Box, other: Box) -> bool:
    return box.joined(other) == box


def shown(chooser: BoxChooser, epochs: int, index: int = 0) -> list[Box]:
    return [chooser.box(epoch, index) for epoch in range(epochs)]


def test_share_of_zero_shows_whole_images(choose: Choose) -> None:
    assert set(shown(choose(share=0.0), 50)) == {WHOLE}


def test_without_a_zoom_every_view_is_the_whole_image(choose: Choose) -> None:
    assert set(shown(choose(zoom=None), 50)) == {WHOLE}


def test_share_of_one_shows_boxes_with_their_margin(choose: Choose) -> None:
    found = set(shown(choose(jitter=0.0), 200))
    assert found == {grown(box, ZOOM.margin) for box in (LARGE, SMALL, SPECK)}


def test_share_of_the_views_shows_boxes(choose: Choose) -> None:
    found = shown(choose(share=0.3), 400)
    assert sum(box != WHOLE for box in found) / len(found) == pytest.approx(0.3, abs=0.07)


def test_box_is_a_function_of_seed_expert_epoch_and_index(choose: Choose) -> None:
    places = [(epoch, index) for epoch in range(20) for index in range(2)]
    expected = {place: choose().box(*place) for place in places}
    chooser = choose()
    assert {place: chooser.box(*place) for place in places[::-1]} == expected
    for other in (choose(seed=4), choose("animal")):
        assert {place: other.box(*place) for place in places} != expected
    assert len(set(expected.values())) > 10


@pytest.mark.parametrize("jitter", [0.1, 1.0])
@pytest.mark.parametrize(("expert", "index"), [("beast", 0), ("legs", 1), ("animal", 1)])
def test_box_holds_some_of_the_experts_node(choose: Choose, expert: str, index: int, jitter: float) -> None:
    labels = np.zeros(SIZE, np.uint8)
    if index:
        SMALL.cut(labels)[...] = TRUNK
        labels[42:44, 42:44] = LEG
    else:
        for part, label in ((LARGE, TRUNK), (SMALL, TAIL), (SPECK, TRUNK)):
            part.cut(labels)[...] = label
    inside = FOUR_LEGS.target_map(expert) != IGNORE
    for box in shown(choose(expert, jitter=jitter), 300, index):
        assert inside[box.cut(labels)].any()


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_boxes_are_shown_by_a_power_of_their_size(choose: Choose, power: float) -> None:
    found = shown(choose(jitter=0.0, power=power), 1000)
    counts = [found.count(grown(box, ZOOM.margin)) for box in (LARGE, SMALL, SPECK)]
    weights = np.array([1040.0, 100.0, 1.0]) ** power
    assert np.allclose(np.array(counts) / 1000, weights / weights.sum(), atol=0.05)


def test_displacement_stays_within_its_bounds(choose: Choose) -> None:
    least, most = grown(SMALL, 0.1), grown(SMALL, 0.3)
    boxes = set(shown(choose(jitter=0.1), 200, index=1))
    assert len(boxes) > 10
    assert all(holds(most, box) and holds(box, least) for box in boxes)


def test_box_of_most_of_the_image_is_the_whole_image(choose: Choose) -> None:
    close = dataclasses.replace(ZOOM, whole=0.2)
    found = set(shown(choose(jitter=0.0, zoom=close), 200))
    assert found == {WHOLE, grown(SMALL, ZOOM.margin), grown(SPECK, ZOOM.margin)}


def test_picture_without_people_is_shown_whole(choose: Choose) -> None:
    assert set(shown(choose("animal"), 20, index=2)) == {WHOLE}


def test_people_are_neither_background_nor_ignored() -> None:
    labels = np.array([[0, TRUNK, TAIL, IGNORE]], np.uint8)
    assert people(labels).tolist() == [[False, True, True, False]]
