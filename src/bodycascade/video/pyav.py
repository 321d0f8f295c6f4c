"""PyAV, the binding of FFmpeg's libraries; importing this without it raises the line that tells how to install it."""

from __future__ import annotations

from bodycascade.errors import MissingExtraError

try:
    import av
except ModuleNotFoundError:
    raise MissingExtraError("av (PyAV)", "video") from None

__all__ = ["av", "reason"]


def reason(error: Exception) -> str:
    """What FFmpeg says of an error, in a few words: without its number and the place in PyAV."""
    text = str(getattr(error, "strerror", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
