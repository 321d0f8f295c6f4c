from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import matplotlib
import pytest

from bodycascade.hierarchy import PASCAL_PART
from bodycascade.visualize.charts import (
    confusion_chart,
    group_chart,
    iou_chart,
    ladder_chart,
    loss_chart,
)
from tests.evaluate.project import ANIMAL

HISTORY = {
    "epoch": [1.0, 2.0, 3.0],
    "loss": [1.0, 0.7, 0.5],
    "selection_loss": [1.1, 0.9, 0.8],
    "selection_mIoU": [0.2, 0.3, 0.4],
    "iou_low_leg": [float("nan"), 0.2, 0.3],
    "iou_up_leg": [0.2, 0.4, 0.5],
}


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_chart_takes_fonts_and_colours_of_the_page() -> None:
    chart = loss_chart(PASCAL_PART.expert("lower_body"), HISTORY, best_epoch=2)
    assert "var(--sans)" in chart.svg
    assert "var(--muted)" in chart.svg
    assert "DejaVu" not in chart.svg
    assert "http" not in chart.svg
    assert "<style" not in chart.svg
    assert not re.search(r"#0a0[bc]", chart.svg)


def test_nothing_white_or_black_is_left_that_one_of_the_modes_would_swallow() -> None:
    chart = iou_chart(PASCAL_PART.expert("lower_body"), HISTORY, PASCAL_PART, best_epoch=2)
    assert "#ffffff" not in chart.svg
    assert "#000000" not in chart.svg


def test_children_are_drawn_in_the_colours_of_the_tree() -> None:
    chart = iou_chart(PASCAL_PART.expert("lower_body"), HISTORY, PASCAL_PART, best_epoch=2)
    assert [(key.name, key.colour) for key in chart.keys[:2]] == [("low_leg", "#8338ec"), ("up_leg", "#3a86ff")]
    assert "#8338ec" in chart.svg


def test_the_numbers_beside_the_axes_are_not_rounded() -> None:
    close = HISTORY | {"loss": [0.1, 0.095, 0.09], "selection_loss": [0.095, 0.09, 0.08]}
    shown = texts(loss_chart(PASCAL_PART.expert("lower_body"), close, best_epoch=2).svg)
    marks = [text for text in shown if re.fullmatch(r"\d\.\d+", text)]
    assert len(marks) == len(set(marks)) > 1
    assert any(len(mark) > 4 for mark in marks)


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    before = dict(matplotlib.rcParams)
    loss_chart(PASCAL_PART.expert("lower_body"), HISTORY, best_epoch=2)
    assert dict(matplotlib.rcParams) == before


def test_a_confusion_chart_shows_rows_in_percent() -> None:
    chart = confusion_chart(["background", "body"], [[990, 10], [1, 399]], title="Level 0")
    assert [text for text in texts(chart.svg) if text not in ("background", "body")] == ["99", "1", "·", "100"]


def test_a_class_without_a_pixel_has_an_empty_row() -> None:
    chart = confusion_chart(["background", "body"], [[5, 5], [0, 0]], title="Level 0")
    assert [text for text in texts(chart.svg) if text not in ("background", "body")] == ["50", "50"]


def test_a_group_without_images_keeps_its_place() -> None:
    groups: dict[str, dict[str, Any]] = {
        "colour": {"images": 1, "mIoU0": 0.5, "mIoU1": 0.4, "mIoU2": 0.999},
        "grayscale": {"images": 0},
        "nobody": {"images": 2},
    }
    shown = texts(group_chart("kinds", groups, PASCAL_PART).svg)
    assert {"colour", "1 image", "grayscale", "0 images", "nobody", "2 images", ".50", ".40", "1"} <= set(shown)


@pytest.mark.parametrize("values", [(0.4, 0.6, 0.7, 1.0), (0.4, 0.39, 0.7, 1.0), (0.0, 0.0, 0.0, 1.0)])
def test_the_ladder_labels_each_step_with_its_sign(values: tuple[float, ...]) -> None:
    names = ("none", "scene", "scene+animal", "scene+animal+legs")
    chart = ladder_chart({name: {"mIoU2": value} for name, value in zip(names, values, strict=True)}, ANIMAL)
    shown = texts(chart.svg)
    steps = [after - before for before, after in pairwise(values)]
    for step in steps:
        sign = "\N{MINUS SIGN}" if step < 0 else "+"
        assert any(text.startswith(sign) for text in shown)
    assert {"as it is", "scene", "animal", "legs"} <= set(shown)
