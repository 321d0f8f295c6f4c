"""`prepare` as a person calls it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.data.layout import Layout
from tests.commands.conftest import Call
from tests.originals.test_mattes import portraits
from tests.originals.test_pascal_part import annotate, rows, thing


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, Path]:
    """(annotations, pictures) of four images with a person."""
    (tmp_path / "JPEGImages").mkdir()
    for name in ("a", "b", "c", "d"):
        annotate(tmp_path / "Annotations_Part" / f"{name}.mat", thing("person", rows(0, 9), {"head": rows(0, 3)}))
        Image.new("RGB", (10, 12)).save(tmp_path / "JPEGImages" / f"{name}.jpg")
    return tmp_path / "Annotations_Part", tmp_path / "JPEGImages"


def test_pascal_part_with_lists(tmp_path: Path, release: tuple[Path, Path], call: Call) -> None:
    (tmp_path / "train.txt").write_text("a\nb\n")
    (tmp_path / "val.txt").write_text("c  1\n")
    lists = ("--train-ids", tmp_path / "train.txt", "--val-ids", tmp_path / "val.txt")
    code, said, errors = call("prepare", "pascal-part", *release, "-o", tmp_path / "out", *lists)
    assert code == 0, errors
    assert "2 images to train on, 1 to validate on" in said
    layout = Layout.open(tmp_path / "out")
    assert layout.read_ids("train_id.txt") == ("a", "b")
    assert set(layout.read_labels("c").flat) == {0, 4}


def test_a_bad_file_is_listed_or_left_out(tmp_path: Path, release: tuple[Path, Path], call: Call) -> None:
    (release[0] / "b.mat").write_bytes(b"")
    code, _, errors = call("prepare", "pascal-part", *release, "-o", tmp_path / "out")
    assert (code, (tmp_path / "out").exists()) == (1, False)
    assert "1 of 4 images are bad" in errors
    code, _, errors = call("prepare", "pascal-part", *release, "-o", tmp_path / "out", "--skip-bad")
    assert code == 0, errors
    assert "left out: " in errors


def test_one_list_alone_is_refused(tmp_path: Path, release: tuple[Path, Path], call: Call) -> None:
    (tmp_path / "train.txt").write_text("a\n")
    code, _, errors = call(
        "prepare", "pascal-part", *release, "-o", tmp_path / "out", "--train-ids", tmp_path / "train.txt"
    )
    assert code == 1
    assert "give both --train-ids and --val-ids" in errors


def test_person_part(tmp_path: Path, call: Call) -> None:
    for folder in ("masks", "pictures"):
        (tmp_path / folder).mkdir()
    for name in ("x", "y"):
        Image.fromarray(np.array([[0, 1, 6]], np.uint8)).save(tmp_path / "masks" / f"{name}.png")
        Image.new("RGB", (3, 1)).save(tmp_path / "pictures" / f"{name}.jpg")
    code, _, errors = call(
        "prepare", "person-part", tmp_path / "masks", tmp_path / "pictures", "-o", tmp_path / "out", "--link"
    )
    assert code == 0, errors
    assert Layout.open(tmp_path / "out").read_labels("x").tolist() == [[0, 4, 3]]


def test_mattes_say_whom_they_are_for(tmp_path: Path, call: Call) -> None:
    code, _, errors = call("prepare", "mattes", *portraits(tmp_path), "-o", tmp_path / "out", "--val-fraction", 0.4)
    assert code == 0, errors
    assert "train the expert `person` alone" in errors


def test_a_folder_without_annotations_is_refused(tmp_path: Path, call: Call) -> None:
    for name in ("pascal-part", "person-part", "mattes"):
        code, _, errors = call("prepare", name, tmp_path, tmp_path, "-o", tmp_path / "out")
        assert code == 1
        assert "holds no ." in errors
