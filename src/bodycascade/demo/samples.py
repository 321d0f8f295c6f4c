"""Rendered pictures to click, for whoever has none at hand."""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import Future, ThreadPoolExecutor

from PIL import Image

from bodycascade.data.rendering import render
from bodycascade.errors import RequestError

SEEDS = (9, 25, 29, 5, 38, 19)
"""One to six people, near and far, whole and cut off by the frame; a cyclist."""

SIDE = 800


class Samples:
    """JPEGs of rendered pictures, made one after another in a thread from now on, and kept."""

    def __init__(self, seeds: tuple[int, ...] = SEEDS, *, side: int = SIDE) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="samples")
        self._made: list[Future[bytes]] = [self._worker.submit(_jpeg, seed, side) for seed in seeds]

    def __len__(self) -> int:
        return len(self._made)

    async def jpeg(self, place: int) -> bytes:
        """The picture at `place`, once it is made; raises `RequestError` 404 where there is none."""
        if place not in range(len(self._made)):
            raise RequestError(404, f"there are {len(self._made)} samples, from 0; found {place}")
        # Shielded: who gives up waiting must not take the picture from the others.
        return await asyncio.shield(asyncio.wrap_future(self._made[place]))

    def close(self) -> None:
        """Make no more."""
        self._worker.shutdown(wait=False, cancel_futures=True)


def _jpeg(seed: int, side: int) -> bytes:
    image, _ = render(seed, side)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=92)
    return file.getvalue()
