"""PyAV, the binding of FFmpeg's libraries; importing this without it raises the line that tells how to install it."""

from __future__ import annotations

from typing import Any

from bodycascade.errors import MissingExtraError

try:
    import av
except ModuleNotFoundError:
    raise MissingExtraError("av (PyAV)", "video") from None

__all__ = ["av", "decode", "picture_streams", "reason"]


def reason(error: Exception) -> str:
    """What FFmpeg says of an error, in a few words: without its number and the place in PyAV."""
    text = str(getattr(error, "strerror", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def picture_streams(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The video tracks that can be decoded."""
    return [stream for stream in container.streams.video if stream.codec_context is not None]


def decode(stream: av.VideoStream, packet: av.Packet[Any] | None) -> list[av.VideoFrame] | None:
    """The frames of `packet`, None where it is damaged; without a packet, those that the decoder still holds."""
    try:
        return stream.decode(packet)
    except av.error.EOFError:
        return []
    except av.error.FFmpegError:
        return None
