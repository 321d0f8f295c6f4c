"""A video's upright frames and its audio packets, in the order of the file, as far as they can be decoded."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bodycascade.errors import VideoError
from bodycascade.video.pyav import av, decode, picture_streams, reason
from bodycascade.video.upright import Turn

USUAL_RATE = Fraction(25)
"""Frames per second where a file says nothing at all: only times that are missing too are made from it."""

UNSPECIFIED = 2
"""H.273's number for a matrix, primaries or transfer that a file does not name."""

_MISSING_SECONDS = 0.1
"""Players and muxers round ends; what is missing by less than this is not worth a line."""


@dataclass(frozen=True)
class Frame:
    """One decoded frame. `image` (H, W, 3) uint8 RGB, upright; `pts`: its time in steps of the video's `time_base`.

    `duration`: for how many steps it is shown. `aspect`: width of a pixel over its height.
    """

    image: npt.NDArray[np.uint8]
    pts: int
    duration: int
    aspect: Fraction


@dataclass(frozen=True)
class Colours:
    """How a video's numbers stand for colours, by the code points of ITU-T H.273: its matrix from RGB, the primaries of
    that RGB, and its transfer curve."""

    matrix: int
    primaries: int
    transfer: int


Item: TypeAlias = "Frame | av.Packet[Any]"
"""What a video holds: frames, and packets of its audio tracks."""


@dataclass
class _Found:
    """What was met while decoding."""

    frames: int = 0
    last_pts: int | None = None
    end_seconds: float = 0.0
    audio_end_seconds: float = 0.0
    bad_packets: int = 0
    bad_frames: int = 0
    broke_off: str = ""


@dataclass
class Video:
    """A video file, open for reading; to be used as a context manager, and read through once. `path`: the file."""

    path: Path
    container: av.container.InputContainer
    stream: av.VideoStream
    first_notes: tuple[str, ...] = ()
    _found: _Found = field(default_factory=_Found)

    @classmethod
    def open(cls, path: Path) -> Video:
        """The video in the file `path`; raises `VideoError` where there is none that FFmpeg knows."""
        try:
            # Absolute: FFmpeg takes what stands before a colon for a protocol.
            container = av.open(str(path.absolute()), metadata_errors="replace")
        except (av.error.FFmpegError, ValueError) as error:
            empty = path.is_file() and path.stat().st_size == 0
            why = "the file is empty" if empty else f"not a video that can be opened ({reason(error)})"
            raise VideoError(f"{path}: {why}") from None
        pictures = picture_streams(container)
        if not pictures:
            container.close()
            raise VideoError(f"{path}: holds no video track that can be decoded")
        stream = pictures[0]
        stream.thread_type = "AUTO"
        return cls(path, container, stream, _left_out(container, len(pictures)))

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    @property
    def time_base(self) -> Fraction:
        """Seconds per step of `Frame.pts`."""
        return self.stream.time_base or 1 / self.rate

    @property
    def rate(self) -> Fraction:
        """Frames per second, on an average."""
        return self.stream.average_rate or self.stream.guessed_rate or USUAL_RATE

    @property
    def varies(self) -> bool:
        """Whether frames may be shown for different times, as far as the file's head tells."""
        return self.stream.average_rate is None or self.stream.average_rate != self.stream.base_rate

    @property
    def start(self) -> Fraction:
        """Seconds that the file's clock shows at its start, at least 0: recorders and broadcasts do not begin at 0."""
        return max(Fraction(0), Fraction(self.container.start_time or 0, av.time_base))

    @property
    def colours(self) -> Colours | None:
        """How its numbers stand for colours, None where the file does not say; known once a frame is decoded."""
        codec = self.stream.codec_context
        matrix = int(codec.colorspace)
        return None if matrix == UNSPECIFIED else Colours(matrix, int(codec.color_primaries), int(codec.color_trc))

    @property
    def audio(self) -> tuple[av.AudioStream, ...]:
        """The audio tracks, in their order."""
        return tuple(s for s in self.container.streams.audio if s.codec_context is not None)

    @property
    def seconds(self) -> float | None:
        """How long the video is by the file's own word, None where it says nothing."""
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        return self.container.duration / av.time_base if self.container.duration else None

    @property
    def expected_frames(self) -> int | None:
        """How many frames there should be, None where the file does not let one know."""
        return self.stream.frames or (round(self.seconds * self.rate) if self.seconds else None)

    def items(self) -> Generator[Item, None, None]:
        """Frames and audio packets, in the order of the file. What cannot be decoded is left out; see `notes`."""
        streams = [self.stream, *self.audio]
        packets = self.container.demux(streams)
        while (packet := self._next_packet(packets)) is not None:
            if packet.stream.type == "audio":
                if packet.dts is not None:  # the last packet of each track is empty: it says that no more come
                    self._heard(packet)
                    yield packet
                continue
            yield from self._frames(packet)
        if self._found.broke_off:  # the decoder still holds frames, and was not told that no more packets come
            yield from self._frames(None)

    def frames(self) -> Iterator[Frame]:
        """The frames alone."""
        return (item for item in self.items() if isinstance(item, Frame))

    def notes(self) -> tuple[str, ...]:
        """What of the file was missing or is left out, a line each; complete once it is read through."""
        found, notes = self._found, list(self.first_notes)
        if found.broke_off:
            notes.append(f"{self.path}: reading broke off after {found.end_seconds:.2f} s ({found.broke_off})")
        if found.bad_packets:
            notes.append(f"{self.path}: {found.bad_packets} damaged pieces could not be decoded and are left out")
        if found.bad_frames:
            notes.append(f"{self.path}: {found.bad_frames} frames are damaged and show what could be made of them")
        if (missing := self._missing_seconds()) > max(_MISSING_SECONDS, 1.5 / self.rate):
            there = f"{found.frames} of {self.stream.frames} frames" if self.stream.frames else f"{found.frames} frames"
            notes.append(f"{self.path}: cut short: {there} are there, the last {missing:.2f} s are missing")
        return tuple(notes)

    def _missing_seconds(self) -> float:
        """How much earlier the file ends than it says."""
        found = self._found
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base) - found.end_seconds
        if self.container.duration:  # of the longest track, from the file's own start; tracks may start later
            start = float((self.stream.start_time or 0) * self.time_base)
            return self.container.duration / av.time_base - max(start + found.end_seconds, found.audio_end_seconds)
        return 0.0

    def _heard(self, packet: av.Packet[Any]) -> None:
        end = float(((packet.pts or packet.dts or 0) + (packet.duration or 0)) * packet.time_base)
        self._found.audio_end_seconds = max(self._found.audio_end_seconds, end)

    def _next_packet(self, packets: Iterator[av.Packet[Any]]) -> av.Packet[Any] | None:
        try:
            return next(packets, None)
        except av.error.FFmpegError as error:
            self._found.broke_off = reason(error)
            return None

    def _frames(self, packet: av.Packet[Any] | None) -> Iterator[Frame]:
        decoded = decode(self.stream, packet)
        self._found.bad_packets += decoded is None
        for frame in decoded or ():
            yield self._upright(frame)

    def _upright(self, frame: av.VideoFrame) -> Frame:
        found, step = self._found, max(1, round(1 / (self.rate * self.time_base)))
        pts = frame.pts
        if pts is None or (found.last_pts is not None and pts <= found.last_pts):
            # Raw streams and some AVI files give no times, damaged ones give them twice.
            pts = 0 if found.last_pts is None else found.last_pts + (step if frame.pts is None else 1)
        found.frames, found.last_pts = found.frames + 1, pts
        found.bad_frames += bool(frame.is_corrupt)
        start = self.stream.start_time or 0
        length = getattr(frame, "duration", 0) or step
        found.end_seconds = float((pts - start + length) * self.time_base)
        turn, aspect = Turn.of_frame(frame), self.stream.sample_aspect_ratio or Fraction(1)
        return Frame(turn.apply(to_rgb(frame)), pts, length, 1 / aspect if turn.swaps else aspect)


def to_rgb(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a decoded frame of any pixel format, not turned."""
    image: npt.NDArray[np.uint8] = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return image


def _left_out(container: av.container.InputContainer, pictures: int) -> tuple[str, ...]:
    """A line for the tracks that nobody will find in the output."""
    other = [f"{pictures - 1} more video"] if pictures > 1 else []
    for kind in ("subtitle", "data"):
        count = sum(1 for stream in container.streams if stream.type == kind)
        other += [f"{count} {kind}"] if count else []
    undecodable = sum(1 for stream in container.streams.audio if stream.codec_context is None)
    other += [f"{undecodable} unknown audio"] if undecodable else []
    return (f"{container.name}: not carried over: {', '.join(other)} tracks",) if other else ()
