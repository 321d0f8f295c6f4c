"""The data check reads everything once and lists every bad file at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.data.check import DataReport, check_data
from bodycascade.data.layout import Layout
from bodycascade.errors import DataError
from bodycascade.hierarchy import PASCAL_PART
from tests.drawn import draw_person, jpeg_bytes, write_lines


def check(folder: Path) -> DataReport:
    return check_data(Layout.open(folder), train_ids="train_id.txt", val_ids="val_id.txt", tree=PASCAL_PART)


def listed(folder: Path) -> list[str]:
    """Lines of the error about the data set in `folder`, paths relative to it."""
    with pytest.raises(DataError) as caught:
        check(folder)
    header, *lines = str(caught.value).replace(f"{folder}/", "").splitlines()
    assert header.startswith(f"{folder}: ")
    named = [line for line in lines if not line.startswith("  ...")]
    assert named == sorted(named)
    return [line.strip() for line in lines]


def save(folder: Path, name: str, image: Image.Image, **options: object) -> None:
    image.save(folder / "JPEGImages" / f"{name}.jpg", options.pop("format", "JPEG"), **options)  # type: ignore[arg-type]


def test_good_data_set_is_reported_with_pixels_per_label(tiny_data: Path) -> None:
    report = check(tiny_data)
    assert (len(report.train), len(report.val), report.notes) == (8, 3, ())
    _, mask = draw_person(2, height=80, width=48)
    assert report.pixels["img_02"] == tuple(int((mask == label).sum()) for label in range(7))
    assert report.sizes["img_02"] == (80, 48)


def test_every_bad_file_is_listed_at_once_with_its_reason(tiny_data: Path) -> None:
    images, masks = tiny_data / "JPEGImages", tiny_data / "gt_masks"
    whole = (images / "img_00.jpg").read_bytes()
    (images / "img_00.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "img_01.jpg").write_bytes(b"")
    (images / "img_02.jpg").write_bytes(b"<html>not found</html>")
    (images / "img_03.jpg").unlink()
    (masks / "img_04.npy").unlink()
    np.save(masks / "img_05.npy", np.zeros((4, 5), np.uint8))
    np.save(masks / "img_06.npy", np.zeros((64, 48), np.float32))
    np.save(masks / "img_07.npy", np.full((72, 80), 200, np.uint8))
    np.save(masks / "img_08.npy", np.array([[{}]], object), allow_pickle=True)
    lines = listed(tiny_data)
    assert [line.split(": ")[0] for line in lines] == [
        *(f"JPEGImages/img_0{place}.jpg" for place in range(4)),
        *(f"gt_masks/img_0{place}.npy" for place in range(4, 9)),
    ]
    reasons = [line.split(": ", 1)[1] for line in lines]
    assert reasons[0].startswith("cannot be decoded")
    assert reasons[1] == "the file is empty"
    assert reasons[2] == "not a picture in any format that Pillow reads"
    assert reasons[3] == "no such file"
    assert reasons[4] == "no such file, and no masks/img_04.png"
    assert reasons[5] == "5 x 4 pixels; expected 80 x 80 as the image"
    assert reasons[6].startswith("an array of float32")
    assert reasons[7] == "holds labels 200; expected 0 to 6"
    assert reasons[8].startswith("a pickled array, which is never loaded")


def test_long_list_is_cut_and_counted(tiny_data: Path) -> None:
    names = [f"none_{place:02d}" for place in range(40)]
    write_lines(tiny_data / "train_id.txt", names)
    lines = listed(tiny_data)
    assert len(lines) == 51
    assert lines[-1] == "... and 30 more"


def cmyk(image: Image.Image) -> Image.Image:
    return image.convert("CMYK")


def sixteen_bit(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def palette(image: Image.Image) -> Image.Image:
    return image.quantize(16)


@pytest.mark.parametrize(("change", "kind"), [(cmyk, "JPEG"), (sixteen_bit, "PNG"), (palette, "PNG"), (palette, "GIF")])
def test_pictures_of_other_modes_are_decoded(
    tiny_data: Path, change: Callable[[Image.Image], Image.Image], kind: str
) -> None:
    image, _ = draw_person(0, height=64, width=48)
    save(tiny_data, "img_00", change(Image.fromarray(image)), format=kind)
    assert check(tiny_data).sizes["img_00"] == (64, 48)
    decoded = Layout.open(tiny_data).read_image("img_00")
    assert np.abs(decoded.astype(int).mean(2) - image.astype(int).mean(2)).mean() < 25


def test_exif_rotation_is_applied_and_the_mask_has_to_fit_the_upright_picture(tiny_data: Path) -> None:
    image, mask = draw_person(0, height=64, width=48)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tiny_data, "img_00", Image.fromarray(image), exif=exif.tobytes())
    assert listed(tiny_data) == ["gt_masks/img_00.npy: 48 x 64 pixels; expected 64 x 48 as the image"]
    np.save(tiny_data / "gt_masks" / "img_00.npy", np.rot90(mask, -1))
    assert check(tiny_data).sizes["img_00"] == (48, 64)


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_exif_orientation_that_a_mask_of_the_same_size_would_hide_is_noted(tiny_data: Path, orientation: int) -> None:
    assert not any("EXIF" in note for note in check(tiny_data).notes)
    image, _ = draw_person(0, height=64, width=48)
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tiny_data, "img_00", Image.fromarray(image), exif=exif.tobytes())
    assert check(tiny_data).notes[-1] == (
        "1 photograph turned by the EXIF orientation (img_00): the masks must be those of the upright pictures"
    )


@pytest.mark.parametrize("size", [(1, 1), (8000, 5000)], ids=["1x1", "40Mpx"])
def test_smallest_and_largest_pictures_are_fine(tiny_data: Path, size: tuple[int, int]) -> None:
    save(tiny_data, "img_00", Image.new("RGB", size, (90, 120, 200)))
    np.save(tiny_data / "gt_masks" / "img_00.npy", np.zeros(size[::-1], np.uint8))
    assert check(tiny_data).pixels["img_00"] == (size[0] * size[1], 0, 0, 0, 0, 0, 0)


def test_lists_with_repeated_shared_and_impossible_ids_are_listed(tiny_data: Path) -> None:
    write_lines(tiny_data / "train_id.txt", ["img_00", "img_01", "img_01", "img_08", "../../x", "ghost"])
    (tiny_data / "JPEGImages" / "img_09.jpg").write_bytes(b"")
    assert listed(tiny_data) == [
        "JPEGImages/ghost.jpg: no such file",
        "JPEGImages/img_09.jpg: the file is empty",
        "gt_masks/ghost.npy: no such file, and no masks/ghost.png",
        "train_id.txt: '../../x' is no image id; expected letters, digits, '_', '-' and '.' only",
        "train_id.txt: img_01 is listed more than once",
        "val_id.txt: img_08 is listed in train_id.txt too",
    ]


def test_path_in_a_list_is_never_opened(tiny_data: Path) -> None:
    outside = tiny_data.parent / "outside"
    (outside / "JPEGImages").mkdir(parents=True)
    shutil.copy(tiny_data / "JPEGImages" / "img_00.jpg", tiny_data / "x.jpg")
    write_lines(tiny_data / "train_id.txt", ["img_00", "../x"])
    assert listed(tiny_data) == ["train_id.txt: '../x' is no image id; expected letters, digits, '_', '-' and '.' only"]


def test_missing_lists_are_listed(tiny_data: Path) -> None:
    for name in ("train_id.txt", "val_id.txt", "classes.txt"):
        (tiny_data / name).unlink()
    assert [line.split(":")[0] for line in listed(tiny_data)] == ["classes.txt", "train_id.txt", "val_id.txt"]


def test_classes_of_another_data_set_are_refused(tiny_data: Path) -> None:
    write_lines(tiny_data / "classes.txt", ["0: bg", "1: torso", "2: low_hand"])
    (line,) = listed(tiny_data)
    assert line.startswith("classes.txt: the classes are 0 bg, 1 torso, 2 low_hand; the tree has 1 low_hand, 2 torso,")


def test_split_without_a_person_and_class_never_seen_are_remarks(tiny_data: Path) -> None:
    masks = tiny_data / "gt_masks"
    for name in ("img_08", "img_09", "img_10"):
        np.save(masks / f"{name}.npy", np.zeros_like(np.load(masks / f"{name}.npy")))
    for place in range(8):
        mask = np.load(masks / f"img_0{place}.npy")
        np.save(masks / f"img_0{place}.npy", np.where(mask == 3, 0, mask).astype(np.uint8))
    assert check(tiny_data).notes == (
        "train: never seen: low_leg",
        "val: not one of the 3 images shows a person",
    )


def test_picture_in_another_format_under_the_name_of_a_jpeg_is_decoded(tiny_data: Path) -> None:
    image, _ = draw_person(0, height=64, width=48)
    (tiny_data / "JPEGImages" / "img_00.jpg").write_bytes(jpeg_bytes(image[..., 0]))
    assert Layout.open(tiny_data).read_image("img_00").shape == (64, 48, 3)
    check(tiny_data)
