"""A video file, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycascade.errors import VideoError
from bodycascade.files import remove_asides, replace_file
from bodycascade.video.pyav import av, reason
from bodycascade.video.reading import Colours
from bodycascade.video.sound import Track, add_track

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""What a file name's ending means to FFmpeg. Other containers, AVI among them, cannot keep frame times as they are."""

ENCODERS = ("libx264", "libopenh264", "mpeg4")
"""The first one that this FFmpeg has is taken; H.264 plays everywhere."""

_LARGEST_DENOMINATOR = 65535
"""MPEG-4 part 2 has 16 bits for the steps of a second."""


HD = Colours(1, 1, 1)
"""ITU-R BT.709, what players take a video for that says nothing and is not small."""

_CONVERTERS = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""By H.273's number of a matrix, what FFmpeg's converter calls it; of two numbers for one matrix, either."""

_FRAME_DURATION = 1 << 8
"""FFmpeg's AV_CODEC_FLAG_FRAME_DURATION."""

_LIMITED = 1
"""Luma from 16 to 235, what yuv420p means to every player."""


@dataclass(frozen=True)
class Form:
    """What a video file is like before its first frame: `size` (H, W) of the frames, steps of time in seconds, frames
    per second on an average, the shape of a pixel, and what its numbers say of colours: None to say nothing, as many
    files do (FFmpeg takes that for BT.601 in reading and writing, so that nothing changes). `varies`: whether frames
    are shown for different times."""

    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    aspect: Fraction = Fraction(1)
    colours: Colours | None = None
    varies: bool = False


class VideoWriter:
    """An open file; see `write_video`. `notes`: what is not as one might expect, a line each."""

    def __init__(
        self,
        output: av.container.OutputContainer,
        form: Form,
        *,
        quality: int,
        audio: Sequence[av.AudioStream],
    ) -> None:
        self.notes: list[str] = []
        if form.colours is not None and form.colours.matrix not in _CONVERTERS:  # RGB, or none that FFmpeg converts to
            form = replace(form, colours=HD)
        self._output, self._form = output, form
        self._stream = _video_stream(output, form, quality)
        self._tracks: dict[int, Track] = {}
        for source in audio:
            track, note = add_track(output, source)
            self._tracks[source.index] = track
            self.notes += [note] if note and note not in self.notes else []
        height, width = form.size
        if height % 2 or width % 2:
            even = f"{width + width % 2} x {height + height % 2}"
            self.notes.append(f"{width} x {height} is odd, which H.264 is not: written as {even}, the border repeated")

    def write(self, image: npt.NDArray[np.uint8], pts: int, duration: int = 0) -> None:
        """Add the frame `image` (H, W, 3) uint8 RGB, shown from `pts` steps on; the times of frames must rise.

        `duration`: for how many steps; 0: until the next one.
        """
        height, width = self._form.size
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        if self._form.colours is not None:
            matrix = _CONVERTERS[self._form.colours.matrix]
            frame = frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=_LIMITED)
        frame.pts, frame.time_base = pts, self._form.time_base
        frame.duration = duration
        self._output.mux(self._stream.encode(frame))

    def write_sound(self, packet: av.Packet[Any]) -> None:
        """Add one packet of an audio track that the writer was made for."""
        self._tracks[packet.stream.index].write(packet)

    def end(self) -> None:
        """Write what encoders still hold, and the end of the file."""
        self._output.mux(self._stream.encode(None))
        for track in self._tracks.values():
            track.end()
        self._output.close()


def refuse_source(target: Path, source: Path) -> None:
    """Raise `VideoError` where to write `target` would be to write over `source`, which is read meanwhile."""
    if target.exists() and source.exists() and target.samefile(source):
        raise VideoError(f"{target}: is the video that is read; name another file for the output")


@contextmanager
def write_video(path: Path, form: Form, *, quality: int, audio: Sequence[av.AudioStream] = ()) -> Iterator[VideoWriter]:
    """A writer of the video file `path`, which is there, whole, only when the context ends without an error.

    `quality`: the encoder's constant rate factor, 0 (lossless) to 51. `audio`: tracks whose packets will come. Raises
    `VideoError` for a file name of no known container and where FFmpeg cannot write, `OSError` where the disk is full.
    """
    kind = CONTAINERS.get(path.suffix.lower())
    if kind is None:
        raise VideoError(f"{path}: cannot write a video of this kind; choose one of {', '.join(CONTAINERS)}")
    remove_asides(path.parent, path.name)
    with replace_file(path) as aside:
        try:
            # The index in front: browsers show the first frame before the last byte is there.
            options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
            with av.open(str(aside.absolute()), "w", format=kind, options=options) as output:
                writer = VideoWriter(output, form, quality=quality, audio=audio)
                yield writer
                writer.end()
        except av.error.FFmpegError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):  # PyAV knows no file; the command knows what to say of it
                raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
            raise VideoError(f"{path}: the video cannot be written ({reason(error)})") from None


def _video_stream(output: av.container.OutputContainer, form: Form, quality: int) -> av.VideoStream:
    name, options = _encoder(output.format.name, quality)
    rate = form.rate.limit_denominator(_LARGEST_DENOMINATOR)
    stream = output.add_stream(name, rate=rate, options=options)
    if not isinstance(stream, av.VideoStream):
        raise VideoError(f"{name} is no video encoder in this FFmpeg")
    height, width = form.size
    stream.height, stream.width = height + height % 2, width + width % 2
    stream.pix_fmt = "yuv420p"
    coarse = name == "mpeg4" and form.time_base.denominator > _LARGEST_DENOMINATOR
    stream.codec_context.time_base = Fraction(1, 60000) if coarse else form.time_base
    if form.varies:  # a frame's duration goes past the encoder only so, and only where no frame waits for a later one
        stream.codec_context.flags |= _FRAME_DURATION
        stream.codec_context.max_b_frames = 0
    if form.colours is not None:
        codec, colours = stream.codec_context, form.colours
        codec.colorspace, codec.color_primaries = colours.matrix, colours.primaries
        codec.color_trc, codec.color_range = colours.transfer, _LIMITED
    if form.aspect != 1:
        stream.codec_context.sample_aspect_ratio = form.aspect
    return stream


def _encoder(container: str, quality: int) -> tuple[str, dict[str, str]]:
    if container == "webm":
        return "libvpx-vp9", {"crf": str(quality), "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
    for name in ENCODERS:
        if name in av.codecs_available:
            fast = {"crf": str(quality), "preset": "veryfast"} if name == "libx264" else {}
            return name, fast
    raise VideoError("this FFmpeg has no encoder for H.264 or MPEG-4; install PyAV from its wheels: pip install av")
