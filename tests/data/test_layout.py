"""The layout finds and reads the files of a data set, and names what cannot be read."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.data.layout import Layout
from bodycascade.errors import DataError
from tests.drawn import write_layout


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_image_and_mask_are_read_at_their_own_size(tiny_data: Path) -> None:
    layout = Layout.open(tiny_data)
    image, mask = layout.read_image("img_00"), layout.read_labels("img_00")
    assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((64, 48, 3), np.uint8, (64, 48), np.uint8)
    assert set(np.unique(mask)) == set(range(7))


@pytest.mark.parametrize("mode", ["L", "P"])
def test_mask_may_be_a_png(tiny_data: Path, mode: str) -> None:
    layout = Layout.open(tiny_data)
    expected = layout.read_labels("img_00")
    picture = Image.fromarray(expected)
    if mode == "P":
        picture.putpalette([5, 5, 5] * 256)
    (tiny_data / "masks").mkdir()
    picture.save(tiny_data / "masks" / "img_00.png")
    (tiny_data / "gt_masks" / "img_00.npy").unlink()
    np.testing.assert_array_equal(layout.read_labels("img_00"), expected)


def test_npy_counts_where_both_are_there(tiny_data: Path) -> None:
    (tiny_data / "masks").mkdir()
    Image.new("L", (48, 64)).save(tiny_data / "masks" / "img_00.png")
    assert Layout.open(tiny_data).read_labels("img_00").any()


def test_mask_in_fortran_order_is_read_right(tiny_data: Path) -> None:
    layout = Layout.open(tiny_data)
    expected = layout.read_labels("img_01")
    np.save(tiny_data / "gt_masks" / "img_01.npy", np.asfortranarray(expected))
    np.testing.assert_array_equal(layout.read_labels("img_01"), expected)
    assert layout.read_labels("img_01").flags.c_contiguous


def make_missing(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def make_empty(folder: Path) -> None:
    make_missing(folder)
    folder.mkdir()


def make_dead_link(folder: Path) -> None:
    make_missing(folder)
    folder.symlink_to("/nowhere/data")


def make_file(folder: Path) -> None:
    make_missing(folder)
    folder.write_text("data", encoding="utf-8")


FAULTS = [
    (make_missing, "no such folder"),
    (make_empty, "the folder is empty"),
    (make_dead_link, "a dead link to /nowhere/data"),
    (make_file, "a file, not a folder"),
]


@pytest.mark.parametrize("part", ["", "JPEGImages", "gt_masks"])
@pytest.mark.parametrize(("spoil", "reason"), FAULTS, ids=[reason for _, reason in FAULTS])
def test_unusable_folder_is_one_line_with_the_path_and_what_to_do(
    tiny_data: Path, part: str, spoil: object, reason: str
) -> None:
    assert callable(spoil)
    spoil(tiny_data / part)
    with pytest.raises(DataError) as caught:
        Layout.open(tiny_data)
    advice = (
        "expected JPEGImages/ID.jpg, gt_masks/ID.npy (or masks/ID.png), classes.txt and two lists of ids there; "
        f"link the data: ln -sfn /path/to/the/data {tiny_data}, or make it: bodycascade prepare"
    )
    assert str(caught.value) == f"{tiny_data / part}: {reason}; {advice}"


def test_unreadable_folder_is_one_line(tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"data/tiny: Permission denied; expected JPEGImages/ID.jpg"):
        Layout.open(tiny_data)


def test_linked_folder_is_fine(tmp_path: Path) -> None:
    write_layout(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert len(Layout.open(tmp_path / "link").read_ids("train_id.txt")) == 8


@pytest.mark.parametrize("content", [b"a\r\nb", b"a\nb\n", b"\xef\xbb\xbfa\r\nb\r\n", b"\n  a \t\n\n b\n\n", b"a\rb"])
def test_blanks_line_ends_and_a_byte_order_mark_are_harmless(tiny_data: Path, content: bytes) -> None:
    (tiny_data / "list.txt").write_bytes(content)
    assert Layout.open(tiny_data).read_ids("list.txt") == ("a", "b")


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/passwd", "..", ".hidden", "a/b", "a\\b", "x" * 201, "caf\u00e9", "a\x00b"]
)
def test_id_that_is_no_plain_file_name_is_refused(tiny_data: Path, name: str) -> None:
    (tiny_data / "list.txt").write_bytes(f"good\n{name}\n".encode())
    with pytest.raises(DataError, match="is no image id; expected letters"):
        Layout.open(tiny_data).read_ids("list.txt")
    assert Layout.open(tiny_data).scan_ids("list.txt")[0] == ("good",)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "lists no image"), (b" \r\n", "lists no image"), (b"a\xff\xfe", "not UTF-8 text")]
)
def test_list_without_ids_is_refused(tiny_data: Path, content: bytes, reason: str) -> None:
    (tiny_data / "list.txt").write_bytes(content)
    with pytest.raises(DataError, match=f"list.txt: {reason}.*expected one image id per line"):
        Layout.open(tiny_data).read_ids("list.txt")


def bad_mask(tiny_data: Path, content: np.ndarray | bytes) -> str:
    """What is said about a mask with this content."""
    path = tiny_data / "gt_masks" / "img_00.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(DataError) as caught:
        Layout.open(tiny_data).read_labels("img_00")
    return str(caught.value).removeprefix(f"{path}: ")


def test_masks_of_another_kind_are_named(tiny_data: Path) -> None:
    mask = np.zeros((64, 48), np.uint8)
    whole = (tiny_data / "gt_masks" / "img_01.npy").read_bytes()
    assert bad_mask(tiny_data, mask.astype(np.int64)) == "an array of int64 with shape (64, 48); expected uint8 (H, W)"
    assert bad_mask(tiny_data, mask[..., None]) == "an array of uint8 with shape (64, 48, 1); expected uint8 (H, W)"
    assert bad_mask(tiny_data, mask[:0]) == "an array of uint8 with shape (0, 48); expected uint8 (H, W)"
    assert bad_mask(tiny_data, whole[:-5]).startswith("5755 bytes of data for an array (72, 80)")
    assert bad_mask(tiny_data, whole + b"x").startswith("5761 bytes of data for an array (72, 80)")
    assert bad_mask(tiny_data, whole[:30]) == "not a whole .npy file; expected a uint8 array (H, W)"
    assert bad_mask(tiny_data, b"") == "not a whole .npy file; expected a uint8 array (H, W)"
    assert bad_mask(tiny_data, b"\xff\xd8 a picture") == "not a whole .npy file; expected a uint8 array (H, W)"


def test_pickles_are_never_loaded(tiny_data: Path) -> None:
    objects = np.empty((2, 2), object)
    objects[:] = Trap()
    assert bad_mask(tiny_data, objects).startswith("a pickled array, which is never loaded")
    assert bad_mask(tiny_data, pickle.dumps(Trap())).startswith("not a whole .npy file")


def test_header_that_asks_for_more_memory_than_there_is_reads_nothing(tiny_data: Path) -> None:
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (100000000, 100000000), }"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    assert bad_mask(tiny_data, content).startswith("0 bytes of data for an array (100000000, 100000000)")


@pytest.mark.parametrize(
    ("mode", "content"), [("RGB", None), ("I;16", None), ("1", None), (None, b"no png"), (None, b"")]
)
def test_bad_png_masks_are_named(tiny_data: Path, mode: str | None, content: bytes | None) -> None:
    (tiny_data / "gt_masks" / "img_00.npy").unlink()
    (tiny_data / "masks").mkdir()
    path = tiny_data / "masks" / "img_00.png"
    if mode:
        Image.new(mode, (48, 64)).save(path)
    else:
        path.write_bytes(content or b"")
    with pytest.raises(DataError, match=r"img_00\.png: (a PNG of mode|cannot be decoded)"):
        Layout.open(tiny_data).read_labels("img_00")


@pytest.mark.parametrize("content", [b"bg\ntorso", b"0: bg\n0: torso", b"\xff\xff", b"0: bg and more"])
def test_bad_class_list_is_named(tiny_data: Path, content: bytes) -> None:
    (tiny_data / "classes.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"classes\.txt: .*lines like '2: torso'"):
        Layout.open(tiny_data).read_classes()
