"""`video` and `camera` as a person calls them."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
import pytest
from PIL import Image

from bodycascade.cascade import CascadeSegmenter
from bodycascade.commands.repainting import STYLES
from bodycascade.hierarchy import PASCAL_PART, Tree, flat
from bodycascade.video import effects
from tests.commands.conftest import Call
from tests.toy_experts import FOUR_LEGS, THREE, cascade, colour_readers, tiny_experts
from tests.video.rendered import read, render, walk


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[CascadeSegmenter]:
    """The released cascade is one that reads colours; those that have been loaded, fast ones or not."""
    made: list[CascadeSegmenter] = []

    def load(*_: object, fast: bool = False) -> CascadeSegmenter:
        made.append(cascade(colour_readers(PASCAL_PART), fast=fast))
        return made[-1]

    monkeypatch.setattr(CascadeSegmenter, "load", load)
    return made


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return render(tmp_path / "clip.mp4", walk(6), audio=(440,))


@pytest.mark.parametrize("style", STYLES)
def test_each_style_makes_a_video(tmp_path: Path, clip: Path, style: str, call: Call) -> None:
    background = ("--background", "green") if style == "replace" else ()
    code, said, errors = call("video", clip, "-o", tmp_path / "out.mp4", "--style", style, *background)
    assert (code, said) == (0, f"{tmp_path / 'out.mp4'}: 6 frames\n")
    assert errors.startswith("clip.mp4: 6 of 6, took ")
    assert len(read(tmp_path / "out.mp4")[0]) == 6


def test_without_a_node_the_one_coarsest_class_of_any_tree_is_meant(
    tmp_path: Path, clip: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tree, code, words in (
        (FOUR_LEGS, 0, "6 of 6"),
        (flat(THREE), 1, "--style matte needs a class: --node a or b\n"),
    ):
        segmenter = cascade(tiny_experts(tree))
        segmenter.save(tmp_path / f"{code}")
        monkeypatch.setattr(CascadeSegmenter, "load", lambda *_, made=segmenter, **__: made)
        arguments = (clip, "-o", tmp_path / f"{code}.mp4", "--style", "matte", "--bundle", tmp_path / f"{code}")
        found, _, errors = call("video", *arguments)
        assert (found, words in errors) == (code, True)


def test_sound_is_carried_over_or_left_out(tmp_path: Path, clip: Path, call: Call) -> None:
    for words, tracks in (((), 1), (("--no-sound",), 0)):
        assert call("video", clip, "-o", tmp_path / f"{tracks}.mp4", *words)[0] == 0
        with av.open(str(tmp_path / f"{tracks}.mp4")) as made:
            assert len(made.streams.audio) == tracks


def test_a_picture_becomes_the_background(tmp_path: Path, clip: Path, call: Call) -> None:
    Image.new("RGB", (30, 20), (0, 200, 0)).save(tmp_path / "beach.png")
    arguments = (clip, "-o", tmp_path / "out.mp4", "--background", tmp_path / "beach.png")
    assert call("video", *arguments, "--smooth", "0.2", "--batch", 1)[0] == 0
    corner = read(tmp_path / "out.mp4")[0][2][0, 0].astype(int)
    assert np.abs(corner - (0, 200, 0)).max() < 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--style", "replace"), "a new background needs a picture or a colour"),
        (("--blur", "--style", "replace"), "--blur and --style replace are two styles; give one of them"),
        (("--blur", "--background", "green"), "--background is for --style replace, not for blur"),
        (("--style", "blur", "--node", "tail"), "no class is called 'tail'"),
        (("--level", "7"), "no level is called '7'; expected 0 to 2, or body, halves, parts"),
        (("--level", "legs"), "no level is called 'legs'; expected 0 to 2, or body, halves, parts"),
        (("--level", "1", "--style", "blur"), "--level is for --style overlay or classes, not for blur; leave it out"),
        (("--blur-strength", "5"), "--blur-strength is for --style blur, not for overlay; leave it out"),
        (("--node", "head"), "--node is for --style matte or blur or replace, not for overlay; leave it out"),
        (("--style", "classes", "--opacity", "0.5"), "--opacity is for --style overlay, not for classes; leave it out"),
        (("--style", "replace", "--background", "nowhere.png"), "neither a file that is there nor a colour"),
    ],
)
def test_what_cannot_be_done_is_one_line_before_any_network_is_loaded(
    *, tmp_path: Path, clip: Path, arguments: tuple[str, ...], words: str, call: Call, loaded: list[CascadeSegmenter]
) -> None:
    code, said, errors = call("video", clip, "-o", tmp_path / "out.mp4", *arguments)
    assert (code, said, errors.count("\n")) == (1, "", 1)
    assert words in errors
    assert not loaded
    assert not (tmp_path / "out.mp4").exists()


def test_a_full_disk_is_called_so(tmp_path: Path, clip: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device", "out.mp4")

    monkeypatch.setattr("bodycascade.video.conversion.convert", fail)
    code, said, errors = call("video", clip, "-o", tmp_path / "out.mp4")
    assert (code, said) == (1, "")
    assert errors.startswith("out.mp4: the disk is full (No space left on device); make room")


def test_an_output_that_is_there_is_kept_unless_told(tmp_path: Path, clip: Path, call: Call) -> None:
    (tmp_path / "out.mp4").write_text("precious")
    code, _, errors = call("video", clip, "-o", tmp_path / "out.mp4")
    assert (code, "exists already" in errors) == (1, True)
    assert (tmp_path / "out.mp4").read_text() == "precious"
    assert call("video", clip, "-o", tmp_path / "out.mp4", "--overwrite")[0] == 0


def test_fast_or_not(tmp_path: Path, clip: Path, call: Call, loaded: list[CascadeSegmenter]) -> None:
    assert call("video", clip, "-o", tmp_path / "usual.mp4")[0] == 0
    assert call("video", clip, "-o", tmp_path / "fast.mp4", "--fast")[0] == 0
    assert call("camera", "--source", clip, "-o", tmp_path / "live.mp4", "--fast")[0] == 0
    assert [segmenter.fast for segmenter in loaded] == [False, True, True]


@pytest.mark.parametrize("level", [("0", 0), ("halves", 1), ("parts", 2)])
def test_a_level_has_a_number_or_a_name(
    level: tuple[str, int], tmp_path: Path, clip: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    paint = effects.Overlay

    def overlay(tree: Tree, *, level: int, opacity: float | None, smooth_seconds: float) -> effects.Overlay:
        asked.append(level)
        return paint(tree, level=level, opacity=opacity, smooth_seconds=smooth_seconds)

    monkeypatch.setattr(effects, "Overlay", overlay)
    assert call("video", clip, "-o", tmp_path / "out.mp4", "--level", level[0])[0] == 0
    assert asked == [level[1]]


def test_a_cut_video_is_noted(tmp_path: Path, call: Call) -> None:
    source = render(tmp_path / "cut.mkv", walk(48))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    code, _, errors = call("video", source, "-o", tmp_path / "out.mp4")
    assert code == 0
    assert "cut short" in errors


def test_the_camera_records_a_played_video(tmp_path: Path, clip: Path, call: Call) -> None:
    code, said, errors = call("camera", "--source", clip, "-o", tmp_path / "live.mp4", "--blur")
    assert (code, errors) == (0, "")
    shown = int(said.split()[0])
    assert 1 <= shown == len(read(tmp_path / "live.mp4")[0]) <= 6


def test_the_camera_needs_something_to_show_to(clip: Path, call: Call) -> None:
    code, said, errors = call("camera", "--source", clip, "--no-window")
    assert (code, said) == (1, "")
    assert errors == "nothing to show to; leave out --no-window, or add -o or --loopback\n"


def test_the_camera_does_not_record_over_what_it_plays(clip: Path, call: Call) -> None:
    before = clip.read_bytes()
    code, said, errors = call("camera", "--source", clip, "-o", clip, "--overwrite")
    assert (code, said, errors) == (1, "", f"{clip}: is the video that is read; name another file for the output\n")
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--source", "97", "-o", "live.mp4"), "/dev/video97: no such camera"),
        (("--source", "clip.mp4"), "there is no screen here"),
    ],
)
def test_no_camera_and_no_screen_are_said_in_words(
    clip: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str, call: Call
) -> None:
    monkeypatch.chdir(clip.parent)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    code, said, errors = call("camera", *arguments)
    assert (code, said, errors.count("\n")) == (1, "", 1)
    assert words in errors


@pytest.mark.parametrize("name", ["video", "camera"])
def test_help_names_the_shared_options(name: str, call: Call) -> None:
    code, said, _ = call(name, "--help")
    assert code == 0
    assert "--style" in said
    assert "--blur-strength FLOAT" in said
