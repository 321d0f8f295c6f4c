from __future__ import annotations

import io
import os
import re
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from bodycascade.errors import ImageError
from bodycascade.imaging import icc_profile, read_image, read_images, require_several
from tests.processes import printed
from tests.toy_experts import random_image

PICTURE = random_image(24, 36)
GRAY = np.repeat(np.arange(0, 240, dtype=np.uint8).reshape(12, 20, 1), 3, axis=2)

HEIC = Path(__file__).with_name("turned.heic")
"""64 x 48 pixels whose red grows to the right by 3 and whose green grows downwards by 4 a pixel, to be turned."""


def one_line(caught: pytest.ExceptionInfo[ImageError]) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_arrays_are_taken_as_they_are() -> None:
    assert read_image(PICTURE) is PICTURE
    np.testing.assert_array_equal(read_image(GRAY[..., 0]), GRAY)
    np.testing.assert_array_equal(read_image(GRAY[..., :1]), GRAY)
    np.testing.assert_array_equal(read_image(np.dstack([PICTURE, PICTURE[..., 0]])), PICTURE)
    assert read_image(PICTURE[:, ::-1]).flags.c_contiguous


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "LA", "PA", "La", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"]
)
def test_every_mode_keeps_its_grays(mode: str) -> None:
    picture = Image.fromarray(np.full((5, 7, 3), 255, np.uint8))
    for through in {"La": ("L", "LA"), "LA": ("L",), "PA": ("P",), "RGBa": ("RGBA",)}.get(mode, ()):
        picture = picture.convert(through)
    array = read_image(picture.convert(mode))
    assert array.shape == (5, 7, 3)
    assert array.dtype == np.uint8
    assert array.min() >= 254


def test_palette_with_transparency_keeps_its_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(PICTURE).quantize(8)
    picture.info["transparency"] = bytes([0, 128, 255])
    picture.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png"), np.asarray(picture.convert("RGBA"))[..., :3])


def test_alpha_is_dropped_not_composited() -> None:
    clear = np.dstack([PICTURE, np.zeros(PICTURE.shape[:2], np.uint8)])
    np.testing.assert_array_equal(read_image(Image.fromarray(clear)), PICTURE)


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    deep = (GRAY[..., 0].astype(np.uint16) * 257).copy()
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    for path in (tmp_path / "deep.png", tmp_path / "deep.tif"):
        np.testing.assert_array_equal(read_image(path), GRAY)
    np.testing.assert_array_equal(read_image(Image.fromarray(deep.astype(np.int32), "I")), GRAY)
    np.testing.assert_array_equal(read_image(Image.frombytes("I;16B", (20, 12), deep.astype(">u2").tobytes())), GRAY)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_orientation_is_applied(orientation: int, suffix: str, tmp_path: Path) -> None:
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),  # stored turned to the left: shown turned to the right
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(np.ascontiguousarray(undo(PICTURE))).save(path, exif=exif, **options)
    np.testing.assert_array_equal(read_image(path), PICTURE)
    with Image.open(path) as picture:
        np.testing.assert_array_equal(read_image(picture), PICTURE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_turned_tiffs_are_read_as_their_pixels_lie(tmp_path: Path, mode: str, orientation: int) -> None:
    # By its name Pillow maps an uncompressed TIFF into memory, with its sides exchanged where it lies on its side.
    gray = Image.fromarray(PICTURE[..., 0])
    stored = Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 257) if mode == "I;16" else gray.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.tif", exif=exif)
    stored.save(tmp_path / "packed.tif", exif=exif, compression="tiff_lzw")
    expected = read_image(tmp_path / "packed.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "turned.tif"), expected)
    with Image.open(tmp_path / "turned.tif") as picture:
        np.testing.assert_array_equal(read_image(picture), expected)


def test_a_file_that_may_not_be_read_is_no_damaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    Image.fromarray(PICTURE).save(tmp_path / "secret.png")
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ImageError, match=rf"^{tmp_path}/secret\.png: cannot be read \(Permission denied\)$"):
        read_image(tmp_path / "secret.png")


def test_a_picture_beyond_pillows_limit_is_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with pytest.raises(ImageError, match=r"large\.png: more than the 800 pixels that Pillow takes; make it"):
        read_image(tmp_path / "large.png")


def test_large_pictures_are_converted_in_strips_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    alpha = Image.fromarray(PICTURE).convert("RGBA")
    monkeypatch.setattr("bodycascade.imaging.STRIP_PIXELS", 5 * 36)
    np.testing.assert_array_equal(read_image(alpha), PICTURE)


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((8, 9, 3), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert int(read_image(tmp_path / "moving.gif").max()) == 10


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), "dtype float32"),
        (np.zeros((4, 4, 3), np.uint16), "dtype uint16"),
        (np.zeros((4, 4, 3), np.bool_), "dtype bool"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"shape \(1, 4, 4, 3\)"),
        (np.zeros((7,), np.uint8), r"shape \(7,\)"),
        (np.zeros((0, 4, 3), np.uint8), r"at least one pixel; found shape \(0, 4, 3\)"),
    ],
)
def test_unfit_arrays_are_one_line(array: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        read_image(array)
    one_line(caught)


def test_bytes_and_open_files_are_read_as_their_path_is(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(PICTURE).save(path)
    np.testing.assert_array_equal(read_image(path.read_bytes()), PICTURE)
    with path.open("rb") as file:
        np.testing.assert_array_equal(read_image(file), PICTURE)
    with path.open("rb") as file:
        file.seek(20)
        np.testing.assert_array_equal(read_image(file), PICTURE)
        np.testing.assert_array_equal(read_image(file), PICTURE)
    for encoding in ("latin-1", "utf-8"):
        with path.open(encoding=encoding) as text, pytest.raises(ImageError, match=r"opened as text; open .* 'rb'"):
            read_image(text)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"picture.png: cannot be read \(.*closed file"):
        read_image(file)
    with (tmp_path / "new").open("wb") as written, pytest.raises(ImageError, match=r"new: cannot be read \("):
        read_image(written)
    with pytest.raises(ImageError, match="the picture's file: the file is empty"):
        read_image(io.BytesIO())
    with pytest.raises(ImageError, match="the picture of 3 bytes: not a picture"):
        read_image(b"abc")


def test_pictures_of_telephones_are_read_upright() -> None:
    for source in (HEIC, HEIC.read_bytes()):
        picture = read_image(source)
        assert picture.shape == (64, 48, 3)  # stored 64 wide, a quarter turn to the right
        corners = picture[[0, 0, -1], [0, -1, 0]].astype(int)
        assert np.abs(corners - [[0, 188, 128], [0, 0, 128], [189, 188, 128]]).max() < 4


def test_all_that_looks_at_a_header_knows_them(tmp_path: Path) -> None:
    report = (
        "from pathlib import Path; from bodycascade.imaging import open_picture\n"
        f"print(open_picture(Path({str(HEIC)!r})).size)"
    )
    assert printed(report).strip() == "(48, 64)"


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for content in (HEIC.read_bytes(), b"not a picture"):
        threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
        if content == b"not a picture":
            with pytest.raises(ImageError, match="pipe: not a picture"):
                read_image(pipe)
        else:
            ((picture, profile),) = read_images([pipe], taker="batch")
            np.testing.assert_array_equal(picture, read_image(HEIC))
            assert profile is None


class Frames:
    """A camera that can be gone through, and asked for single frames."""

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter([PICTURE, PICTURE])

    def read(self) -> np.ndarray:
        return PICTURE


def test_a_camera_with_a_read_of_its_own_is_several_images() -> None:
    assert len(read_images(Frames(), taker="batch")) == 2


def test_without_pi_heif_one_line_says_how_to_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    with pytest.raises(ImageError, match=r"turned.heic: HEIF, which needs pi-heif: pip install") as caught:
        read_image(HEIC)
    one_line(caught)


def test_several_images_come_with_their_place_and_profile(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(PICTURE).save(tmp_path / "a.png", icc_profile=profile)
    with (tmp_path / "a.png").open("rb") as file:
        read = read_images([PICTURE, file, tmp_path / "a.png"], taker="batch")
    assert [found for _, found in read] == [None, profile, profile]
    assert all(np.array_equal(picture, PICTURE) for picture, _ in read)
    with pytest.raises(ImageError, match="image 2: expected a uint8 array"):
        read_images([PICTURE, PICTURE.astype(float)], taker="batch")
    with pytest.raises(ImageError, match=f"^{tmp_path / 'none.png'}: no such file"):
        read_images([PICTURE, tmp_path / "none.png"], taker="batch")
    with pytest.raises(ImageError, match=r"^expected a uint8 array"):
        read_images([PICTURE.astype(float)], taker="batch")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("a.jpg", "a.jpg: a path, where batch takes several images; put it in a list"),
        (Path("a.jpg"), "a.jpg: a path, where batch takes several images; put it in a list"),
        (b"abc", "one image (bytes), where batch takes several images; put it in a list"),
        (PICTURE, "one array (24, 36, 3), where batch takes several images; put it in a list"),
        (Image.fromarray(PICTURE), "one image (Image), where batch takes several images; put it in a list"),
        (io.BytesIO(), "one image (BytesIO), where batch takes several images; put it in a list"),
        (None, "batch takes several images, as a list of them; found NoneType"),
    ],
)
def test_one_image_is_not_several(images: object, message: str) -> None:
    with pytest.raises(ImageError, match=f"^{re.escape(message)}$"):
        require_several(images, taker="batch")


def test_other_things_are_refused() -> None:
    with pytest.raises(ImageError, match="found int"):
        read_image(3)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="floating-point"):
        read_image(Image.fromarray(np.zeros((4, 4), np.float32)))
    with pytest.raises(ImageError, match="found 0 x 3"):
        read_image(Image.new("RGB", (0, 3)))


def test_bad_files_are_one_line_with_their_name(tmp_path: Path) -> None:
    Image.fromarray(random_image(64, 64)).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    for name, content, message in (
        ("empty.jpg", b"", "the file is empty"),
        ("text.jpg", b"not a picture", "not a picture"),
        ("half.jpg", whole[: len(whole) // 2], "cannot be decoded"),
        ("headless.png", b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13), "cannot be decoded|not a picture"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError, match=message) as caught:
            read_image(tmp_path / name)
        assert one_line(caught).startswith(str(tmp_path / name))
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="a folder; expected a picture"):
        read_image(tmp_path)


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "gif", "bmp", "webp"])
@pytest.mark.filterwarnings("ignore")  # Pillow warns of some broken tags, and decodes the picture
def test_mutated_files_are_read_or_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{kind}"
    Image.fromarray(random_image(20, 24)).save(path)
    whole, dice = path.read_bytes(), np.random.default_rng(7)
    for _ in range(60):
        mutant = bytearray(whole)
        for place in dice.integers(0, min(len(whole), 200), 4):
            mutant[place] = int(dice.integers(0, 256))
        path.write_bytes(mutant[: int(dice.integers(1, len(whole) + 1))] if dice.random() < 0.3 else mutant)
        try:
            array = read_image(path)
        except ImageError as error:
            assert "\n" not in str(error)  # noqa: PT017 (either outcome is right)
        else:
            assert array.ndim == 3


def test_the_colour_profile_of_a_file_or_pil_image_is_known(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.fromarray(random_image(8, 9))
    for name in ("a.jpg", "a.png", "a.tif", "a.webp"):
        picture.save(tmp_path / name, icc_profile=profile)
        assert icc_profile(tmp_path / name) == icc_profile(str(tmp_path / name)) == profile
        with (tmp_path / name).open("rb") as file:
            assert icc_profile(file) == profile
        with Image.open(tmp_path / name) as opened:
            assert icc_profile(opened) == profile


def test_where_no_profile_fits_the_numbers_there_is_none(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.fromarray(random_image(8, 9))
    picture.save(tmp_path / "plain.jpg")
    picture.convert("CMYK").save(tmp_path / "print.jpg", icc_profile=profile[:16] + b"CMYK" + profile[20:])
    picture.save(tmp_path / "torn.jpg", icc_profile=b"torn")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    for name in ("plain.jpg", "print.jpg", "torn.jpg", "bad.jpg", "gone.jpg"):
        assert icc_profile(tmp_path / name) is None, name
    assert icc_profile(random_image(8, 9)) is None
