"""Portrait mattes and the official order of labels."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.data.check import check_data
from bodycascade.data.layout import Layout
from bodycascade.errors import DataError
from bodycascade.hierarchy import IGNORE, PASCAL_PART, Tree
from bodycascade.originals import mattes, person_part
from bodycascade.originals.dataset import write_dataset

ALPHA = np.array([[0, 1, 127], [128, 200, 255]], np.uint8)


def portraits(folder: Path) -> tuple[Path, Path]:
    """(mattes, pictures) of three portraits, in the nested folders of AISegment."""
    for place in range(3):
        outline = folder / "matting" / "1803" / f"matting_{place:08d}" / f"1803-{place:04d}.png"
        picture = folder / "clip_img" / "1803" / f"clip_{place:08d}" / f"1803-{place:04d}.jpg"
        for path in (outline, picture):
            path.parent.mkdir(parents=True)
        Image.fromarray(np.dstack([np.zeros((2, 3, 3), np.uint8), ALPHA])).save(outline)
        Image.new("RGB", (3, 2), (90, 60, 30)).save(picture)
    return folder / "matting", folder / "clip_img"


def test_the_person_expert_learns_the_matte_from_it(tmp_path: Path) -> None:
    sources = mattes.find_sources(*portraits(tmp_path), PASCAL_PART)
    names = tuple(sources)
    write_dataset(
        tmp_path / "out", PASCAL_PART, {"train": names[:2], "val": names[2:]}, sources, link=False, skip_bad=False
    )
    layout = Layout.open(tmp_path / "out")
    check_data(layout, train_ids="train_id.txt", val_ids="val_id.txt", tree=PASCAL_PART)
    target = PASCAL_PART.target_map("person")[layout.read_labels(names[0])]
    children = PASCAL_PART.expert("person").children
    np.testing.assert_array_equal(target == children.index("body"), ALPHA >= 128)
    np.testing.assert_array_equal(target == children.index("background"), ALPHA < 128)
    assert IGNORE not in target


def test_a_matte_without_alpha_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="a PNG of mode RGB; expected an alpha channel"):
        mattes.read_labels(tmp_path / "a.png", PASCAL_PART)


def test_two_mattes_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.new("RGBA", (3, 2)).save(tmp_path / folder / "x.png")
    with pytest.raises(DataError, match="names must be unique"):
        mattes.find_sources(tmp_path, tmp_path, PASCAL_PART)


@pytest.mark.parametrize("mode", ["L", "P"])
def test_official_labels_become_ours(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(np.array([[0, 1, 2, 3, 4, 5, 6, 255]], np.uint8))
    if mode == "P":
        picture.putpalette(list(range(256)) * 3)
    picture.save(tmp_path / "a.png")
    # background, head, torso, upper arm, lower arm, upper leg, lower leg, void
    assert person_part.read_labels(tmp_path / "a.png", PASCAL_PART).tolist() == [[0, 4, 2, 6, 1, 5, 3, 0]]


@pytest.mark.parametrize("read", [person_part.read_labels, mattes.read_labels])
def test_a_damaged_png_is_one_line(tmp_path: Path, read: Callable[[Path, Tree], object]) -> None:
    Image.new("RGBA", (3, 2)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    chunk = b"pHYs\x00\x00"  # of nine bytes, two are there
    short = len(chunk[4:]).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(whole[:33] + short + whole[33:])
    with pytest.raises(DataError, match=r"a\.png: cannot be decoded \(.+\)$"):
        read(tmp_path / "a.png", PASCAL_PART)


def test_a_label_that_is_not_official_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 7, 9]], np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="holds labels 7, 9; expected 0 to 6"):
        person_part.read_labels(tmp_path / "a.png", PASCAL_PART)
