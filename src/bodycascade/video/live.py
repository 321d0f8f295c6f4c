"""A camera, live: only its newest frame is looked at, so what is shown is never late, however slow the network is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from bodycascade.drawing import Picture
from bodycascade.errors import VideoError
from bodycascade.video.effects import Effect
from bodycascade.video.pyav import av, decode, picture_streams, reason
from bodycascade.video.reading import Video, to_rgb
from bodycascade.video.streaming import BatchSegmenter
from bodycascade.video.writing import HD, Form, VideoWriter, write_video

MILLISECOND = Fraction(1, 1000)
USUAL_RATE = Fraction(15)
"""What a live recording's header says; its frames have times of their own."""

_DEVICE = "/dev/video"


@dataclass(frozen=True)
class Shot:
    """A frame (H, W, 3) uint8 RGB and when it was taken, in seconds of `time.monotonic`."""

    image: Picture
    seconds: float


class Newest:
    """The newest of the shots that a thread takes from `shots`; older ones that nobody asked for are dropped.

    To be used as a context manager. `dropped` counts them.
    """

    def __init__(self, shots: Iterator[Shot]) -> None:
        self.dropped = 0
        self._shots = shots
        self._changed = threading.Condition()
        self._shot: Shot | None = None
        self._error: BaseException | None = None
        self._ended = self._stopped = False
        self._thread = threading.Thread(target=self._take, daemon=True)

    def __enter__(self) -> Newest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._thread.join(timeout=2)  # a camera that hangs must not keep the program

    def next(self, *, seconds: float | None = None) -> Shot | None:
        """The newest shot that was not given yet, waiting for one, at most `seconds`.

        None at the end, and where none came in time. Raises what taking it raised.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._shot is not None or self._ended, seconds)
            shot, self._shot = self._shot, None
            if shot is None and self._error is not None:
                raise self._error
            return shot

    def _take(self) -> None:
        try:
            for shot in self._shots:
                with self._changed:
                    self.dropped += self._shot is not None
                    self._shot = shot
                    self._changed.notify()
                if self._stopped:
                    return
        except BaseException as error:  # it belongs to whoever asks for the next shot
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()


class Sink(Protocol):
    """Where painted frames go."""

    def show(self, image: Picture, seconds: float) -> bool:
        """Show `image` (H, W, 3), taken `seconds` after the first; False where the person wants to end."""

    def close(self) -> None:
        """Give back what it holds."""


class Recording:
    """The video file `path`, which is whole once it is closed; frames keep the times at which they were taken."""

    def __init__(self, path: Path, *, quality: int) -> None:
        self._path, self._quality = path, quality
        self._stack = ExitStack()
        self._writer: VideoWriter | None = None
        self._last = -1

    def show(self, image: Picture, seconds: float) -> bool:
        """Add one frame."""
        if self._writer is None:
            form = Form((image.shape[0], image.shape[1]), MILLISECOND, USUAL_RATE, colours=HD)
            self._writer = self._stack.enter_context(write_video(self._path, form, quality=self._quality))
        self._last = max(self._last + 1, round(seconds * 1000))
        self._writer.write(image, self._last)
        return True

    def close(self) -> None:
        """Finish the file."""
        self._stack.close()


class Loopback:
    """A v4l2 loopback device such as /dev/video10, from which meeting programs read it as they would a camera."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._output: av.container.OutputContainer | None = None
        self._stream: av.VideoStream | None = None
        if not path.exists():
            raise VideoError(
                f"{path}: no such device; make one with: sudo modprobe v4l2loopback video_nr={path.name[5:] or 10}"
            )

    def show(self, image: Picture, seconds: float) -> bool:
        """Hand one frame to whoever reads the device."""
        even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        try:
            if self._output is None or self._stream is None:
                self._output = av.open(str(self._path), "w", format="v4l2")
                self._stream = self._output.add_stream("rawvideo", rate=30)
                self._stream.height, self._stream.width = even.shape[:2]
                self._stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            self._output.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(
                f"{self._path}: is no v4l2 loopback device that takes pictures ({reason(error)})"
            ) from None
        return True

    def close(self) -> None:
        """Let go of the device."""
        if self._output is not None:
            self._output.close()


def camera_shots(name: str) -> Iterator[Shot]:
    """Shots of the camera `name`: a number, a device such as /dev/video0, a stream's address, or a video file.

    A file is shown at its own pace. Raises `VideoError`, before the first shot, where there is no such camera.
    """
    device = f"{_DEVICE}{name}" if name.isdecimal() else name
    if device.startswith(_DEVICE):
        return _device_shots(Path(device))
    if "://" not in device and not Path(device).exists():
        raise VideoError(f"{device}: no such camera or file; expected 0, /dev/video0, rtsp://... or a video file")
    return _paced(Video.open(Path(device))) if "://" not in device else _stream_shots(device)


def run_live(
    shots: Iterator[Shot],
    segmenter: BatchSegmenter,
    effect: Effect,
    sinks: list[Sink],
    *,
    seconds: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[int, int]:
    """(shown, dropped): the newest of `shots` through `effect` to all `sinks`, until one wants to end, or Ctrl-C.

    `seconds`: the longest that it goes on, None until the shots end. The sinks are closed in any case.
    """
    with ExitStack() as stack:
        for sink in sinks:
            stack.callback(sink.close)
        newest = stack.enter_context(Newest(shots))
        first: float | None = None
        shown, started = 0, clock()
        try:
            while (left := None if seconds is None else seconds - (clock() - started)) is None or left > 0:
                if (shot := newest.next(seconds=left)) is None:
                    break
                first = shot.seconds if first is None else first
                (found,) = segmenter.batch([shot.image], level=effect.level)
                painted = effect(shot.image, found, shot.seconds - first)
                shown += 1
                go_on = [sink.show(painted, shot.seconds - first) for sink in sinks]  # each gets the last one too
                if not all(go_on):
                    break
        except KeyboardInterrupt:
            pass  # the usual way to end; a recording is finished all the same
        return shown, newest.dropped


def _device_shots(device: Path) -> Iterator[Shot]:
    if not device.exists():
        others = ", ".join(str(path) for path in sorted(device.parent.glob("video*")))
        there = f"there is {others}" if others else "no camera is connected to this machine"
        raise VideoError(f"{device}: no such camera ({there}); name one with --source, or a video file to try it on")
    try:
        container = av.open(str(device), format="v4l2")
    except av.error.PermissionError:
        raise VideoError(
            f"{device}: may not be read; add yourself to the group video, or let its owner do it"
        ) from None
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(
            f"{device}: the camera cannot be opened ({reason(error)}); is another program using it?"
        ) from None
    return _decoded(container, str(device))


def _stream_shots(address: str) -> Iterator[Shot]:
    try:
        return _decoded(av.open(address, timeout=10), address)
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"{address}: the stream cannot be opened ({reason(error)})") from None


def _decoded(container: av.container.InputContainer, name: str) -> Iterator[Shot]:
    """The shots of an open camera or stream; a damaged piece is left out, as the next one is already coming.

    Raises `VideoError` at once where it sends no picture.
    """
    pictures = picture_streams(container)
    if not pictures:
        container.close()
        raise VideoError(f"{name}: sends no picture that can be decoded")
    return _shots(container, pictures[0], name)


def _shots(container: av.container.InputContainer, stream: av.VideoStream, name: str) -> Iterator[Shot]:
    with container:
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                raise VideoError(f"{name}: no more pictures come ({reason(error)})") from None
            if packet is None:
                return
            for frame in decode(stream, packet) or ():
                yield Shot(to_rgb(frame), time.monotonic())


def _paced(video: Video) -> Iterator[Shot]:
    with video:
        started, first = time.monotonic(), None
        for frame in video.frames():
            at = float(frame.pts * video.time_base)
            first = at if first is None else first
            time.sleep(max(0.0, started + at - first - time.monotonic()))
            yield Shot(frame.image, started + at - first)
