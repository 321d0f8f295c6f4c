"""When frames and sound are shown: durations, and clocks that do not start at 0."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from PIL import Image

from bodycascade.cascade import CascadeSegmenter
from tests.video.rendered import packets, read, render, walk
from tests.video.test_conversion import run


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
def test_last_frame_is_shown_for_as_long_as_it_was(tmp_path: Path, segmenter: CascadeSegmenter, ending: str) -> None:
    first, *others = (Image.fromarray(image) for image in walk(3))
    first.save(tmp_path / "in.gif", save_all=True, append_images=others, duration=[1000, 1000, 4000])
    target = tmp_path / f"out.{ending}"
    run(tmp_path / "in.gif", target, segmenter)
    with av.open(str(target)) as video:
        assert video.duration == pytest.approx(6_000_000, abs=50_000)
        shown = [float(p.duration * p.time_base) for p in video.demux(video=0) if p.pts is not None and p.duration]
    assert shown == pytest.approx([1, 1, 4], abs=0.05)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_times_are_counted_from_the_start_whatever_the_clock_shows(
    tmp_path: Path, segmenter: CascadeSegmenter, ending: str
) -> None:
    times = range(480, 492)  # from the 40th second on
    source = render(tmp_path / "in.ts", walk(12), times=times, audio=(440,), audio_seconds=1, sound_start=40)
    with av.open(str(source)) as video:
        assert video.start_time > 39_000_000, "the example needs a late clock"
    target = tmp_path / f"out.{ending}"
    done = run(source, target, segmenter)
    assert done.notes == ()
    found = read(target)[1]
    assert found[0] == pytest.approx(0, abs=0.1)
    assert [float(time - found[0]) for time in found] == pytest.approx([place / 12 for place in range(12)], abs=0.002)
    with av.open(str(target)) as video:
        assert video.duration == pytest.approx(1_000_000, abs=120_000)
        assert float(video.streams.audio[0].start_time * video.streams.audio[0].time_base) < 0.1


def test_sound_of_a_transport_stream_is_copied(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    source = render(tmp_path / "in.ts", walk(12), audio=(440,))
    for name in ("out.mkv", "out.mp4", "out.mov"):
        assert run(source, tmp_path / name, segmenter).notes == ()
        with av.open(str(tmp_path / name)) as video:
            assert video.streams.audio[0].codec_context.name == "aac"
        assert len(packets(tmp_path / name, 0)) == len(packets(source, 0))
