"""`bodycascade segment` from the command line to the files."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from bodycascade import CascadeSegmenter
from bodycascade.flip_averaging import FlipAveraged
from tests.commands.conftest import Call
from tests.picture_run.runs import files_below, labels_in
from tests.toy_experts import THREE, cascade, random_image, tiny_experts

SIZES = {"a.png": (40, 60), "b.png": (61, 30), "sub/c.png": (50, 50)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed, (name, size) in enumerate(SIZES.items()):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_image(*size, seed=seed)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def test_labels_are_those_of_the_segmenter(photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    code, said, _ = call("segment", photos, "-o", tmp_path / "out", "--bundle", bundle, "--device", "cpu")
    assert code == 0
    assert said.startswith(f"{tmp_path / 'out'}: 3 made; ")
    assert "the network busy" in said
    segmenter = CascadeSegmenter.load(bundle, "cpu")
    assert files_below(tmp_path / "out") == set(SIZES)
    for name in SIZES:
        np.testing.assert_array_equal(labels_in(tmp_path / "out" / name), segmenter(photos / name).parts)
    again = call("segment", photos, "-o", tmp_path / "out", "--bundle", bundle)
    assert again[1] == f"{tmp_path / 'out'}: 0 made, 3 there already\n"


@pytest.mark.parametrize("words", [("0", 0), ("body", 0), ("halves", 1), ("parts", 2)])
def test_levels_by_number_and_name(
    words: tuple[str, int], photos: Path, tmp_path: Path, bundle: Path, call: Call
) -> None:
    word, level = words
    call("segment", photos / "a.png", "-o", tmp_path / "out", "--bundle", bundle, "--level", word)
    wanted = CascadeSegmenter.load(bundle, "cpu")(photos / "a.png").level(level)
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "a.png"), wanted)


@pytest.mark.parametrize("level", ["0", "2"])
def test_mirrored_averaging(level: str, photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    call("segment", photos, "-o", tmp_path / "out", "--bundle", bundle, "--tta", "--level", level, "--device", "cpu")
    segmenter = CascadeSegmenter.load(bundle, "cpu")
    averaged = FlipAveraged.of(segmenter)
    for name in SIZES:
        np.testing.assert_array_equal(labels_in(tmp_path / "out" / name), averaged(photos / name).level(int(level)))


def test_fast_results_are_told_from_the_usual_ones(photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    arguments = ("segment", photos, "-o", tmp_path / "out", "--bundle", bundle, "--device", "cpu")
    assert "3 made" in call(*arguments)[1]
    assert "3 made" in call(*arguments, "--fast")[1]
    assert "3 there already" in call(*arguments, "--fast")[1]
    fast = CascadeSegmenter.load(bundle, "cpu", fast=True)
    for name in SIZES:
        np.testing.assert_array_equal(labels_in(tmp_path / "out" / name), fast(photos / name).parts)
    assert "3 there already" in call(*arguments, "--fast-share", "0.8")[1], "which is --fast"
    assert "3 made" in call(*arguments, "--fast-share", "0.5")[1]
    half = CascadeSegmenter.load(bundle, "cpu", fast=0.5)
    for name in SIZES:
        np.testing.assert_array_equal(labels_in(tmp_path / "out" / name), half(photos / name).parts)


def test_all_outputs(photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    pytest.importorskip("pycocotools")
    kinds = (
        "--labels",
        "--overlay",
        "--masks",
        "--cutout",
        "head",
        "--cutout",
        "body",
        "--probs",
        "--csv",
        "--coco",
        "rle",
    )
    assert call("segment", photos, "-o", tmp_path / "out", "--bundle", bundle, *kinds)[0] == 0
    found = files_below(tmp_path / "out")
    assert len(found) == 3 * (1 + 1 + 9 + 2 + 1) + 2
    data = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert all(isinstance(row["segmentation"]["counts"], str) for row in data["annotations"])


@pytest.mark.parametrize("level", [0, 1])
def test_probabilities_of_a_coarse_level(level: int, photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    out = tmp_path / "out"
    assert call("segment", photos / "a.png", "-o", out, "--bundle", bundle, "--probs", "--level", level)[0] == 0
    assert files_below(out) == {"a.probs.npz"}
    with np.load(out / "a.probs.npz") as data:
        assert data["probs"].shape == (level + 2, 40, 60)


def test_a_bad_picture_is_listed_and_the_exit_code_is_1(photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    (photos / "bad.jpg").write_bytes(b"no picture")
    code, said, errors = call("segment", photos, "-o", tmp_path / "out", "--bundle", bundle)
    assert code == 1
    assert f"3 made, 1 failed (listed in {tmp_path / 'out' / 'failures.csv'})" in said
    assert f"{photos / 'bad.jpg'}: not a picture in any format that Pillow reads\n" in errors


def test_one_picture_to_one_file(photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    words = ("segment", photos / "a.png", "-o", tmp_path / "head.png", "--cutout", "head", "--bundle", bundle)
    assert call(*words) == (0, "", "")
    with Image.open(tmp_path / "head.png") as picture:
        assert (picture.mode, picture.size) == ("RGBA", (60, 40))
    code, _, errors = call(*words)
    assert code == 1
    assert errors.startswith(f"{tmp_path / 'head.png'}: there already; choose another name")
    assert call(*words, "--overwrite")[0] == 0


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "JPEG"])
def test_an_overlay_may_end_as_any_jpeg_does(
    photos: Path, tmp_path: Path, bundle: Path, call: Call, ending: str
) -> None:
    out = tmp_path / f"over.{ending}"
    assert call("segment", photos / "a.png", "-o", out, "--overlay", "--bundle", bundle) == (0, "", "")
    with Image.open(out) as picture:
        assert picture.format == "JPEG"


def test_files_that_show_the_picture_carry_its_colour_profile(tmp_path: Path, bundle: Path, call: Call) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(random_image(40, 60)).save(tmp_path / "a.jpg", icc_profile=profile)
    words = ("--bundle", bundle, "--overlay", "--cutout", "body", "--labels")
    assert call("segment", tmp_path / "a.jpg", "-o", tmp_path / "out", *words)[0] == 0
    carried = {}
    for path in (tmp_path / "out").glob("a.*"):
        with Image.open(path) as picture:
            carried[path.name] = picture.info.get("icc_profile")
    assert carried == {"a.png": None, "a.overlay.jpg": profile, "a.cutout-body.png": profile}
    alone = ("segment", tmp_path / "a.jpg", "-o", tmp_path / "body.png", "--cutout", "body", "--bundle", bundle)
    assert call(*alone)[0] == 0
    with Image.open(tmp_path / "body.png") as picture:
        assert picture.info["icc_profile"] == profile
    found = CascadeSegmenter.load(bundle, "cpu").batch([tmp_path / "a.jpg", random_image(8, 9)])
    assert [one.icc_profile for one in found] == [profile, None]
    shown = io.BytesIO()
    found[0].overlay().save(shown, "PNG")
    with Image.open(shown) as picture:
        assert picture.info["icc_profile"] == profile


def test_one_picture_to_one_file_of_another_kind(photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    shown, numbers = tmp_path / "shown.jpg", tmp_path / "numbers.npz"
    assert call("segment", photos / "a.png", "-o", shown, "--overlay", "--bundle", bundle)[0] == 0
    with Image.open(shown) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "RGB")
        assert picture.height > 40  # with a legend below
    assert call("segment", photos / "a.png", "-o", numbers, "--probs", "--bundle", bundle)[0] == 0
    with np.load(numbers) as data:
        assert data["probs"].shape == (7, 40, 60)


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        (("head.jpg", "--cutout", "head"), ".png"),
        (("found.json", "--labels"), ".png"),
    ],
)
def test_a_file_of_another_kind_is_not_made_a_folder(
    words: tuple[str, ...], ending: str, photos: Path, bundle: Path, call: Call
) -> None:
    name, *asked = words
    out = photos.parent / name
    code, _, errors = call("segment", photos / "a.png", "-o", out, "--bundle", bundle, *asked)
    assert (code, errors) == (1, f"{out}: what is asked for ends in {ending}; name it so, or a folder\n")
    assert not out.exists()


def test_a_table_is_written_into_a_folder(photos: Path, bundle: Path, call: Call) -> None:
    out = photos.parent / "shares.csv"
    code, _, errors = call("segment", photos, "-o", out, "--bundle", bundle, "--csv")
    assert (code, errors) == (1, f"{out}: a file, but tables are written into a folder; name a folder with -o\n")
    assert not out.exists()


def test_a_cascade_of_another_tree_has_levels_of_its_own(photos: Path, tmp_path: Path, call: Call) -> None:
    cascade(tiny_experts(THREE)).save(tmp_path / "animals")
    words = (photos / "a.png", "--bundle", tmp_path / "animals", "--device", "cpu")
    assert call("segment", *words, "-o", tmp_path / "out")[0] == 0
    wanted = CascadeSegmenter.load(tmp_path / "animals", "cpu")(photos / "a.png").level(1)
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "a.png"), wanted)
    code, _, errors = call("segment", *words, "-o", tmp_path / "more", "--level", "body")
    assert (code, errors) == (1, "no level is called 'body'; expected 0 to 1\n")


def test_a_coarse_level_decided_by_the_leaves_is_told_from_the_usual_one(
    photos: Path, tmp_path: Path, bundle: Path, call: Call
) -> None:
    words = ("segment", photos, "-o", tmp_path / "out", "--bundle", bundle, "--labels", "--level", "0")
    assert "3 made" in call(*words)[1]
    assert "3 made" in call(*words, "--probs")[1]
    assert "3 made" in call(*words)[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("", "-o", "out"), "a picture, a folder, a pattern or -;"),
        (("a.png", "-o", ""), "a folder, a file or - after -o;"),
    ],
)
def test_an_empty_word_is_refused_before_it_means_this_folder(
    words: tuple[str, ...], expected: str, call: Call
) -> None:
    code, _, errors = call("segment", *words)
    assert code == 2
    assert f"an empty word, expected {expected} is a variable not set?" in errors


def test_one_file_cannot_take_several(photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    for words in ((photos,), (photos / "a.png", "--masks"), (photos / "a.png", "--labels", "--csv")):
        code, _, errors = call("segment", *words, "-o", tmp_path / "out.png", "--bundle", bundle)
        assert code == 1
        assert "takes one output of one picture" in errors
    assert not (tmp_path / "out.png").exists()


def test_a_picture_is_not_replaced_by_its_own_output(photos: Path, bundle: Path, call: Call) -> None:
    before = (photos / "a.png").read_bytes()
    for words in (("-o", photos / "a.png", "--overwrite"), ("-o", photos, "--overwrite")):
        code, _, errors = call("segment", photos / "a.png", *words, "--bundle", bundle)
        assert code == 1
        assert "replace" in errors
    assert (photos / "a.png").read_bytes() == before


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_a_picture_is_not_written_onto_a_terminal(
    photos: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    got = Terminal(io.BytesIO())
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", got)
        code, _, errors = call("segment", photos / "a.png", "-o", "-", "--overlay", "--bundle", bundle)
    assert code == 1
    assert "-: standard output is a terminal; send it to a program, or to a file with > out.jpg" in errors
    assert not got.buffer.getvalue()


def test_from_pipe_to_pipe(
    photos: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call
) -> None:
    given, got = io.TextIOWrapper(io.BytesIO((photos / "a.png").read_bytes())), io.TextIOWrapper(io.BytesIO())
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdin", given)
        patch.setattr("sys.stdout", got)
        assert call("segment", "-", "-o", "-", "--bundle", bundle, "--device", "cpu")[0] == 0
    got.buffer.seek(0)
    with Image.open(got.buffer) as picture:
        wanted = CascadeSegmenter.load(bundle, "cpu")(photos / "a.png").parts
        np.testing.assert_array_equal(np.asarray(picture), wanted)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--level", "hands"], "no level is called 'hands'"),
        (["--cutout", "wing"], "no class is called 'wing'"),
        (["--cutout", "head", "--level", "0"], "the cut-out head needs level 2"),
        (["--bundle", "nowhere"], "nowhere"),
    ],
)
def test_wrong_values_are_one_line_before_any_network_is_loaded(
    *, words: list[str], wanted: str, photos: Path, bundle: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CascadeSegmenter, "load", lambda *_, **__: pytest.fail("loaded"))
    out = photos.parent / "out"
    code, said, errors = call("segment", photos, "-o", out, "--bundle", bundle, *words)
    assert (code, said) == (1, "")
    assert errors.startswith(wanted)
    assert errors.count("\n") == 1
    assert not out.exists()


def test_an_unknown_device_is_one_line(photos: Path, tmp_path: Path, bundle: Path, call: Call) -> None:
    code, said, errors = call("segment", photos, "-o", tmp_path / "out", "--bundle", bundle, "--device", "gpu")
    assert (code, said) == (1, "")
    assert errors == "device: expected auto, cpu, cuda or cuda:N, found 'gpu'\n"


def test_a_missing_picture_is_one_line_before_anything_is_loaded(tmp_path: Path, call: Call) -> None:
    code, said, errors = call("segment", tmp_path / "gone.jpg", "-o", tmp_path / "out")
    assert (code, said) == (1, "")
    assert errors == f"{tmp_path / 'gone.jpg'}: no such file or folder\n"
