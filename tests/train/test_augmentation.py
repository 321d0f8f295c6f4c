"""Random views of training images."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from bodycascade.hierarchy import IGNORE
from bodycascade.params import Augment
from bodycascade.train.augmentation import Augmenter
from tests.toy_experts import random_image
from tests.train.animals import UInt8, animal_params, draw_animal

IMAGE, LABELS = draw_animal(1, height=60, width=48)
PARENT = np.where(LABELS > 0, 200, 30).astype(np.uint8)


def augment(**changes: Any) -> Augment:
    everything = dataclasses.replace(
        animal_params().train["animal"].augment,
        flip=0.5,
        scale_min=0.5,
        scale_max=1.5,
        rotate=1.0,
        rotate_degrees=20,
        colour=1.0,
        grayscale=0.2,
        blur=0.5,
    )
    return dataclasses.replace(everything, **changes)


def make(outside: tuple[int, ...] | None = (), *, crop: int = 32, side: int = 48, **changes: Any) -> Augmenter:
    return Augmenter(augment(**changes), input_side=side, crop_side=crop, outside=outside)


def still(**changes: Any) -> dict[str, Any]:
    """Changes that leave the picture as it is, but for `changes`."""
    nothing = {"flip": 0.0, "scale_min": 1.0, "scale_max": 1.0, "rotate": 0.0, "colour": 0.0, "grayscale": 0.0}
    return nothing | {"blur": 0.0} | changes


def views(augmenter: Augmenter, seeds: list[int]) -> list[bytes]:
    """All three arrays of each seed's view, as bytes."""
    made = [augmenter(IMAGE, LABELS, PARENT, seed=seed) for seed in seeds]
    return [b"".join(part.tobytes() for part in view if part is not None) for view in made]


def test_view_depends_on_its_seed_only() -> None:
    seeds = list(range(24))
    expected = views(make(), seeds)
    assert len(set(expected)) == len(seeds)
    assert views(make(), seeds[::-1])[::-1] == expected
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda seed: views(make(), [seed])[0], seeds))
    assert threaded == expected


def test_view_is_a_square_crop_of_all_three_arrays() -> None:
    for seed in range(10):
        image, labels, parent = make(crop=24)(IMAGE, LABELS, PARENT, seed=seed)
        assert (image.shape, image.dtype) == ((24, 24, 3), np.uint8)
        assert parent is not None
        assert labels.shape == parent.shape == (24, 24)
        assert labels.dtype == parent.dtype == np.uint8
    assert make()(IMAGE, LABELS, None, seed=0)[2] is None


def test_labels_stay_those_of_the_input() -> None:
    seen: set[int] = set()
    for seed in range(40):
        _, labels, parent = make()(IMAGE, LABELS, PARENT, seed=seed)
        assert parent is not None
        seen |= set(np.unique(labels).tolist())
        assert set(np.unique(parent).tolist()) <= {30, 200, IGNORE}
        assert ((parent == IGNORE) == (labels == IGNORE)).all()
    assert seen == {*np.unique(LABELS).tolist(), IGNORE}


def test_labels_and_image_move_together() -> None:
    flat = np.repeat((LABELS * 30)[..., None], 3, axis=2)
    for seed in range(20):
        image, labels, _ = make(**still(flip=0.5, scale_min=1.0, scale_max=1.0), side=60)(flat, LABELS, None, seed=seed)
        inside = labels != IGNORE
        assert (image[..., 0][inside] == labels[inside] * 30).all()


@pytest.mark.parametrize("side", [24, 37, 52, 60, 89, 120])
def test_labels_lie_where_the_picture_shows_them_at_any_size(side: int) -> None:
    rows, columns = np.mgrid[:60, :60]
    disc = ((rows - 27.5) ** 2 + (columns - 31.5) ** 2 < 18**2).astype(np.uint8)
    view = make(crop=side, side=side, **still())
    image, labels, parent = view(np.repeat(255 * disc[..., None], 3, axis=2), disc, 255 * disc, seed=0)
    assert parent is not None
    expected = centre(image[..., 0].astype(float))
    for found in (labels, parent):
        assert centre((found > 0).astype(float)) == pytest.approx(expected, abs=0.1)


def centre(weights: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """(row, column) of the centre of mass."""
    rows, columns = np.indices(weights.shape)
    return float((rows * weights).sum() / weights.sum()), float((columns * weights).sum() / weights.sum())


def test_arguments_are_left_as_they_are() -> None:
    arrays = [array.copy() for array in (IMAGE, LABELS, PARENT)]
    for array in arrays:
        array.flags.writeable = False
    for seed in range(10):
        make()(*arrays, seed=seed)
    for array, before in zip(arrays, (IMAGE, LABELS, PARENT), strict=True):
        assert (array == before).all()


def test_pictures_are_mirrored_left_to_right_but_never_upside_down() -> None:
    size = 32
    image = random_image(size, size, seed=4)
    labels = np.ones((size, size), np.uint8)
    ways = {"as it is": image, "mirrored": image[:, ::-1]}
    found = set()
    for seed in range(30):
        view, _, _ = make(crop=size, side=size, **still(flip=0.5))(image, labels, None, seed=seed)
        found |= {name for name, way in ways.items() if (view == way).all()}
        assert any((view == way).all() for way in ways.values())
    assert found == set(ways)


def test_people_are_turned_by_the_degrees_asked_for_at_most() -> None:
    labels = np.ones((64, 64), np.uint8)
    labels[30:34] = 2  # a level bar
    image, angles = np.zeros((64, 64, 3), np.uint8), []
    for seed in range(40):
        turned = still(rotate=1.0, rotate_degrees=10)
        _, view, _ = make(crop=64, side=64, **turned)(image, labels, None, seed=seed)
        rows, columns = np.nonzero(view == 2)
        angles.append(float(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0]))))
    assert max(map(abs, angles)) < 11
    assert min(angles) < -5
    assert max(angles) > 5


@pytest.mark.parametrize("change", ["colour", "grayscale", "blur"])
def test_colours_change_where_asked_and_labels_do_not(change: str) -> None:
    image = random_image(32, 32, seed=4)
    labels = np.arange(32 * 32, dtype=np.uint8).reshape(32, 32) % 7
    for seed in range(5):
        shown, view, _ = make(crop=32, side=32, **still(**{change: 1.0}))(image, labels, None, seed=seed)
        assert not (shown == image).all()
        assert (view == labels).all()
        assert ((shown == shown[..., :1]).all()) == (change == "grayscale")


def corner_label() -> UInt8:
    """Label 1 nearly everywhere, label 2 in a far corner."""
    labels = np.ones((60, 48), np.uint8)
    labels[-4:, -4:] = 2
    return labels


@pytest.mark.parametrize("seed", range(12))
def test_crop_holds_some_of_the_labels_that_it_is_asked_for(seed: int) -> None:
    changes = still(scale_min=0.8, scale_max=1.4)
    _, labels, _ = make((0, 1), crop=16, side=60, **changes)(IMAGE, corner_label(), None, seed=seed)
    assert (labels == 2).any()


def test_image_that_is_smaller_than_the_crop_is_padded_with_ignored_pixels() -> None:
    _, labels, _ = make(crop=64, side=32, **still())(IMAGE, LABELS, None, seed=5)
    assert (labels != IGNORE).sum() == pytest.approx(32 * 32 * 48 / 60, rel=0.05)


@pytest.mark.parametrize("steps", [1, 3])
def test_picture_comes_at_as_many_sizes_as_there_are_scale_steps(steps: int) -> None:
    view = make(crop=64, side=32, **still(scale_min=0.5, scale_max=1.5, scale_steps=steps))
    sizes = {int((view(IMAGE, LABELS, None, seed=seed)[1] != IGNORE).sum()) for seed in range(24)}
    assert len(sizes) == steps


def test_crop_that_may_lie_anywhere_shows_the_node_or_not() -> None:
    labels = np.zeros_like(LABELS)
    labels[:6, :6] = 1
    seeds = range(40)
    on_node = make((0,), **still(), crop=16)
    anywhere = make(None, **still(), crop=16)
    shown = {
        name: [bool((view(IMAGE, labels, None, seed=seed)[1] == 1).any()) for seed in seeds]
        for name, view in (("on_node", on_node), ("anywhere", anywhere))
    }
    assert all(shown["on_node"])
    assert 0 < sum(shown["anywhere"]) < 20
