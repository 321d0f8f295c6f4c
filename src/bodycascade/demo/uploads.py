"""Bytes from the page to a picture, within limits."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from starlette.requests import ClientDisconnect, Request

from bodycascade.errors import ImageError, RequestError
from bodycascade.imaging import read_heif_too, read_image

MOST_BYTES = 20 * 1000 * 1000
MOST_PIXELS = 50 * 1000 * 1000

MOST_DROPPED = 5 * MOST_BYTES
"""So much is read of an upload that is refused: a browser shows no answer to one that is cut off."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
"""What is tried, where Pillow has it: AVIF came with 11.3, HEIF comes with the extra `heic`.

Other readers of Pillow's are rarely needed, and some (EPS) start other programs.
"""

Result = TypeVar("Result")


async def read_body(request: Request) -> bytes:
    """The body of `request`.

    Raises `RequestError` 413 above MOST_BYTES, once the rest is read and forgotten, 400 where there is none;
    `ClientDisconnect` where it is broken off.
    """
    body, size = bytearray(), 0
    async for chunk in _chunks(request):
        size += len(chunk)
        if size <= MOST_BYTES:
            body += chunk
    if size > MOST_BYTES:
        raise RequestError(413, f"the file is larger than {MOST_BYTES // 1_000_000} MB; try a smaller one")
    if not body:
        raise RequestError(400, "the file is empty")
    return bytes(body)


async def drop_body(request: Request) -> None:
    """Read the body of `request`, up to MOST_DROPPED bytes, and forget it."""
    with suppress(ClientDisconnect):
        async for _ in _chunks(request):
            pass


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body of `request` piece by piece, until there are more than MOST_DROPPED bytes."""
    size = 0
    async for chunk in request.stream():
        yield chunk
        size += len(chunk)
        if size > MOST_DROPPED:
            return


async def unless_gone(request: Request, work: Awaitable[Result]) -> Result:
    """What `work` gives; it is given up when the browser no longer waits. To be called once the body is read."""
    job, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({job, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not job.done():
            raise RequestError(400, "the page no longer waits for the answer")
        return job.result()
    finally:
        job.cancel()
        gone.cancel()


def read_picture(data: bytes) -> npt.NDArray[np.uint8]:
    """The picture (H, W, 3) uint8 RGB, upright by its EXIF orientation.

    Its header is checked before anything is decoded. Raises `RequestError`: 413 above MOST_PIXELS, 415 where it is no
    picture of FORMATS, 422 where it is damaged.
    """
    formats = _formats()
    most = f"{MOST_PIXELS // 1_000_000} megapixels"
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise RequestError(
                    413, f"the picture has {width} x {height} pixels, more than {most}; try a smaller one"
                )
            return read_image(image)
    except RequestError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RequestError(413, f"the picture has far more than {most}; try a smaller one") from None
    except UnidentifiedImageError:
        names = ", ".join(formats[:-1])
        raise RequestError(
            415, f"this file is no picture that can be read here; {names} and {formats[-1]} can"
        ) from None
    except ImageError as error:
        if isinstance(error.__cause__, MemoryError):
            raise error.__cause__ from None
        raise RequestError(
            422, "this picture is damaged, cut short or of a rare kind; save it again as JPEG or PNG"
        ) from None
    except MemoryError:
        raise
    except Exception:  # headers that no reader makes sense of; readers raise what they like
        raise RequestError(422, "this picture is damaged and cannot be opened; save it again as JPEG or PNG") from None


def _formats() -> tuple[str, ...]:
    """Those of FORMATS that Pillow knows; `Image.open` raises KeyError for the name of any other."""
    Image.init()
    read_heif_too()
    return tuple(name for name in FORMATS if name in Image.OPEN)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
