"""Whole videos through the segmenter: frames, times, sound, and what happens where the file is not as it should be."""

from __future__ import annotations

import itertools
import resource
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import VideoError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.video.conversion import Conversion, convert
from bodycascade.video.effects import Background, Effect, Overlay, read_background
from tests.video.rendered import SIZE, damage, figure, packets, read, render, sound_alone, walk

GREEN = (0, 128, 0)
LUMA = {1: (139, 53), 6: (117, 67), 9: (133, 61)}
"""By matrix, the luma that (0, 200, 0) and (200, 0, 0) have: 16 + 219 * (green's or red's weight) * 200 / 255."""


def classes() -> Effect:
    return Overlay(PASCAL_PART, level=2, opacity=None, smooth_seconds=0)


def on_green() -> Effect:
    picture = read_background("green")
    return Background(PASCAL_PART, "body", picture=picture, blur_fraction=0.02, smooth_seconds=0)


def run(source: Path, target: Path, segmenter: CascadeSegmenter, effect: Effect | None = None) -> Conversion:
    return convert(source, target, segmenter, effect or classes(), batch=3, quality=1)


def test_every_frame_is_painted_at_its_own_time(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    images = walk(14)
    done = run(render(tmp_path / "in.mp4", images), tmp_path / "out.mp4", segmenter, on_green())
    painted, times = read(tmp_path / "out.mp4")
    assert done == Conversion(14, ())
    assert times == [Fraction(place, 12) for place in range(14)]
    for place, (image, shown) in enumerate(zip(images, painted, strict=True)):
        middle = np.s_[10:38, place + 9 : place + 11]  # of the figure, away from its soft edges
        assert np.abs(shown[middle].astype(int) - image[middle]).mean() < 12
        assert np.abs(shown[:, :2].astype(int) - GREEN).max() < 12


@pytest.mark.parametrize(("matrix", "said"), [(None, (2, 2, 2)), (1, (1, 1, 1)), (6, (6, 6, 6)), (9, (9, 9, 9))])
def test_colours_mean_what_they_meant(
    tmp_path: Path, segmenter: CascadeSegmenter, matrix: int | None, said: tuple[int, int, int]
) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, :32], image[:, 32:] = (0, 200, 0), (200, 0, 0)
    source = render(tmp_path / "in.mp4", [image] * 3, pixels="yuv420p", matrix=matrix)
    run(source, tmp_path / "out.mp4", segmenter, Overlay(PASCAL_PART, level=0, opacity=0, smooth_seconds=0))
    lumas = []
    for path in (source, tmp_path / "out.mp4"):
        with av.open(str(path)) as video:
            frame = next(video.decode(video=0))
            codec = video.streams.video[0].codec_context
            assert (codec.colorspace, codec.color_primaries, codec.color_trc) == said
            lumas.append(frame.to_ndarray(format="yuv420p")[32, [8, 56]].astype(int))
    assert np.abs(lumas[1] - lumas[0]).max() <= 2
    assert np.abs(lumas[1] - LUMA[matrix or 6]).max() <= 2


def test_classes_are_shown_in_their_colours(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    image = figure()
    run(render(tmp_path / "in.mp4", [image] * 3), tmp_path / "out.mp4", segmenter)
    shown = read(tmp_path / "out.mp4")[0][1].astype(int)
    for row, column in ((11, 14), (20, 14), (29, 14), (36, 14)):  # in the middle of head, torso, upper and lower leg
        assert np.abs(shown[row, column] - image[row, column]).max() < 30


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm", ".m4v"])
def test_each_container_plays(tmp_path: Path, segmenter: CascadeSegmenter, ending: str) -> None:
    source = render(tmp_path / "in.mp4", walk(6), audio=(440,))
    target = tmp_path / f"out{ending}"
    run(source, target, segmenter)
    assert len(read(target)[0]) == 6
    assert len(packets(target, 0)) > 10


def test_variable_frame_rate_keeps_each_time(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    times = [0, 1, 2, 9, 10, 30, 31, 32, 60]
    source = render(tmp_path / "in.mkv", walk(9), times=times, time_base=Fraction(1, 90))
    for name in ("out.mkv", "out.mp4"):
        run(source, tmp_path / name, segmenter)
        assert read(tmp_path / name)[1] == read(source)[1]
    assert read(tmp_path / "out.mp4")[1] == [pytest.approx(time / 90, abs=0.0006) for time in times]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_applied(tmp_path: Path, segmenter: CascadeSegmenter, degrees: int) -> None:
    upright = figure()
    stored = np.ascontiguousarray(np.rot90(upright, -degrees // 90))  # turned back by the player, counter-clockwise
    source = render(tmp_path / "in.mp4", [stored] * 4, degrees=degrees)
    run(source, tmp_path / "out.mp4", segmenter)
    with av.open(str(tmp_path / "out.mp4")) as video:
        frame = next(video.decode(video=0))
        assert frame.rotation == 0
        shown = frame.to_ndarray(format="rgb24")
    assert shown.shape[:2] == SIZE
    assert np.abs(shown.astype(int) - upright).mean() < 8


@pytest.mark.parametrize("size", [(49, 64), (48, 65), (49, 65)])
def test_odd_sizes_are_padded_by_their_border(
    tmp_path: Path, segmenter: CascadeSegmenter, size: tuple[int, int]
) -> None:
    source = render(tmp_path / "in.mkv", [figure(size, wall=(90, 90, 90))] * 3, codec="ffv1", pixels="bgr0")
    done = run(source, tmp_path / "out.mp4", segmenter, on_green())
    shown = read(tmp_path / "out.mp4")[0][0]
    height, width = size
    assert shown.shape[:2] == (height + height % 2, width + width % 2)
    assert f"{width} x {height} is odd" in done.notes[0]
    assert np.abs(shown[-1].astype(int) - shown[-2]).max() < 12


def test_two_audio_tracks_are_copied_to_the_byte(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    source = render(tmp_path / "in.mp4", walk(12), audio=(440, 880))
    run(source, tmp_path / "out.mp4", segmenter)
    assert [packets(tmp_path / "out.mp4", track) for track in (0, 1)] == [packets(source, track) for track in (0, 1)]


def test_a_video_without_sound_stays_without(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    run(render(tmp_path / "in.mp4", walk(4)), tmp_path / "out.mp4", segmenter)
    with av.open(str(tmp_path / "out.mp4")) as video:
        assert not video.streams.audio


@pytest.mark.parametrize(
    ("sound", "out", "encoded"),
    [
        (("aac.mp4", "stereo", 48000), "out.webm", "opus"),
        (("pcm_s16le.avi", "stereo", 48000), "out.mp4", "aac"),  # MP4 knows PCM, but not of loudspeakers without names
        (("libopus.mkv", "stereo", 48000), "out.mov", "aac"),  # Opus is in MOV's list, and not allowed there
        (("pcm_u8.avi", "mono", 48000), "out.mp4", "aac"),  # AVI says how many channels, not which
        (("pcm_u8.avi", "mono", 11024), "out.mp4", "aac"),  # AAC knows no such rate
    ],
)
def test_sound_that_the_container_cannot_hold_is_encoded_again(
    tmp_path: Path, segmenter: CascadeSegmenter, sound: tuple[str, str, int], out: str, encoded: str
) -> None:
    name, layout, rate = sound
    source = tmp_path / name
    render(source, walk(12), audio=(440,), audio_codec=source.stem, layout=layout, audio_rate=rate)
    done = run(source, tmp_path / out, segmenter)
    assert "the sound is encoded again" in done.notes[0]
    with av.open(str(tmp_path / out)) as video:
        assert video.streams.audio[0].codec_context.codec.canonical_name == encoded
        samples = np.concatenate([frame.to_ndarray()[0] for frame in video.decode(audio=0)])
    written = rate // 1024 * 1024 / rate  # seconds: the tone ends with its last whole frame
    assert len(samples) / 48000 == pytest.approx(written, abs=0.03)
    spectrum = np.abs(np.fft.rfft(samples[4800:43200]))
    assert np.argmax(spectrum) / 0.8 == pytest.approx(440, abs=3)


@pytest.mark.parametrize(("name", "options"), [("in.mkv", {}), ("in.mp4", {"movflags": "+faststart"})])
def test_a_video_cut_short_is_written_as_far_as_it_goes(
    tmp_path: Path, segmenter: CascadeSegmenter, name: str, options: dict[str, str]
) -> None:
    source = render(tmp_path / name, walk(48), options=options)
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) * 3 // 4])
    done = run(source, tmp_path / "out.mp4", segmenter)
    painted, times = read(tmp_path / "out.mp4")
    assert 20 < done.frames == len(painted) < 48
    assert times == [pytest.approx(place / 12, abs=0.0006) for place in range(done.frames)]
    assert any("cut short" in note and str(source) in note for note in done.notes)


def test_a_picture_that_starts_after_the_sound_is_not_cut_short(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    source = render(tmp_path / "in.mkv", walk(12), times=range(12, 24), audio=(440,), audio_seconds=0.5)
    with av.open(str(source)) as video:
        assert video.streams.video[0].start_time > video.streams.audio[0].start_time
    assert run(source, tmp_path / "out.mkv", segmenter) == Conversion(12, ())


def test_damage_in_the_middle_costs_only_what_it_hits(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    source = damage(render(tmp_path / "in.mp4", walk(24)))
    done = run(source, tmp_path / "out.mp4", segmenter)
    painted, times = read(tmp_path / "out.mp4")
    assert done.frames == len(painted) >= 16
    assert times == sorted(set(times))
    assert times[-1] == Fraction(23, 12)


def test_a_video_that_does_not_say_how_long_it_is(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    source = render(tmp_path / "in.mkv", walk(9), options={"live": "1"})
    with av.open(str(source)) as video:
        assert video.duration is None
    totals: list[int | None] = []
    done = convert(
        source,
        tmp_path / "out.mp4",
        segmenter,
        classes(),
        batch=2,
        quality=20,
        on_frame=lambda _, total: totals.append(total),
    )
    assert done == Conversion(9, ())
    assert totals == [None] * 9


def test_pixels_that_are_not_square_keep_their_shape(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    source = render(tmp_path / "in.mp4", walk(3), aspect=Fraction(4, 3))
    run(source, tmp_path / "out.mp4", segmenter)
    with av.open(str(tmp_path / "out.mp4")) as video:
        assert video.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"not a video at all" * 50, "not a video that can be opened"),
        (None, "no such file"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(
    tmp_path: Path, segmenter: CascadeSegmenter, content: bytes | None, words: str
) -> None:
    source = tmp_path / "in.mp4"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(VideoError, match=f"(?i)in.mp4: .*{words}") as caught:
        run(source, tmp_path / "out.mp4", segmenter)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.mp4").exists()


def test_a_colon_in_a_name_is_no_protocol(
    tmp_path: Path, segmenter: CascadeSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(tmp_path / "in.mp4", walk(4)).rename(tmp_path / "12:30.mp4")
    monkeypatch.chdir(tmp_path)
    assert run(Path("12:30.mp4"), Path("day:night.mp4"), segmenter).frames == 4
    assert (tmp_path / "day:night.mp4").is_file()


def test_sound_alone_is_refused(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    with pytest.raises(VideoError, match="no video track"):
        run(sound_alone(tmp_path / "song.mkv"), tmp_path / "out.mp4", segmenter)


def test_the_video_itself_is_never_overwritten(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    source = render(tmp_path / "in.mp4", walk(3))
    before = source.read_bytes()
    with pytest.raises(VideoError, match="name another file"):
        run(source, source, segmenter)
    assert source.read_bytes() == before


def test_an_unknown_ending_is_refused_before_anything_is_written(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    with pytest.raises(VideoError, match=r"choose one of \.mp4, "):
        run(render(tmp_path / "in.mp4", walk(3)), tmp_path / "out.avi", segmenter)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 96, 128, 3), dtype=np.uint8)
    source = render(tmp_path / "in.mp4", list(noise))
    (tmp_path / "out.mp4").write_text("the old one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))  # writes beyond it fail, as on a full disk
    try:
        with pytest.raises((VideoError, OSError), match=r"out\.mp4"):
            convert(source, tmp_path / "out.mp4", segmenter, on_green(), batch=2, quality=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "out.mp4").read_text() == "the old one"
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "out.mp4"}


def test_results_do_not_depend_on_the_batch(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    source = render(tmp_path / "in.mp4", walk(7))
    for batch in (1, 5):
        convert(source, tmp_path / f"{batch}.mp4", segmenter, classes(), batch=batch, quality=20)
    one, five = (read(tmp_path / f"{batch}.mp4")[0] for batch in (1, 5))
    np.testing.assert_array_equal(one, five)


@pytest.mark.slow
def test_memory_is_flat_over_two_thousand_frames(tmp_path: Path, segmenter: CascadeSegmenter) -> None:
    images = list(itertools.islice(itertools.cycle(walk(40)), 2000))
    source = render(tmp_path / "in.mp4", images, audio=(440,), time_base=Fraction(1, 25))
    used: dict[int, int] = {}

    def on_frame(done: int, total: int | None) -> None:
        for expert in segmenter.experts:
            expert.shown.clear()  # these experts keep what they are asked
        if done in (400, 2000):
            with open("/proc/self/statm") as file:  # noqa: PTH123 - proc files have no size to read ahead
                used[done] = int(file.read().split()[1]) * resource.getpagesize()

    convert(source, tmp_path / "out.mp4", segmenter, classes(), batch=4, quality=30, on_frame=on_frame)
    assert used[2000] - used[400] < 12_000_000  # a single leaked frame of each would be 18 MB
