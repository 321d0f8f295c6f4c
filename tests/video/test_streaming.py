from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import BodyCascadeError
from bodycascade.video.streaming import ahead, stream
from tests.video.rendered import walk


def test_a_stream_gives_what_single_calls_give(segmenter: CascadeSegmenter) -> None:
    images = walk(7)
    found = list(stream(segmenter, iter(images), batch=3))
    assert len(found) == 7
    for image, segmentation in zip(images, found, strict=True):
        np.testing.assert_array_equal(segmentation.parts, segmenter(image).parts)
        assert segmentation.image is image


def test_no_images_at_once_and_a_single_image_are_refused(segmenter: CascadeSegmenter) -> None:
    with pytest.raises(BodyCascadeError, match="1 or more; found 0"):
        next(stream(segmenter, walk(2), batch=0))
    with pytest.raises(BodyCascadeError, match="put it in a list"):
        next(stream(segmenter, walk(1)[0], batch=2))


def test_an_endless_stream_is_fetched_only_a_little_ahead(segmenter: CascadeSegmenter) -> None:
    image = walk(1)[0]
    fetched: list[int] = []

    def endless() -> Iterator[np.ndarray]:
        for place in itertools.count():
            fetched.append(place)
            yield image

    results = stream(segmenter, endless(), batch=2, level=0)
    for _ in range(4):
        next(results)
    results.close()
    assert len(fetched) <= 4 + 2 * 2 + 1  # seen, waiting, and in the thread's hand


def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("torn")

    items = ahead(broken(), 5)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="torn"):
        next(items)


def test_closing_closes_the_source_too() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            closed.set()

    items = ahead(source(), 2)
    assert next(items) == 0
    items.close()
    assert closed.is_set()
