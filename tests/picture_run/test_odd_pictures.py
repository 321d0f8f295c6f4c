"""Pictures as they come: every mode, turned, tiny, long, damaged; and nobody in them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.painted import paint
from tests.picture_run.runs import ALL, LABELS, files_below, labels_in, run
from tests.toy_experts import cascade, constant, shown

SOMEBODY = {"person": (0.1, 0.9), "body": (0.6, 0.4), "upper_body": (0.4, 0.2, 0.2, 0.2), "lower_body": (0.6, 0.4)}

MUTANTS = int(os.environ.get("BODYCASCADE_MUTANTS", "240"))


@pytest.mark.parametrize(
    ("mode", "ending"), [("RGB", "png"), ("P", "png"), ("P", "gif"), ("RGBA", "png"), ("RGB", "tif")]
)
def test_modes_without_loss_are_read_right(mode: str, ending: str, tmp_path: Path) -> None:
    image, labels = paint()
    Image.fromarray(image).convert(mode).save(tmp_path / f"a.{ending}")
    run([tmp_path / f"a.{ending}"], tmp_path / "out")
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "a.png"), labels)


@pytest.mark.parametrize("mode", ["CMYK", "L", "I;16", "LA", "1"])
def test_modes_without_these_colours_are_read_too(mode: str, tmp_path: Path) -> None:
    image, labels = paint()
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(Image.fromarray(image).convert("L")).astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(image).convert(mode)
    picture.save(tmp_path / "a.tif")
    assert run([tmp_path / "a.tif"], tmp_path / "out").made == 1
    assert labels_in(tmp_path / "out" / "a.png").shape == labels.shape


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_lie_as_the_picture_is_shown(orientation: int, tmp_path: Path) -> None:
    image, labels = paint(20, 36)
    # How the stored picture is got from the upright one: the turn of EXIF 2.32, tag 0x0112, undone.
    stored = {
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: image.transpose(1, 0, 2),
        6: np.rot90(image),
        7: np.rot90(image, 2).transpose(1, 0, 2),
        8: np.rot90(image, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    run([tmp_path / "a.png"], tmp_path / "out", asked=ALL)
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "a.png"), labels)
    with Image.open(tmp_path / "out" / "a.cutout-head.png") as cut:
        assert cut.size == (36, 20)
        assert not cut.getexif()


@pytest.mark.parametrize("size", [(1, 1), (20, 3000), (3000, 20), (1, 7)])
def test_results_have_the_picture_s_own_size(size: tuple[int, int], tmp_path: Path) -> None:
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(tmp_path / "a.png")
    assert run([tmp_path / "a.png"], tmp_path / "out", asked=ALL).made == 1
    assert labels_in(tmp_path / "out" / "a.png").shape == size
    with np.load(tmp_path / "out" / "a.probs.npz") as data:
        assert data["probs"].shape == (7, *size)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (90, 140, 60)])
def test_in_a_picture_of_one_colour_is_nobody_and_no_child_runs(colour: tuple[int, int, int], tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), colour).save(tmp_path / "a.png")
    segmenter = cascade(constant(SOMEBODY))
    outcome = run([tmp_path / "a.png"], tmp_path / "out", asked=ALL, segment=segmenter.batch)
    assert (outcome.made, outcome.failures) == (1, [])
    assert not labels_in(tmp_path / "out" / "a.png").any()
    assert not any(shown(segmenter, name) for name in ("body", "upper_body", "lower_body"))
    assert (tmp_path / "out" / "shares.csv").read_text().splitlines()[1].startswith("a.png,a,40,30,0.000000,")


@pytest.mark.filterwarnings("ignore")
def test_mutated_pictures_are_made_or_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """BODYCASCADE_MUTANTS=1200 for the full number."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(MUTANTS):
        dice = np.random.default_rng(number)
        ending = ("jpg", "png", "gif", "bmp", "webp", "tif", "ppm", "tga")[number % 8]
        (folder / f"{number:04d}.{ending}").write_bytes(mutated(dice, ending))
    outcome = run([folder], tmp_path / "out", asked=LABELS)
    assert outcome.made + len(outcome.failures) == MUTANTS
    assert outcome.made > MUTANTS / 20
    assert len(outcome.failures) > MUTANTS / 5
    made = files_below(tmp_path / "out") - {"failures.csv"}
    assert len(made) == outcome.made
    for name in made:
        labels_in(tmp_path / "out" / name)
    assert all(reason and "\n" not in reason for _, reason in outcome.failures)
    assert "Traceback" not in capsys.readouterr().err


def mutated(dice: np.random.Generator, ending: str) -> bytes:
    """A small picture with bytes changed, cut off, put in or taken out."""
    image, _ = paint(seed=int(dice.integers(1000)))
    file = io.BytesIO()
    Image.fromarray(image).save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper()))
    data = bytearray(file.getvalue())
    for _ in range(int(dice.integers(1, 6))):
        # Headers are short: half of the changes are made there.
        place = int(dice.integers(min(len(data), 80) if dice.random() < 0.5 else len(data)))
        match int(dice.integers(5)):
            case 0:
                data[place] = int(dice.integers(256))
            case 1:
                del data[place:]
            case 2:
                data[place:place] = bytes(dice.integers(0, 256, int(dice.integers(1, 9)), dtype=np.uint8))
            case 3:
                del data[place : place + int(dice.integers(1, 9))]
            case _:
                data[place] ^= 1 << int(dice.integers(8))
        if not data:
            break
    return bytes(data)
