"""The page of what goes wrong: how a failure is told, and what is shown."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.failures import SIDE, failure, page, parse, run
from bodycascade.data.examples import Example
from bodycascade.data.layout import Layout
from bodycascade.hierarchy import PASCAL_PART

TORSO, HEAD, LEG = 2, 4, 3


def labels(*columns: int) -> np.ndarray:
    """(10, 10) uint8 labels, one for each column given, from the left; the rest is background."""
    found = np.zeros((10, 10), np.uint8)
    for column, label in enumerate(columns):
        found[:, column] = label
    return found


def example(truth: np.ndarray, *, name: str = "one", kind: str = "colour") -> Example:
    return Example(name, np.zeros((*truth.shape, 3), np.uint8), truth, kind)


PERSON = labels(TORSO, TORSO, TORSO, LEG)
DOT = np.zeros((10, 10), np.uint8)
DOT[0, 0] = HEAD


@pytest.mark.parametrize(
    ("truth", "said", "kind"),
    [
        (PERSON, labels(), "missed people"),
        (PERSON, labels(*[TORSO] * 10), "things taken for people"),
        (PERSON, labels(LEG, LEG, LEG, LEG), "upper and lower swapped"),
        (PERSON, labels(HEAD, HEAD, TORSO, LEG), "parts confused"),
        (DOT, labels(), "tiny people"),
        (DOT, labels(*[TORSO] * 10), "tiny people"),
        (labels(), labels(TORSO), "things taken for people"),
    ],
)
def test_an_image_counts_under_what_most_of_its_wrong_pixels_are(
    truth: np.ndarray, said: np.ndarray, kind: str
) -> None:
    assert failure(example(truth), said, PASCAL_PART).kind == kind


@pytest.mark.parametrize("kind", ["gray", "near_gray"])
def test_an_image_without_colour_counts_as_such_but_for_tiny_people(kind: str) -> None:
    assert failure(example(PERSON, kind=kind), labels(), PASCAL_PART).kind == "grayscale"
    assert failure(example(DOT, kind=kind), labels(), PASCAL_PART).kind == "tiny people"


def test_wrong_pixels_are_shares_of_all_that_are() -> None:
    # Columns: right, missed, confused, swapped (a leg taken for a torso), and three of people where nobody is.
    found = failure(example(PERSON), labels(TORSO, 0, HEAD, TORSO, HEAD, HEAD, HEAD), PASCAL_PART)
    assert found.wrong == pytest.approx({"missed": 1 / 6, "false": 3 / 6, "swapped": 1 / 6, "confused": 1 / 6})
    assert found.kind == "things taken for people"
    # Of the parts that occur: torso 1 of 4 columns; leg 0 of 1; head 0 of 4.
    assert found.score == pytest.approx(0.25 / 3)


def test_a_perfect_prediction_has_nothing_wrong() -> None:
    found = failure(example(PERSON), PERSON, PASCAL_PART)
    assert found.score == 1
    assert set(found.wrong.values()) == {0}


def test_views_are_picture_truth_and_prediction_and_small() -> None:
    truth = np.zeros((400, 800), np.uint8)
    truth[:, :400] = HEAD
    picture, true, said = failure(example(truth), np.zeros_like(truth), PASCAL_PART).views
    assert picture.size == true.size == said.size == (SIDE, SIDE // 2)
    assert true.getpixel((20, 20)) != (0, 0, 0)
    assert true.getpixel((280, 20)) == picture.getpixel((20, 20)) == said.getpixel((20, 20)) == (0, 0, 0)


def test_page_lists_all_worst_first_and_the_most_frequent_kind_first() -> None:
    halved = labels(TORSO, TORSO, 0, LEG)
    failures = [
        failure(example(PERSON, name="swapped"), labels(LEG, LEG, LEG, LEG), PASCAL_PART),
        failure(example(PERSON, name="better"), halved, PASCAL_PART),
        failure(example(PERSON, name="<worst>"), labels(), PASCAL_PART),
    ]
    text = page(failures)
    assert re.findall(r"<h2>(.*?)</h2>", text) == ["missed people (2)", "upper and lower swapped (1)"]
    assert re.findall(r"<figcaption><b>(.*?)</b>", text) == ["&lt;worst&gt;", "better", "swapped"]
    assert "missed people 2, upper and lower swapped 1" in text
    assert "0.000; wrong pixels: missed 100%, false 0%, swapped 0%, confused 0%" in text
    assert "The 3 worst images" in text
    assert text.count('<img src="data:image/jpeg;base64,') == 9
    assert text.count("src=") == 9
    assert "http" not in text


def test_the_worst_of_a_list_are_kept(tmp_path: Path, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["background", "--data", str(people), "--device", "cpu"]
    run(parse([*words, "--out", str(tmp_path / "all")]))
    path = tmp_path / "all" / "failures.html"
    assert str(path) in capsys.readouterr().out
    text = path.read_text()
    assert sorted(re.findall(r"<b>(.*?)</b>", text)) == sorted(Layout.open(people).read_ids("val_id.txt"))
    run(parse([*words, "--out", str(tmp_path / "one"), "--count", "1"]))
    assert len(re.findall(r"<b>(.*?)</b>", (tmp_path / "one" / "failures.html").read_text())) == 1


def test_a_picture_with_nothing_wrong_is_no_failure(
    tmp_path: Path, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = Layout.open(people).read_ids("val_id.txt")[0]
    data = shutil.copytree(people, tmp_path / "data")
    path = data / "gt_masks" / f"{name}.npy"
    np.save(path, np.zeros_like(np.load(path)))  # nobody is there, and `background` finds nobody
    run(parse(["background", "--data", str(data), "--device", "cpu", "--out", str(tmp_path / "out")]))
    assert f"<b>{name}</b>" not in (tmp_path / "out" / "failures.html").read_text()
    assert "missed people" in capsys.readouterr().out
