"""One video into another: every frame segmented and repainted, its time and the sound as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycascade.errors import VideoError
from bodycascade.resizing import resize_image
from bodycascade.video.effects import Effect
from bodycascade.video.pyav import av
from bodycascade.video.reading import Frame, Item, Video
from bodycascade.video.streaming import BatchSegmenter, ahead
from bodycascade.video.writing import Form, refuse_source, write_video


@dataclass(frozen=True)
class Conversion:
    """What was done: how many frames were written, and lines on what was missing or had to be changed."""

    frames: int
    notes: tuple[str, ...]


def convert(
    source: Path,
    target: Path,
    segmenter: BatchSegmenter,
    effect: Effect,
    *,
    batch: int,
    quality: int,
    sound: bool = True,
    on_frame: Callable[[int, int | None], None] = lambda done, total: None,
) -> Conversion:
    """Write the video `source` to `target`, whole or not at all, each frame as `effect` makes it.

    Times are counted from the start of `source`, whatever its clock shows there.

    `batch` frames go through `segmenter` together; a few more wait decoded, so memory does not grow with the video.
    `quality`: the encoder's constant rate factor. `on_frame(done, total)` hears of each frame; the total is None where
    the file does not say. Raises `VideoError` where nothing can be decoded, or `target` cannot be written.
    """
    refuse_source(target, source)
    with Video.open(source) as video, ExitStack() as stack:
        items = stack.enter_context(closing(ahead(video.items(), 2 * batch)))
        held: list[Item] = []  # sound that comes before the first frame
        first = _first_frame(items, held)
        if first is None:
            raise VideoError(f"{source}: not one frame can be decoded; the file is damaged or cut short")
        size = (first.image.shape[0], first.image.shape[1])
        form = Form(size, video.time_base, video.rate, first.aspect, video.colours, varies=video.varies)
        start = round(video.start / video.time_base)
        tracks = video.audio if sound else ()
        writer = stack.enter_context(write_video(target, form, quality=quality, audio=tracks))
        done = 0
        for item in _painted(chain(held, [first], items), segmenter, effect, batch=batch, time_base=video.time_base):
            if isinstance(item, Frame):
                writer.write(_at_size(item.image, size), item.pts - start, item.duration)
                done += 1
                on_frame(done, video.expected_frames)
            elif sound:
                writer.write_sound(_earlier(item, video.start))
        notes = (*video.notes(), *writer.notes)
    return Conversion(done, notes)


def _first_frame(items: Iterator[Item], held: list[Item]) -> Frame | None:
    """The first frame; what comes before it is added to `held`."""
    for item in items:
        if isinstance(item, Frame):
            return item
        held.append(item)
    return None


def _painted(
    items: Iterable[Item], segmenter: BatchSegmenter, effect: Effect, *, batch: int, time_base: Fraction
) -> Iterator[Item]:
    """The items in their order, with frames as `effect` makes them; `batch` frames are segmented together."""
    group: list[Item] = []
    frames: list[Frame] = []
    for item in items:
        group.append(item)
        frames += [item] if isinstance(item, Frame) else []
        if len(frames) == batch:
            yield from _paint(group, frames, segmenter, effect, time_base)
            group, frames = [], []
    yield from _paint(group, frames, segmenter, effect, time_base)


def _paint(
    group: list[Item], frames: list[Frame], segmenter: BatchSegmenter, effect: Effect, time_base: Fraction
) -> Iterator[Item]:
    found = segmenter.batch([frame.image for frame in frames], level=effect.level) if frames else []
    found.reverse()  # popped from its end, so that the memory of each is freed as soon as it is painted
    for item in group:
        if not isinstance(item, Frame):
            yield item
            continue
        painted = effect(item.image, found.pop(), float(item.pts * time_base))
        yield replace(item, image=painted)


def _earlier(packet: av.Packet[Any], seconds: Fraction) -> av.Packet[Any]:
    """The packet itself, its times less by `seconds`."""
    steps = round(seconds / packet.time_base)
    packet.pts = None if packet.pts is None else packet.pts - steps
    packet.dts = None if packet.dts is None else packet.dts - steps
    return packet


def _at_size(image: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    # Some streams change their size on the way; a file has one.
    return image if image.shape[:2] == size else resize_image(image, size)
