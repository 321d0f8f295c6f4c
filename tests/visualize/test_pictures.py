from __future__ import annotations

import numpy as np

from bodycascade.hierarchy import PASCAL_PART
from bodycascade.visualize.mistakes import (
    COLOURS,
    FALSE,
    MISSED,
    RIGHT,
    RIGHT_BACKGROUND,
    WRONG_PART,
    error_map,
    kinds_of_mistake,
)
from bodycascade.visualize.panels import PanelRow, make_panel, strip
from bodycascade.visualize.picks import pick
from bodycascade.visualize.pictures import pictures
from tests.evaluate.project import ANIMAL

ROW = PanelRow(id="one", kind="colour", body_share=0.5, scores={"mIoU0": 1.0, "mIoU1": 1.0, "mIoU2": 1.0})


def test_each_pixel_of_an_error_map_has_its_kind() -> None:
    truth = np.array([[0, 0, 4, 4, 4]], np.uint8)
    predicted = np.array([[0, 2, 4, 2, 0]], np.uint8)
    assert error_map(truth, predicted).tolist() == [[RIGHT_BACKGROUND, FALSE, RIGHT, WRONG_PART, MISSED]]


def test_the_legend_speaks_the_words_of_the_tree() -> None:
    assert [kind.name for kind in kinds_of_mistake(PASCAL_PART)][:2] == ["false body", "missed body"]
    assert [kind.name for kind in kinds_of_mistake(ANIMAL)][:2] == ["false animal", "missed animal"]


def test_a_caption_speaks_the_words_of_the_tree() -> None:
    image, labels = np.full((20, 20, 3), 90, np.uint8), np.ones((20, 20), np.uint8)
    for tree, words in ((PASCAL_PART, "body 50"), (ANIMAL, "animal 50")):
        panel = make_panel(image, labels, labels, row=ROW, tree=tree, side=20)
        shown = pictures({"best": [panel]}, tree)
        assert f"<span>{words}" in shown


def test_no_error_colour_is_close_to_a_part_of_pascal() -> None:
    palette = PASCAL_PART.palette[1:].astype(int)
    for kind in (FALSE, MISSED):
        assert np.abs(palette - np.array(COLOURS[kind])).sum(axis=1).min() > 80


def test_a_panel_is_small_leaves_its_arrays_alone_and_shows_errors_where_they_are() -> None:
    image = np.full((120, 200, 3), 90, np.uint8)
    truth, predicted = np.zeros((120, 200), np.uint8), np.zeros((120, 200), np.uint8)
    truth[:60] = 4
    predicted[:60, :100] = 4
    predicted[60:, 100:] = 2
    copies = image.copy(), truth.copy(), predicted.copy()
    panel = make_panel(image, truth, predicted, row=ROW, tree=PASCAL_PART, side=50)
    assert all((now == then).all() for now, then in zip((image, truth, predicted), copies, strict=True))
    assert {view.shape for _, view in panel.views} == {(30, 50, 3)}
    assert panel.wrong == 0.5
    missed, false = panel.errors[7, 38].astype(int), panel.errors[22, 38].astype(int)
    assert np.abs(missed - COLOURS[MISSED]).max() < 40
    assert np.abs(false - COLOURS[FALSE]).max() < 40
    assert (panel.image[7, 12] == 90).all()
    assert strip(panel).shape == (30, 4 * 50 + 3 * 4, 3)


def test_extreme_shapes_make_a_panel() -> None:
    for shape in ((1, 1), (1, 400), (400, 1)):
        labels = np.ones(shape, np.uint8)
        panel = make_panel(np.zeros((*shape, 3), np.uint8), labels, labels, row=ROW, tree=PASCAL_PART, side=32)
        assert max(panel.errors.shape[:2]) <= 32


SCORES = {"a": 0.5, "b": 0.9, "c": None, "d": 0.1, "e": 0.5, "f": 0.7, "g": 0.3}


def test_best_and_worst_are_by_score_and_no_image_is_shown_twice() -> None:
    picks = pick(SCORES, count=2, seed=0)
    assert picks["best"] == ("b", "f")
    assert picks["worst"] == ("d", "g")
    assert set(picks["random"]) <= {"a", "c", "e"}
    assert picks == pick(dict(reversed(SCORES.items())), count=2, seed=0)


def test_few_images_are_shared_out_and_none_is_worst_that_is_best() -> None:
    assert pick({"a": 0.2, "b": 0.4, "c": 0.3}, count=6, seed=0) == {"best": ("b", "c"), "worst": ("a",), "random": ()}
    assert pick({"a": None}, count=6, seed=0) == {"best": (), "worst": (), "random": ("a",)}
    assert pick(SCORES, count=0, seed=0) == {"best": (), "worst": (), "random": ()}
