"""The camera without a camera: shots that a test makes, or a video played at its own pace."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import VideoError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.video import live
from bodycascade.video.effects import Overlay
from tests.video.rendered import damage, figure, read, render, sound_alone, walk


class Kept:
    """A sink that keeps what it is shown, and has enough after `most` frames."""

    def __init__(self, most: int = 10_000) -> None:
        self.frames: list[np.ndarray] = []
        self.seconds: list[float] = []
        self.most, self.closed = most, False

    def show(self, image: np.ndarray, seconds: float) -> bool:
        self.frames.append(image)
        self.seconds.append(seconds)
        return len(self.frames) < self.most

    def close(self) -> None:
        self.closed = True


def shots(count: int, image: np.ndarray | None = None) -> Iterator[live.Shot]:
    for place in range(count):
        yield live.Shot(figure() if image is None else image, place / 10)


def overlay() -> Overlay:
    return Overlay(PASCAL_PART, level=0, opacity=0.5, smooth_seconds=0)


def test_only_the_newest_shot_is_given() -> None:
    go_on, taken = threading.Event(), threading.Event()

    def three() -> Iterator[live.Shot]:
        yield from shots(3)
        taken.set()
        go_on.wait(10)

    with live.Newest(three()) as newest:
        assert taken.wait(10)
        shot = newest.next()
        assert shot is not None
        assert (shot.seconds, newest.dropped) == (0.2, 2)
        go_on.set()
        assert newest.next() is None


def test_an_error_of_the_camera_reaches_the_reader() -> None:
    def broken() -> Iterator[live.Shot]:
        raise VideoError("unplugged")
        yield

    with live.Newest(broken()) as newest, pytest.raises(VideoError, match="unplugged"):
        newest.next()


def test_it_ends_when_a_sink_has_enough_and_closes_all(segmenter: CascadeSegmenter) -> None:
    def endless() -> Iterator[live.Shot]:
        while True:
            yield from shots(1)
            time.sleep(0.001)

    sinks = [Kept(3), Kept()]
    shown, _ = live.run_live(endless(), segmenter, overlay(), sinks, seconds=None)
    assert shown == 3 == len(sinks[1].frames)
    assert all(sink.closed for sink in sinks)


def test_it_ends_when_its_time_is_over(segmenter: CascadeSegmenter) -> None:
    def endless() -> Iterator[live.Shot]:
        while True:
            yield from shots(1)
            time.sleep(0.001)

    quarters = itertools.count(0, 0.25)
    kept = Kept()
    shown, _ = live.run_live(endless(), segmenter, overlay(), [kept], seconds=1, clock=lambda: next(quarters))
    assert shown == 3 == len(kept.frames)
    assert kept.closed


def test_a_camera_that_falls_silent_does_not_hold_up_the_end(segmenter: CascadeSegmenter) -> None:
    wake = threading.Event()

    def stalling() -> Iterator[live.Shot]:
        yield from shots(1)
        wake.wait(60)

    started = time.monotonic()
    shown, _ = live.run_live(stalling(), segmenter, overlay(), [Kept()], seconds=0.3)
    assert shown == 1
    assert time.monotonic() - started < 20


def test_ctrl_c_finishes_the_recording(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    class Impatient(Kept):
        def show(self, image: np.ndarray, seconds: float) -> bool:
            super().show(image, seconds)
            if len(self.frames) == 4:
                raise KeyboardInterrupt
            return True

    def endless() -> Iterator[live.Shot]:
        while True:
            yield live.Shot(figure(), time.monotonic())
            time.sleep(0.005)

    recording, impatient = live.Recording(tmp_path / "out.mp4", quality=20), Impatient()
    shown, _ = live.run_live(endless(), segmenter, overlay(), [recording, impatient], seconds=None)
    frames, times = read(tmp_path / "out.mp4")
    assert shown == len(frames) == 4
    assert times == [pytest.approx(seconds, abs=0.0021) for seconds in impatient.seconds]


def test_a_video_plays_at_its_own_pace(tmp_path: Path) -> None:
    source = render(tmp_path / "in.mp4", walk(6), time_base=Fraction(1, 12))
    started = time.monotonic()
    taken = list(live.camera_shots(str(source)))
    assert time.monotonic() - started > 5 / 12 - 0.01
    assert [shot.seconds - taken[0].seconds for shot in taken] == [pytest.approx(n / 12, abs=0.002) for n in range(6)]


def test_a_stream_goes_on_after_a_damaged_piece(tmp_path: Path) -> None:
    source = damage(render(tmp_path / "in.mp4", walk(24)))
    shown = [shot.image for shot in live.camera_shots(f"file://{source}")]
    assert len(shown) >= 16
    assert np.abs(shown[-1].astype(int) - walk(24)[-1]).mean() < 12


def test_a_stream_of_sound_alone_is_refused_before_the_first_shot(tmp_path: Path) -> None:
    source = sound_alone(tmp_path / "song.mkv")
    with pytest.raises(VideoError, match=r"song\.mkv: sends no picture that can be decoded"):
        live.camera_shots(f"file://{source}")


@pytest.mark.parametrize(
    ("name", "words"),
    [("97", "/dev/video97: no such camera"), ("nowhere.mp4", "nowhere.mp4: no such camera or file")],
)
def test_a_camera_that_is_not_there_is_said_in_one_line(name: str, words: str) -> None:
    with pytest.raises(VideoError, match=words) as caught:
        live.camera_shots(name)
    assert "\n" not in str(caught.value)


def test_a_loopback_device_that_is_not_there_comes_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"video42: no such device; make one with: .*v4l2loopback video_nr=42"):
        live.Loopback(tmp_path / "video42")


def test_a_loopback_device_that_is_no_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "video42").touch()
    with pytest.raises(VideoError, match="video42: is no v4l2 loopback device"):
        live.Loopback(tmp_path / "video42").show(figure(), 0.0)
