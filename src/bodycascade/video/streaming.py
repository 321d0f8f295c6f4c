"""Frames through a segmenter: a thread decodes ahead while the network runs, and never many frames are in memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from bodycascade.errors import BodyCascadeError
from bodycascade.hierarchy import Tree
from bodycascade.imaging import ImageLike, require_several
from bodycascade.segmentation import Segmentation

Item = TypeVar("Item")

_SECONDS_BETWEEN_LOOKS = 0.1


class BatchSegmenter(Protocol):
    """A segmenter that takes several images at once, as `CascadeSegmenter` does."""

    @property
    def tree(self) -> Tree:
        """The classes it tells apart."""

    def batch(self, images: Iterable[ImageLike], *, level: int | None = None) -> list[Segmentation]:
        """The segmentations of `images`, in their order, down to `level`."""


def stream(
    segmenter: BatchSegmenter,
    images: Iterable[npt.NDArray[np.uint8]],
    *,
    batch: int,
    level: int | None = None,
) -> Generator[Segmentation, None, None]:
    """The segmentation of each image (H, W, 3) uint8 RGB of a stream, in order, without end where the stream has none.

    The next images are fetched in a thread of their own while the network looks at `batch` of them; at most three
    times `batch` images are alive. A result holds its picture as `.image`. Closing the generator ends the thread.
    Raises `BodyCascadeError` where `batch` is below 1, and `ImageError` where `images` is one image.
    """
    if batch < 1:
        raise BodyCascadeError(f"batch: expected how many images are segmented together, 1 or more; found {batch!r}")
    require_several(images, taker="stream")
    fetched = ahead(images, batch)
    try:
        while chosen := list(islice(fetched, batch)):
            yield from segmenter.batch(chosen, level=level)
    finally:
        fetched.close()


def ahead(items: Iterable[Item], count: int) -> Generator[Item, None, None]:
    """The items themselves, of which up to `count` wait ready-made: a thread fetches them.

    What fetching raises is raised here, after the items before it. Closing the generator ends the thread and closes
    the iterator of the items.
    """
    waiting: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(max(1, count))
    stopped = threading.Event()
    thread = threading.Thread(target=_fetch, args=(iter(items), waiting, stopped), daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # None only where it is an item
    finally:
        stopped.set()
        thread.join()


def _fetch(
    items: Iterator[Item],
    waiting: queue.Queue[tuple[Item | None, BaseException | None]],
    stopped: threading.Event,
) -> None:
    try:
        for item in items:
            if not _hand_over((item, None), waiting, stopped):
                return
        _hand_over((None, StopIteration()), waiting, stopped)
    except BaseException as error:  # it belongs to whoever asked for the items
        _hand_over((None, error), waiting, stopped)
    finally:
        if isinstance(items, Generator):
            items.close()


def _hand_over(
    item: tuple[Item | None, BaseException | None],
    waiting: queue.Queue[tuple[Item | None, BaseException | None]],
    stopped: threading.Event,
) -> bool:
    """Whether `item` was taken over before the reader went away."""
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=_SECONDS_BETWEEN_LOOKS)
        except queue.Full:
            continue
        return True
    return False
