"""`video` and `camera` as a person calls them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from bodycascade.cascade import CascadeSegmenter
from bodycascade.commands import camera, video
from bodycascade.hierarchy import PASCAL_PART
from tests.toy_experts import cascade, colour_readers
from tests.video.rendered import read, render, walk


@pytest.fixture(autouse=True)
def toy_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    """The released cascade is one that reads colours."""
    monkeypatch.setattr(CascadeSegmenter, "load", lambda *_, **__: cascade(colour_readers(PASCAL_PART)))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return render(tmp_path / "clip.mp4", walk(6), audio=(440,))


def call(command: object, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])  # type: ignore[arg-type]


@pytest.mark.parametrize("style", video.STYLES)
def test_each_style_makes_a_video(tmp_path: Path, clip: Path, style: str) -> None:
    result = call(video.command, clip, "-o", tmp_path / "out.mp4", "--style", style, "--background", "green")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"{tmp_path / 'out.mp4'}: 6 frames"
    assert len(read(tmp_path / "out.mp4")[0]) == 6


def test_a_picture_becomes_the_background(tmp_path: Path, clip: Path) -> None:
    Image.new("RGB", (30, 20), (0, 200, 0)).save(tmp_path / "beach.png")
    arguments = (clip, "-o", tmp_path / "out.mp4", "--style", "replace", "--background", tmp_path / "beach.png")
    assert call(video.command, *arguments, "--smooth", "0.2", "--batch", 1).exit_code == 0
    corner = read(tmp_path / "out.mp4")[0][2][0, 0].astype(int)
    assert np.abs(corner - (0, 200, 0)).max() < 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--style", "replace"), "a new background needs a picture or a colour"),
        (("--style", "blur", "--node", "tail"), "no class is called 'tail'"),
        (("--level", "7"), "there is no level 7"),
        (("--style", "replace", "--background", "nowhere.png"), "neither a file that is there nor a colour"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, clip: Path, arguments: tuple[str, ...], words: str) -> None:
    result = call(video.command, clip, "-o", tmp_path / "out.mp4", *arguments)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert words in result.output
    assert not (tmp_path / "out.mp4").exists()


def test_an_output_that_is_there_is_kept_unless_told(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "out.mp4").write_text("precious")
    result = call(video.command, clip, "-o", tmp_path / "out.mp4")
    assert (result.exit_code, "exists already" in result.output) == (1, True)
    assert (tmp_path / "out.mp4").read_text() == "precious"
    assert call(video.command, clip, "-o", tmp_path / "out.mp4", "--overwrite").exit_code == 0


def test_a_level_that_is_no_level_is_explained(tmp_path: Path, clip: Path) -> None:
    result = call(video.command, clip, "-o", tmp_path / "out.mp4", "--level", "legs")
    assert result.exit_code == 2
    assert "expected 0, 1, 2, body, halves or parts" in result.output


def test_a_cut_video_is_noted(tmp_path: Path) -> None:
    source = render(tmp_path / "cut.mkv", walk(48))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    result = call(video.command, source, "-o", tmp_path / "out.mp4")
    assert result.exit_code == 0
    assert "cut short" in result.output


def test_the_camera_records_a_played_video(tmp_path: Path, clip: Path) -> None:
    result = call(camera.command, "--source", clip, "-o", tmp_path / "live.mp4", "--blur")
    assert result.exit_code == 0, result.output
    shown = int(result.output.split()[0])
    assert 1 <= shown == len(read(tmp_path / "live.mp4")[0]) <= 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--source", "97", "-o", "live.mp4"), "/dev/video97: no such camera"),
        (("--source", "clip.mp4"), "there is no screen here"),
    ],
)
def test_no_camera_and_no_screen_are_said_in_words(
    clip: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(clip.parent)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    result = call(camera.command, *arguments)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert words in result.output


@pytest.mark.parametrize("command", [video.command, camera.command])
def test_help_reads_well(command: object) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert "--style" in result.output
