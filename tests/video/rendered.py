"""Small videos that tests render: a person in the tree's colours who walks before a gray wall."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from bodycascade.hierarchy import PASCAL_PART

UInt8 = npt.NDArray[np.uint8]
WALL = (0, 0, 0)
SIZE = (48, 64)
TWELFTHS = Fraction(1, 12)

# (label, rows, columns) of a figure 32 rows high and 12 columns wide.
_FIGURE = (
    (4, (0, 8), (3, 9)),
    (2, (8, 18), (3, 9)),
    (6, (8, 13), (0, 3)),
    (1, (13, 18), (0, 3)),
    (5, (18, 25), (3, 9)),
    (3, (25, 32), (3, 9)),
)


def figure(size: tuple[int, int] = SIZE, *, left: int = 8, top: int = 8, wall: tuple[int, int, int] = WALL) -> UInt8:
    """(H, W, 3) uint8: the figure with its left upper corner there, each part in its colour of the tree's palette."""
    image = np.full((*size, 3), wall, np.uint8)
    for label, (first, last), (start, end) in _FIGURE:
        image[top + first : top + last, left + start : left + end] = PASCAL_PART.palette[label]
    return image


def walk(frames: int = 12, *, size: tuple[int, int] = SIZE) -> list[UInt8]:
    """The figure, one column further to the right in each frame."""
    return [figure(size, left=4 + place % (size[1] - 16)) for place in range(frames)]


def render(
    path: Path,
    images: Sequence[UInt8],
    *,
    times: Sequence[int] | None = None,
    time_base: Fraction = TWELFTHS,
    codec: str = "libx264",
    pixels: str = "yuv444p",
    container: str | None = None,
    degrees: int = 0,
    audio: Sequence[int] = (),
    audio_codec: str = "aac",
    audio_seconds: float | None = None,
    audio_rate: int = 48000,
    sound_start: int = 0,
    layout: str = "mono",
    options: dict[str, str] | None = None,
    aspect: Fraction = Fraction(1),
    matrix: int | None = None,
) -> Path:
    """Write `images` to the video `path`, and `path` itself.

    `times` in steps of `time_base`; `degrees`: the rotation that the file asks for, counter-clockwise; `audio`: a tone
    of each of these hertz as a track of its own, as long as the video or `audio_seconds`, alike in all channels of
    `layout`, `audio_rate` samples a second, from `sound_start` seconds on; `matrix`: H.273's number of the one from
    RGB, which the file then names, as its primaries and transfer.
    """
    times = range(len(images)) if times is None else times
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=1 / time_base, options={"crf": "1"} if codec == "libx264" else {})
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], pixels
        stream.codec_context.time_base = time_base
        stream.codec_context.gop_size = 4
        if aspect != 1:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            codec = stream.codec_context
            codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range = matrix, matrix, matrix, 1
        if degrees:
            stream.set_display_rotation(degrees)
        tracks = [(output.add_stream(audio_codec, rate=audio_rate, layout=layout), hertz) for hertz in audio]
        for image, time in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if matrix is not None:  # FFmpeg's converter has one number for the two of BT.601
                frame = frame.reformat(format=pixels, dst_colorspace=5 if matrix == 6 else matrix, dst_color_range=1)
            frame.pts, frame.time_base = time, time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        seconds = audio_seconds or float((times[-1] + 1) * time_base)
        for track, hertz in tracks:
            wave = np.sin(2 * np.pi * hertz * np.arange(round(audio_rate * seconds)) / audio_rate).astype(np.float32)
            for start in range(0, len(wave) - 1023, 1024):
                channels = np.tile(wave[start : start + 1024], (av.AudioLayout(layout).nb_channels, 1))
                sound = av.AudioFrame.from_ndarray(channels, format="fltp", layout=layout)
                sound.sample_rate, sound.time_base = audio_rate, Fraction(1, audio_rate)
                sound.pts = sound_start * audio_rate + start
                output.mux(track.encode(sound))
            output.mux(track.encode(None))
    return path


def sound_alone(path: Path) -> Path:
    """Write a file that holds a track of silence and no picture to `path`, and `path` itself."""
    with av.open(str(path), "w") as output:
        track = output.add_stream("aac", rate=48000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate, sound.pts = 48000, 0
        output.mux(track.encode(sound))
        output.mux(track.encode(None))
    return path


def damage(path: Path) -> Path:
    """Spoil twenty bytes after the first quarter of the frames of the MP4 `path`, and `path` itself."""
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + len(data) // 4
    for place in range(start, start + 1000, 50):
        data[place] ^= 255
    path.write_bytes(data)
    return path


def read(path: Path) -> tuple[list[UInt8], list[Fraction]]:
    """(frames (H, W, 3) uint8, their times in seconds) of a video, decoded by plain PyAV."""
    with av.open(str(path)) as video:
        frames = [(frame.to_ndarray(format="rgb24"), frame.pts * frame.time_base) for frame in video.decode(video=0)]
    return [image for image, _ in frames], [time for _, time in frames]


def packets(path: Path, track: int) -> list[bytes]:
    """The packets of an audio track, as stored."""
    with av.open(str(path)) as video:
        return [bytes(packet) for packet in video.demux(video.streams.audio[track]) if packet.size]
