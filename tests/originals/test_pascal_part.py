"""The original release: .mat files that these tests write, as scipy and MATLAB do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from bodycascade.data.check import check_data
from bodycascade.data.layout import Layout
from bodycascade.errors import DataError, MissingExtraError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.originals.dataset import split_names, write_dataset
from bodycascade.originals.pascal_part import PART_OF, find_sources, read_labels, with_people

SIZE = (12, 10)


def rows(first: int, last: int) -> np.ndarray:
    """(12, 10) uint8: ones in these rows."""
    mask = np.zeros(SIZE, np.uint8)
    mask[first:last] = 1
    return mask


def thing(name: str, mask: np.ndarray, parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """One object of an annotation."""
    listed = np.zeros(len(parts), dtype=[("part_name", object), ("mask", object)])
    for place, (part, shape) in enumerate(parts.items()):
        listed[place] = (part, shape)
    return {"class": name, "class_ind": 15, "mask": mask, "parts": listed if parts else np.zeros((0, 0))}


def annotate(path: Path, *things: dict[str, Any]) -> Path:
    """A .mat file of the release with these objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    objects = np.zeros(len(things), dtype=[(key, object) for key in ("class", "class_ind", "mask", "parts")])
    for place, one in enumerate(things):
        objects[place] = tuple(one.values())
    savemat(path, {"anno": {"imname": path.stem, "objects": objects}}, do_compression=True)
    return path


def test_each_of_the_24_parts_has_its_label(tmp_path: Path) -> None:
    wanted = {
        4: "head hair nose mouth leye reye lear rear lebrow rebrow",
        2: "torso neck",
        6: "luarm ruarm",
        1: "llarm rlarm lhand rhand",
        5: "luleg ruleg",
        3: "llleg rlleg lfoot rfoot",
    }
    assert sum(len(names.split()) for names in wanted.values()) == 24 == len(PART_OF)
    for label, names in wanted.items():
        for name in names.split():
            path = annotate(tmp_path / "one.mat", thing("person", rows(0, 6), {name: rows(2, 4)}))
            np.testing.assert_array_equal(read_labels(path, PASCAL_PART), rows(2, 4) * label, err_msg=name)


def test_later_parts_and_people_cover_earlier_ones(tmp_path: Path) -> None:
    path = annotate(
        tmp_path / "two.mat",
        thing("person", rows(0, 8), {"torso": rows(0, 6), "lhand": rows(4, 6)}),
        thing("person", rows(5, 12), {"head": rows(5, 7), "torso": rows(7, 9)}),
    )
    assert read_labels(path, PASCAL_PART)[:, 0].tolist() == [2, 2, 2, 2, 1, 4, 4, 2, 2, 0, 0, 0]


def test_other_objects_and_people_without_parts_are_background(tmp_path: Path) -> None:
    path = annotate(
        tmp_path / "dog.mat",
        thing("dog", rows(0, 9), {"head": rows(0, 3), "lfpa": rows(3, 5)}),
        thing("person", rows(9, 12), {}),
    )
    assert not read_labels(path, PASCAL_PART).any()
    assert with_people(find_sources(tmp_path, tmp_path, PASCAL_PART)) == ()


def test_an_unknown_part_is_named(tmp_path: Path) -> None:
    path = annotate(tmp_path / "odd.mat", thing("person", rows(0, 9), {"tail": rows(0, 3)}))
    with pytest.raises(DataError, match=r"odd.mat: a person's part is called 'tail'; known are head, "):
        read_labels(path, PASCAL_PART)


@pytest.mark.parametrize("cut", [0, 10, 130, 200, -5])
def test_a_file_cut_short_is_refused_in_one_line(tmp_path: Path, cut: int) -> None:
    path = annotate(tmp_path / "cut.mat", thing("person", rows(0, 9), {"head": rows(0, 3)}))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"cut\.mat: ") as caught:
        read_labels(path, PASCAL_PART)
    assert "\n" not in str(caught.value)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"weights": np.zeros(3)})
    with pytest.raises(DataError, match="holds no struct called anno"):
        read_labels(tmp_path / "x.mat", PASCAL_PART)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Folder with Annotations_Part and JPEGImages of six images, one of a dog alone."""
    (tmp_path / "JPEGImages").mkdir()
    for place in range(6):
        name, kind = f"2008_00000{place}", "dog" if place == 5 else "person"
        parts = {"head": rows(0, 3), "torso": rows(3, 6), "luleg": rows(6, 8), "lfoot": rows(8, 10)}
        annotate(tmp_path / "Annotations_Part" / f"{name}.mat", thing(kind, rows(0, 10), parts))
        picture = np.full((*SIZE, 3), 40 * place, np.uint8)
        Image.fromarray(picture).save(tmp_path / "JPEGImages" / f"{name}.jpg")
    return tmp_path


def test_the_layout_passes_the_data_check(release: Path) -> None:
    sources = find_sources(release / "Annotations_Part", release / "JPEGImages", PASCAL_PART)
    splits = split_names(with_people(sources), 0.4)
    made = write_dataset(release / "out", PASCAL_PART, splits, sources, link=False, skip_bad=False)
    layout = Layout.open(release / "out")
    report = check_data(layout, train_ids="train_id.txt", val_ids="val_id.txt", tree=PASCAL_PART)
    assert (len(report.train), len(report.val)) == (made.train, made.val)
    assert sorted(report.train + report.val) == [f"2008_00000{place}" for place in range(5)]
    name = report.train[0]
    assert layout.read_labels(name)[:, 0].tolist() == [4] * 3 + [2] * 3 + [5] * 2 + [3] * 2 + [0] * 2
    original = release / "JPEGImages" / f"{name}.jpg"
    assert layout.image_path(name).read_bytes() == original.read_bytes()


def test_bad_images_are_listed_all_at_once_and_nothing_is_made(release: Path) -> None:
    (release / "Annotations_Part" / "2008_000001.mat").write_bytes(b"broken")
    (release / "JPEGImages" / "2008_000002.jpg").unlink()
    Image.new("RGB", (3, 3)).save(release / "JPEGImages" / "2008_000003.jpg")
    sources = find_sources(release / "Annotations_Part", release / "JPEGImages", PASCAL_PART)
    splits = {"train": tuple(sources)[:4], "val": tuple(sources)[4:]}
    with pytest.raises(DataError) as caught:
        write_dataset(release / "out", PASCAL_PART, splits, sources, link=True, skip_bad=False)
    header, *lines = str(caught.value).splitlines()
    assert header.startswith("3 of 6 images are bad")
    for word, line in zip(("000001.mat", "000002.jpg", "000003"), sorted(lines), strict=True):
        assert word in line
    assert sorted(path.name for path in release.iterdir()) == ["Annotations_Part", "JPEGImages"]
    made = write_dataset(release / "out", PASCAL_PART, splits, sources, link=True, skip_bad=True)
    assert (made.train, made.val, len(made.problems)) == (1, 2, 3)
    assert (release / "out" / "JPEGImages" / "2008_000000.jpg").is_symlink()
    check_data(Layout.open(release / "out"), train_ids="train_id.txt", val_ids="val_id.txt", tree=PASCAL_PART)


def test_hidden_files_beside_the_annotations_are_passed_over(release: Path) -> None:
    (release / "Annotations_Part" / "._2008_000001.mat").write_bytes(b"of macOS")
    sources = find_sources(release / "Annotations_Part", release / "JPEGImages", PASCAL_PART)
    assert set(sources) == {f"2008_00000{number}" for number in range(6)}


def test_people_are_looked_for_in_each_file_and_told_of(release: Path) -> None:
    sources = find_sources(release / "Annotations_Part", release / "JPEGImages", PASCAL_PART)
    told: list[int] = []
    assert with_people(sources, on_image=told.append) == tuple(sources)[:5]  # the last shows a dog
    assert told == [1, 2, 3, 4, 5, 6]


def test_without_scipy_that_is_said_and_no_image_is_called_bad(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = find_sources(release / "Annotations_Part", release / "JPEGImages", PASCAL_PART)
    splits = {"train": tuple(sources)[:4], "val": tuple(sources)[4:]}
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingExtraError, match=r"scipy is not installed.*\[prepare\]"):
        write_dataset(release / "out", PASCAL_PART, splits, sources, link=True, skip_bad=False)
    assert not (release / "out").exists()


@pytest.mark.parametrize(
    ("train", "val", "words"),
    [
        (("2008_000000", "2008_000001"), ("2008_000001",), "2008_000001: to train on and to validate on; take it out"),
        (("2008_000000", "my photo"), ("2008_000002",), "'my photo' is no image id; rename its files: letters"),
        (("2008_000000",), (), "no image is left for val"),
    ],
)
def test_a_data_set_that_could_not_be_trained_on_is_not_made(
    release: Path, train: tuple[str, ...], val: tuple[str, ...], words: str
) -> None:
    sources = find_sources(release / "Annotations_Part", release / "JPEGImages", PASCAL_PART)
    with pytest.raises(DataError, match=words):
        write_dataset(release / "out", PASCAL_PART, {"train": train, "val": val}, sources, link=True, skip_bad=False)
    assert not (release / "out").exists()


def test_bad_images_are_not_left_out_where_none_is_left(release: Path) -> None:
    (release / "JPEGImages" / "2008_000001.jpg").unlink()
    sources = find_sources(release / "Annotations_Part", release / "JPEGImages", PASCAL_PART)
    splits = {"train": ("2008_000000",), "val": ("2008_000001",)}
    with pytest.raises(DataError, match="1 of 2 images are bad; without them a split is empty; mend them"):
        write_dataset(release / "out", PASCAL_PART, splits, sources, link=True, skip_bad=True)
    assert not (release / "out").exists()


def test_a_folder_that_is_there_is_never_touched(release: Path) -> None:
    sources = find_sources(release / "Annotations_Part", release / "JPEGImages", PASCAL_PART)
    with pytest.raises(DataError, match="exists already; name a new folder"):
        write_dataset(
            release / "JPEGImages", PASCAL_PART, {"train": (), "val": ()}, sources, link=False, skip_bad=False
        )
