"""Pictures of any kind as uint8 RGB arrays."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from bodycascade.errors import ImageError, first_line
from bodycascade.strips import strips

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | npt.NDArray[Any]
"""What stands for an image: a path, the bytes of a picture's file or such a file opened to be read, a PIL image of any
mode, or a uint8 array (H, W, 3) RGB."""

STRIP_PIXELS = 1 << 22
"""Large pictures are converted in strips of about so many pixels, so that no second copy of them is ever whole."""

# EXIF 2.32, tag 0x0112: how the stored picture is turned into the upright one.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def read_image(source: ImageLike) -> npt.NDArray[np.uint8]:
    """The picture as (H, W, 3) uint8 RGB, C-contiguous, upright.

    Files and PIL images: the EXIF orientation is applied, alpha is dropped, 16-bit gray is scaled to 8 bits; of several
    frames a file's first one is taken, a PIL image's current one. Arrays: uint8 of shape (H, W, 3), (H, W), (H, W, 1)
    or (H, W, 4); an array (H, W, 3) that is contiguous is returned as it is, not copied. Raises `ImageError` on
    anything else, and where a file is missing, truncated or no picture.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        try:
            return _from_pillow(source)
        except ImageError:
            raise
        except Exception as error:
            raise ImageError(f"the PIL image cannot be decoded ({first_line(error)})") from error
    if isinstance(source, str | os.PathLike):
        return decode(Path(source), str(Path(source)))
    if isinstance(source, bytes):
        return decode(io.BytesIO(source), f"the picture of {len(source)} bytes")
    if _is_file(source):
        return read_image(_content(source))
    raise ImageError(
        f"expected a path, a picture's bytes, a PIL image or a uint8 array (H, W, 3); found {type(source).__name__}"
    )


def read_images(images: Iterable[ImageLike], *, taker: str) -> list[tuple[npt.NDArray[np.uint8], bytes | None]]:
    """Each of `images` as `read_image` gives it, with its `icc_profile`, in their order.

    Raises what `read_image` raises, naming the place, from 1, of one of several that has no path, and what
    `require_several` raises.
    """
    require_several(images, taker=taker)
    every = list(images)
    found = []
    for place, image in enumerate(every, start=1):
        # Read once: a pipe gives its bytes one time only.
        try:
            source = _content(image) if _is_file(image) else image
            found.append((read_image(source), icc_profile(source)))
        except ImageError as error:
            names_itself = len(every) == 1 or isinstance(image, str | os.PathLike)
            raise error if names_itself else ImageError(f"image {place}: {error}") from error.__cause__
    return found


def _is_file(source: object) -> bool:
    """Whether it is an open file; a camera that gives frames may have a `read`, too."""
    is_other = isinstance(source, str | os.PathLike | Image.Image)
    return not is_other and hasattr(source, "read") and hasattr(source, "seek")


def _content(file: Any) -> bytes:
    """All bytes of an open file, wherever it stands."""
    shown = getattr(file, "name", "the picture's file")
    try:
        if file.seekable():
            file.seek(0)
        data = file.read()
    except UnicodeDecodeError:
        data = ""
    except (OSError, ValueError) as error:  # closed, or opened to be written
        raise ImageError(f"{shown}: cannot be read ({first_line(error)})") from None
    if isinstance(data, str):
        raise ImageError(f"{shown}: opened as text; open a picture with the mode 'rb'")
    if not data:
        raise ImageError(f"{shown}: the file is empty")
    return bytes(data)


def require_several(images: object, *, taker: str) -> None:
    """Raise `ImageError` where `images` is one image, or nothing to go through; `taker` is the name of the method."""
    what = ""
    if isinstance(images, str | os.PathLike):
        what = f"{images}: a path"
    elif isinstance(images, np.ndarray) and images.ndim < 4:
        what = f"one array {images.shape}"
    elif isinstance(images, bytes | Image.Image) or _is_file(images):
        what = f"one image ({type(images).__name__})"
    if what:
        raise ImageError(f"{what}, where {taker} takes several images; put it in a list")
    if not isinstance(images, Iterable):
        raise ImageError(f"{taker} takes several images, as a list of them; found {type(images).__name__}")


def decode(file: Path | BinaryIO, shown: str) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB: the picture in `file`, as `read_image` gives it; an `ImageError` calls it `shown`."""
    try:
        if isinstance(file, Path) and file.is_file() and file.stat().st_size == 0:
            raise ImageError("the file is empty")
        if isinstance(file, Path) and file.is_fifo():  # which gives its bytes one time only
            file = io.BytesIO(file.read_bytes())
        with open_picture(file) as image:
            return _from_pillow(image)
    except ImageError as error:
        raise ImageError(f"{shown}: {error}") from None
    except FileNotFoundError:
        raise ImageError(f"{shown}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{shown}: a folder; expected a picture") from None
    except PermissionError as error:
        raise ImageError(f"{shown}: cannot be read ({error.strerror})") from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise ImageError(
            f"{shown}: more than the {limit:,} pixels that Pillow takes; make it smaller, or, in Python, raise "
            "PIL.Image.MAX_IMAGE_PIXELS"
        ) from None
    except UnidentifiedImageError:
        raise ImageError(f"{shown}: not a picture in any format that Pillow reads") from None
    except Exception as error:
        # Decoders raise what they like on damaged files: struct.error, SyntaxError, IndexError, ...
        raise ImageError(f"{shown}: cannot be decoded ({first_line(error)})") from error


def open_picture(file: Path | BinaryIO) -> Image.Image:
    """The picture in `file`, of which the header alone is read; raises what `Image.open` raises.

    One in HEIF, as telephones write them, is opened by pi-heif, since Pillow knows nothing of it; `ImageError` says so
    where that is missing.
    """
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        if not _is_heif(file):
            raise
    if not read_heif_too():
        raise ImageError("HEIF, which needs pi-heif: pip install 'bodycascade[heic]', or save it as JPEG") from None
    return Image.open(file)


def read_heif_too() -> bool:
    """Have Pillow open HEIF from now on; False where pi-heif is missing."""
    try:
        import pi_heif  # noqa: PLC0415 - an extra
    except ImportError:
        return False
    pi_heif.register_heif_opener()
    return True


def _is_heif(file: Path | BinaryIO) -> bool:
    """Whether `file` begins as ISO/IEC 23008-12 has it: a box "ftyp" that names a brand of HEIF."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            start = opened.read(12)
    else:
        file.seek(0)
        start = file.read(12)
        file.seek(0)
    return start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS


def _unmapped(image: Image.Image) -> Image.Image:
    """The image; a TIFF that lies on its side anew, from a stream.

    By its name Pillow maps an uncompressed one into memory, with its sides exchanged, and scrambles it so.
    """
    named = getattr(image, "filename", "")
    if image.format != "TIFF" or not named or not getattr(image, "tile", ()) or _orientation(image) < 5:
        return image
    again = Image.open(io.BytesIO(Path(named).read_bytes()))
    again.seek(image.tell())
    return again


def icc_profile(source: ImageLike) -> bytes | None:
    """The ICC profile that says which colours the RGB numbers of a picture stand for; None where they are sRGB's.

    Numbers are read as they are, so whoever writes them to a file adds this. A file's header alone is read. None too
    for an array, a named pipe, a picture that cannot be opened, and a profile of another kind, as of CMYK: such are
    converted.
    """
    try:
        if isinstance(source, Image.Image):
            return _rgb_profile(source)
        if isinstance(source, np.ndarray):
            return None
        file = _as_file(source)
        if isinstance(file, Path) and file.is_fifo():  # who has read the picture has left nothing in it
            return None
        with open_picture(file) as image:
            return _rgb_profile(image)
    except Exception:  # decoders raise what they like; who reads the picture says what is wrong
        return None


def _as_file(source: str | os.PathLike[str] | bytes | BinaryIO) -> Path | BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return Path(source) if isinstance(source, str | os.PathLike) else source


def is_turned(path: Path) -> bool:
    """Whether a picture's EXIF orientation turns or mirrors what the file stores; False where it cannot be opened."""
    try:
        with open_picture(path) as image:
            return _orientation(image) in _TURNS
    except Exception:  # decoders raise what they like; who reads the picture says what is wrong
        return False


def _from_array(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise ImageError(f"expected a uint8 array (H, W, 3) with values 0 to 255; found dtype {array.dtype}")
    gray = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
    if not gray and (array.ndim != 3 or array.shape[2] not in (3, 4)):
        raise ImageError(f"expected a uint8 array (H, W, 3); found shape {array.shape}")
    if array.size == 0:
        raise ImageError(f"expected at least one pixel; found shape {array.shape}")
    if gray:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(array if array.shape[2] == 3 else array[..., :3])


def _from_pillow(image: Image.Image) -> npt.NDArray[np.uint8]:
    image = _unmapped(image)
    image.load()
    if 0 in image.size:
        raise ImageError(f"expected at least one pixel; found {image.width} x {image.height}")
    turn = _TURNS.get(_orientation(image))
    upright = image.transpose(turn) if turn is not None else image
    width, height = upright.size
    cuts = strips(0, height, width=width, pixels=STRIP_PIXELS)
    if len(cuts) == 1:
        return _rgb(upright)
    array = np.empty((height, width, 3), np.uint8)
    for strip in cuts:
        array[strip] = _rgb(upright.crop((0, strip.start, width, strip.stop)))
    return array


def _rgb_profile(image: Image.Image) -> bytes | None:
    profile = image.info.get("icc_profile")
    # ICC.1:2022, 7.2: bytes 16 to 19 of a profile name the kind of its numbers.
    return profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None


def _orientation(image: Image.Image) -> int:
    # A broken EXIF block says nothing about the picture itself, which is decoded by now.
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1


def _rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    if image.mode == "RGB":
        return np.array(image)
    if image.mode.startswith("I"):  # I;16 and its byte orders; I holds 16-bit gray in 32, as PNG's and TIFF's come
        deep = np.asarray(image).astype(np.int64).clip(0, 65535)
        return np.repeat(((deep * 255 + 32767) // 65535).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == "F":
        raise ImageError("the picture holds floating-point values of unknown range; save it with 8 bits a channel")
    # Straight to RGB, Pillow has no way from premultiplied alpha and warns about palettes with transparency.
    through = {"RGBa": "RGBA", "La": "LA", "P": "RGBA", "PA": "RGBA"}.get(image.mode)
    return np.array((image.convert(through) if through else image).convert("RGB"))
