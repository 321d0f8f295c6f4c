"""`bodycascade export onnx`, and `--backend onnx`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade import CascadeSegmenter
from tests.commands.conftest import Call
from tests.onnx_graphs.conftest import exported
from tests.picture_run.runs import labels_in
from tests.toy_experts import random_image
from tests.video.rendered import read, render, walk

__all__ = ["exported"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(random_image(40, 60)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_exported_graphs_give_the_labels_that_torch_gives(
    photo: Path, tmp_path: Path, bundle: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said, told = call("export", "onnx", "-o", tmp_path / "onnx", "--bundle", bundle, "--pictures", photo)
    assert (code, said) == (0, f"{tmp_path / 'onnx'}: written\n")
    assert told.count("agrees with torch") == 5
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    wanted = CascadeSegmenter.load(bundle, "cpu", precision="float32")(photo).parts
    runs = {
        "named": ("--backend", "onnx", "--onnx", tmp_path / "onnx"),
        "cached": ("--backend", "onnx", "--bundle", bundle),
    }
    for name, more in runs.items():
        assert call("segment", photo, "-o", tmp_path / name, *more)[0] == 0
        np.testing.assert_array_equal(labels_in(tmp_path / name / "a.png"), wanted)
    assert len(list((tmp_path / "cache" / "bodycascade").iterdir())) == 1


def test_every_command_with_a_cascade_takes_a_backend(tmp_path: Path, bundle: Path, exported: Path, call: Call) -> None:
    clip = render(tmp_path / "clip.mp4", walk(2))
    onnx = ("--backend", "onnx", "--onnx", exported)
    assert call("video", clip, "-o", tmp_path / "onnx.mp4", "--style", "classes", *onnx)[0] == 0
    assert len(read(tmp_path / "onnx.mp4")[0]) == 2
    assert "passed" in call("doctor", *onnx)[1]
    code, _, errors = call("camera", "--source", clip, "-o", tmp_path / "live.mp4", "--bundle", bundle, *onnx)
    assert (code, errors) == (1, "--bundle and --onnx both name a cascade; give one of them\n")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--onnx", "graphs"], "--onnx names graphs for onnxruntime; add --backend onnx"),
        (["--backend", "onnx", "--device", "cuda"], "--backend onnx runs on the CPU"),
        (["--backend", "onnx", "--onnx", "graphs", "--bundle", "other"], "--bundle and --onnx both name a cascade"),
        (["--backend", "onnx", "--onnx", "graphs"], "graphs/cascade.json: no such file"),
        (
            ["--backend", "onnx", "--bundle", "other"],
            "other: no such folder; a bundle is the folder that evaluating a cascade writes",
        ),
    ],
)
def test_wrong_combinations_are_one_line(
    words: list[str], wanted: str, photo: Path, tmp_path: Path, call: Call
) -> None:
    code, said, errors = call("segment", photo, "-o", tmp_path / "out", *words)
    assert (code, said) == (1, "")
    assert errors.startswith(wanted)
    assert errors.count("\n") == 1


def test_export_of_no_bundle_is_one_line(tmp_path: Path, call: Call) -> None:
    code, said, errors = call("export", "onnx", "-o", tmp_path / "onnx", "--bundle", tmp_path / "gone")
    assert (code, said, errors.count("\n")) == (1, "", 1)
    assert errors.startswith(f"{tmp_path / 'gone'}: no such folder")
    assert not (tmp_path / "onnx").exists()
