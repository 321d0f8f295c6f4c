"""A pack gives back what was written, read-only, or says that it is damaged."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bodycascade.data.examples import Example
from bodycascade.errors import DataError
from bodycascade.preprocess.pack import Pack, write_pack
from tests.drawn import draw_person
from tests.processes import printed

KINDS = ("colour", "colour", "gray", "colour", "near_gray", "colour", "colour", "colour")


def samples() -> list[Example]:
    """Eight drawn people of different sizes, two of them said to be without colour."""
    drawn = [draw_person(place, height=40 + place, width=30 + 2 * place) for place in range(len(KINDS))]
    return [Example(f"img_{i}", *pair, kind) for i, (pair, kind) in enumerate(zip(drawn, KINDS, strict=True))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of a pack of `samples()`."""
    write_pack(tmp_path / "pack", samples())
    return tmp_path / "pack"


def test_pack_gives_back_what_was_written(folder: Path) -> None:
    pack = Pack.open(folder, verify=True)
    assert len(pack) == 8
    assert pack.ids == tuple(sample.id for sample in samples())
    for place, sample in enumerate(samples()):
        np.testing.assert_array_equal(pack.image(place), sample.image)
        np.testing.assert_array_equal(pack.labels(place), sample.labels)


def test_arrays_are_read_only_views_of_the_files(folder: Path) -> None:
    pack = Pack.open(folder)
    for array in (pack.image(3), pack.labels(3)):
        assert type(array) is np.ndarray
        assert not array.flags.writeable
        assert not array.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
        with pytest.raises(ValueError, match="cannot set WRITEABLE"):
            array.flags.writeable = True


def test_same_samples_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_pack(tmp_path / "again", iter(samples()))
    for name in ("index.json", "images.bin", "masks.bin"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_pack_travels_to_another_process(folder: Path) -> None:
    copy = pickle.loads(pickle.dumps(Pack.open(folder)))
    np.testing.assert_array_equal(copy.image(7), samples()[7].image)


@pytest.mark.parametrize("index", [-1, 8])
def test_index_out_of_range_is_refused(folder: Path, index: int) -> None:
    with pytest.raises(IndexError):
        Pack.open(folder).image(index)


def test_epoch_is_each_image_once_without_balancing(folder: Path) -> None:
    assert Pack.open(folder).epoch == tuple(range(8))


@pytest.mark.parametrize(
    ("share", "epoch"),
    [
        (0.5, (0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 7)),
        (0.4, (0, 1, 2, 2, 3, 4, 4, 5, 6, 7)),
        (0.1, tuple(range(8))),
        (0.0, tuple(range(8))),
    ],
)
def test_balanced_epoch_repeats_pictures_without_colour(tmp_path: Path, share: float, epoch: tuple[int, ...]) -> None:
    write_pack(tmp_path, samples(), gray_share=share)
    assert Pack.open(tmp_path).epoch == epoch


def test_balancing_leaves_a_pack_of_one_kind_alone(tmp_path: Path) -> None:
    write_pack(tmp_path, samples()[:2], gray_share=0.5)
    assert Pack.open(tmp_path).epoch == (0, 1)


def test_pack_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image is left for this pack"):
        write_pack(tmp_path, [])
    with pytest.raises(DataError, match="no finished pack"):
        Pack.open(tmp_path)


def test_interrupted_writing_leaves_no_pack_that_opens_even_over_an_older_one(folder: Path) -> None:
    def failing() -> Iterator[Example]:
        yield from samples()[:3]
        raise DataError("an image is gone")

    with pytest.raises(DataError, match="an image is gone"):
        write_pack(folder, failing())
    with pytest.raises(DataError, match="no finished pack"):
        Pack.open(folder)
    assert not list(folder.glob(".*"))


def test_full_disk_is_one_line_with_path_and_remedy(tmp_path: Path) -> None:
    # A limit on the size of files stands in for the full disk; it holds for a process of its own.
    script = (
        "import resource, sys, pathlib, numpy as np\n"
        "from bodycascade.data.examples import Example\nfrom bodycascade.preprocess.pack import write_pack\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "image, mask = np.zeros((50, 50, 3), np.uint8), np.zeros((50, 50), np.uint8)\n"
        "made = (Example(str(place), image, mask, 'gray') for place in range(9))\n"
        "try:\n"
        "    write_pack(pathlib.Path(sys.argv[1]), made)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    told = printed(script, tmp_path / "pack")
    assert told.startswith(f"DataError {tmp_path / 'pack'}: the pack cannot be written (File too large after ")
    assert told.endswith("make room, or lower preprocess.long_side\n")
    assert list((tmp_path / "pack").iterdir()) == []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["images.bin", "masks.bin"])
@pytest.mark.parametrize("spoil", [cut, Path.unlink])
def test_missing_or_shortened_array_is_refused(folder: Path, name: str, spoil: Callable[[Path], None]) -> None:
    spoil(folder / name)
    with pytest.raises(DataError, match=f"{name}: .*run the preprocess stage again"):
        Pack.open(folder)


@pytest.mark.parametrize("name", ["images.bin", "masks.bin"])
def test_flipped_bit_is_found_by_the_checksum(folder: Path, name: str) -> None:
    flip(folder / name)
    Pack.open(folder)
    with pytest.raises(DataError, match=f"{name}: damaged, its checksum differs"):
        Pack.open(folder, verify=True)


CHANGES: list[tuple[str, object]] = [
    ("format_version", 2),
    ("format_version", "1"),
    ("ids", ["a"]),
    ("ids", "abcdefgh"),
    ("sizes", [[40, 30]] * 7 + [[0, 44]]),
    ("sizes", [[40, 30, 1]] * 8),
    ("sizes", [40] * 8),
    ("kinds", ["colour"]),
    ("epoch", [8]),
    ("epoch", [-1]),
    ("epoch", ["0"]),
    ("sha256", {"images.bin": "0", "../x": "0"}),
    ("sha256", []),
    ("extra", 1),
]


@pytest.mark.parametrize(("key", "value"), CHANGES)
def test_index_that_does_not_fit_is_refused(folder: Path, key: str, value: object) -> None:
    path = folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(DataError, match=r"index\.json: .*run the preprocess stage again"):
        Pack.open(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff"])
def test_index_that_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / "index.json").write_bytes(content)
    with pytest.raises(DataError, match=r"index\.json: .*run the preprocess stage again"):
        Pack.open(folder)


def test_opening_a_pack_needs_neither_yaml_nor_the_trainer() -> None:
    report = "import sys, bodycascade.preprocess.pack; print(*sys.modules)"
    roots = {name.split(".")[0] for name in printed(report).split()}
    assert not roots & {"yaml", "dvc", "albumentations", "tensorboard", "cv2", "matplotlib"}
