"""Bytes that are pictures, and bytes that are not."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from bodycascade.demo.uploads import read_picture
from bodycascade.errors import RequestError
from tests.demo.stubs import encoded
from tests.imports import ROOT


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG that says it has so many pixels, and holds none."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def idat(data: bytes) -> bytes:
    """A chunk of picture data."""
    return struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_usual_formats_are_read(kind: str) -> None:
    assert read_picture(encoded(9, 5, kind)).shape == (5, 9, 3)


def test_pictures_of_telephones_are_read() -> None:
    assert read_picture((ROOT / "tests" / "turned.heic").read_bytes()).shape == (64, 48, 3)


def test_orientation_is_honoured() -> None:
    picture = Image.new("RGB", (40, 20), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned to the right: what was left is on top
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif)
    found = read_picture(file.getvalue())
    assert found.shape == (40, 20, 3)
    assert found[:16].min() > 200
    assert found[24:].max() < 50


@pytest.mark.parametrize("size", [(7072, 7072), (10_000, 9_500), (60_000, 60_000)])
def test_too_many_pixels_are_refused_from_the_header_alone(size: tuple[int, int]) -> None:
    with pytest.raises(RequestError, match="more than 50 megapixels") as caught:
        read_picture(png_header(*size) + idat(b""))
    assert caught.value.status == 413


@pytest.mark.parametrize(
    "data", [b"no picture at all", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg xmlns='x'></svg>", b"\0" * 64]
)
def test_what_is_no_picture_is_told_with_what_would_be(data: bytes) -> None:
    with pytest.raises(RequestError, match="no picture that can be read here; JPEG, PNG") as caught:
        read_picture(data)
    assert caught.value.status == 415


def test_a_format_that_pillow_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(RequestError, match="JPEG, PNG, WEBP, GIF, BMP and TIFF can"):
        read_picture(b"no picture at all")
    assert read_picture(encoded(9, 5, "TIFF")).shape == (5, 9, 3)


def test_a_damaged_picture_is_told_plainly() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    for data in (file.getvalue()[:4000], png_header(40, 40) + idat(b"no deflate")):
        with pytest.raises(RequestError, match="save it again as JPEG or PNG") as caught:
            read_picture(data)
        assert caught.value.status == 422
        assert "\n" not in str(caught.value)
