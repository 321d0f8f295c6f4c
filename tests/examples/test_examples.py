"""Every script of examples/ runs, with a toy cascade in place of the released one, and is short."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from bodycascade.hierarchy import PASCAL_PART
from tests.imports import ROOT
from tests.painted import save_painted
from tests.toy_experts import cascade, tiny_experts

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
    assert len(text.splitlines()) < 40
    assert f"python examples/{script.name}" in text.splitlines()[0]


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
    assert all(row[2:] == ["of", "4"] and 0 <= int(row[1]) <= 3 for row in rows)
    assert "bad.jpg: the file is empty" in said.err


def test_nobody_to_cut_out_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experts = tiny_experts(PASCAL_PART)
    with torch.no_grad():
        experts[0].unet.head.weight.zero_()
        experts[0].unet.head.bias.copy_(torch.tensor([9.0, -9.0]))
    cascade(experts).save(tmp_path / "nobody")
    save_painted(tmp_path / "a.png")
    with pytest.raises(SystemExit, match="nobody was found"):
        run("cut_out_person.py", tmp_path / "a.png", tmp_path / "out.png", tmp_path / "nobody", monkeypatch=monkeypatch)
