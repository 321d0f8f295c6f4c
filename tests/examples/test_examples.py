"""Every script of examples/ runs, with a toy cascade in place of the released one, and is short."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bodycascade.cascade import CascadeSegmenter
from bodycascade.hierarchy import PASCAL_PART
from tests.imports import ROOT
from tests.painted import save_painted
from tests.single_thread import single_thread
from tests.toy_experts import cascade, colour_readers, tiny_experts
from tests.video.rendered import figure

__all__ = ["single_thread"]

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a saved toy cascade."""
    folder = tmp_path_factory.mktemp("examples") / "cascade"
    cascade(tiny_experts(PASCAL_PART)).save(folder)
    return folder


def run(name: str, *words: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.name)
def test_it_is_short_and_says_how_to_call_it(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 45
    assert f"python examples/{script.name}" in text.splitlines()[0]


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.name)
def test_without_words_it_says_how_to_call_it(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=f"python examples/{script.name}"):
        run(script.name, monkeypatch=monkeypatch)


def test_cut_out_person(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_painted(tmp_path / "a.png", height=60, width=80)
    run("cut_out_person.py", tmp_path / "a.png", tmp_path / "out.png", bundle, monkeypatch=monkeypatch)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.mode == "RGBA"
        assert picture.getbbox() == (0, 0, *picture.size)


def test_count_parts(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        save_painted(tmp_path / "in" / f"{seed}.png", seed=seed)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"")
    run("count_parts.py", tmp_path / "in", bundle, monkeypatch=monkeypatch)
    said = capsys.readouterr()
    rows = [line.split() for line in said.out.splitlines()]
    assert [row[0] for row in rows] == list(PASCAL_PART.levels[2])
    assert all(row[2:] == ["of", "3"] and 0 <= int(row[1]) <= 3 for row in rows)
    assert "bad.jpg: the file is empty" in said.err


def test_blur_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A checkered wall, which a blur turns gray, behind somebody who stays as he is.
    wall = (np.indices((120, 160)).sum(axis=0) % 2 * 60).astype(np.uint8)[..., None].repeat(3, axis=2)
    person = figure((120, 160), left=60, top=40)
    picture = np.where(person.any(axis=2, keepdims=True), person, wall)
    Image.fromarray(picture).save(tmp_path / "a.png")
    readers = cascade(colour_readers(PASCAL_PART, root_side=160))
    monkeypatch.setattr(CascadeSegmenter, "load", lambda *_: readers)
    run("blur_background.py", tmp_path / "a.png", tmp_path / "out.png", monkeypatch=monkeypatch)
    blurred = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    assert blurred.shape == picture.shape
    assert blurred[:30].std() < 6 < picture[:30].std()
    assert np.abs(blurred[51:57, 65:67] - picture[51:57, 65:67]).max() < 12  # the middle of the torso


def test_show_levels(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_painted(tmp_path / "wide.png", height=40, width=80)
    save_painted(tmp_path / "high.png", height=80, width=40)
    images = (tmp_path / "wide.png", tmp_path / "high.png")
    run("show_levels.py", bundle, tmp_path / "out.png", *images, monkeypatch=monkeypatch)
    drawn = np.asarray(Image.open(tmp_path / "out.png"))
    assert drawn.shape == (200 + 8 + 200, 4 * 400, 3)  # two rows of four views with a gap, as wide as the wider one
    assert (drawn[200:208] == 255).all()
    assert (drawn[208:, 4 * 100 :] == 255).all()
    assert (drawn[208:, : 4 * 100] != 255).any(axis=(0, 2)).all()


def test_own_class_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("own_class_tree.py", tmp_path, monkeypatch=monkeypatch)
    assert "evaluate: mIoU0 " in capsys.readouterr().out
    found = CascadeSegmenter.load(tmp_path / "results/models/own/cascade")
    assert [leaf.name for leaf in found.tree.leaves] == ["background", "head", "rest"]
    pictures = sorted((tmp_path / "data/JPEGImages").iterdir())
    truths = [np.load(tmp_path / f"data/gt_masks/{picture.stem}.npy") for picture in pictures]
    assert {label for truth in truths for label in np.unique(truth).tolist()} == {0, 1, 2}
    assert found.score(zip(pictures, truths, strict=True))["mIoU0"] > 0.4  # all is body scores .2, nothing 0


def test_nobody_to_cut_out_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experts = tiny_experts(PASCAL_PART)
    with torch.no_grad():
        experts[0].unet.head.weight.zero_()
        experts[0].unet.head.bias.copy_(torch.tensor([9.0, -9.0]))
    cascade(experts).save(tmp_path / "nobody")
    save_painted(tmp_path / "a.png")
    with pytest.raises(SystemExit, match="nobody was found"):
        run("cut_out_person.py", tmp_path / "a.png", tmp_path / "out.png", tmp_path / "nobody", monkeypatch=monkeypatch)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut_out_person.py", ["{}", "out.png"]),
        ("blur_background.py", ["{}", "out.png"]),
        ("show_levels.py", ["released", "out.png", "{}"]),
        ("count_parts.py", ["{}"]),
    ],
)
def test_a_picture_that_is_not_there_is_one_line(
    name: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = str(tmp_path / "none.jpg")
    with pytest.raises(SystemExit, match=f"^{missing}: no such file"):
        run(name, *(word.format(missing) for word in words), monkeypatch=monkeypatch)
