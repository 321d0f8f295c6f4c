"""Audio tracks in another file: their packets copied, or encoded again where the file cannot hold their codec."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any, Protocol

from bodycascade.video.pyav import av

_SAMPLE_BYTES = 96
"""Divisible by the bytes that a sample may have in any PCM."""

_LAYOUTS = {
    "1 channels": "mono",
    "2 channels": "stereo",
    "3 channels": "3.0",
    "4 channels": "quad",
    "5 channels": "5.0",
    "6 channels": "5.1",
    "7 channels": "6.1",
    "8 channels": "7.1",
}
"""What encoders take for sound whose file does not say which loudspeakers it is for, as PCM in AVI and Matroska."""

_USUAL_RATE = 48000
"""Samples a second where the codec does not know the sound's own rate; every codec of a video knows this one."""


class Track(Protocol):
    """An audio track of the output."""

    def write(self, packet: av.Packet[Any]) -> None:
        """Put the sound of one packet of the input's track into the output."""

    def end(self) -> None:
        """Put in what is still held back."""


class CopiedTrack:
    """The packets of `source` as they are, in the file `output`."""

    def __init__(self, output: av.container.OutputContainer, source: av.AudioStream) -> None:
        self._output = output
        self._stream = output.add_stream_from_template(source)

    def write(self, packet: av.Packet[Any]) -> None:
        """Copy one packet."""
        packet.stream = self._stream
        self._output.mux(packet)

    def end(self) -> None:
        """Nothing is held back."""


class EncodedTrack:
    """The sound of `source`, decoded and encoded with the codec that the file `output` prefers."""

    def __init__(self, output: av.container.OutputContainer, source: av.AudioStream) -> None:
        self._output, self._source = output, source
        preferred = output.default_audio_codec
        codec = av.Codec("libopus" if preferred == "opus" else preferred, "w")
        # Opus knows 48 kHz and its divisors alone, AAC a list; a codec without a list takes what comes.
        rate = source.rate if source.rate in (codec.audio_rates or [source.rate]) else _USUAL_RATE
        self._encoder = output.add_stream(codec.name, rate=rate)
        layout = _LAYOUTS.get(source.layout.name, source.layout.name)
        self._encoder.codec_context.layout = layout  # type: ignore[union-attr]
        self._resampler = av.AudioResampler(layout=layout, rate=rate)

    def write(self, packet: av.Packet[Any]) -> None:
        """Decode and encode one packet; a damaged one is silence left out."""
        try:
            frames = self._source.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            self._encode(frame)

    def end(self) -> None:
        """The frames that decoder and encoder still hold."""
        try:
            frames = self._source.decode(None)
        except av.error.FFmpegError:
            frames = []
        for frame in frames:
            self._encode(frame)
        self._encode(None)
        self._output.mux(self._encoder.encode(None))  # type: ignore[union-attr]

    def _encode(self, frame: av.AudioFrame | None) -> None:
        for piece in self._resampler.resample(frame):
            self._output.mux(self._encoder.encode(piece))  # type: ignore[union-attr, arg-type]


def add_track(output: av.container.OutputContainer, source: av.AudioStream) -> tuple[Track, str | None]:
    """A track of `output` for the sound of `source`, and a line where it has to be encoded again."""
    if _holds(output.format.name, source):
        return CopiedTrack(output, source), None
    name = source.codec_context.codec.canonical_name
    return (
        EncodedTrack(output, source),
        f"the sound is encoded again: {output.format.name} cannot hold {name}",
    )


def _holds(form: str, source: av.AudioStream) -> bool:
    """Whether a file of this format can hold the packets of `source`.

    Tried with one of silence: a format's list of codecs does not tell that its files want more than the codec to be
    right, as MP4 wants PCM's loudspeakers named and MOV wants no Opus though it knows its name.
    """
    try:
        with av.open(io.BytesIO(), "w", format=form) as trial:
            silence = av.Packet(_silence(source))
            silence.stream, silence.pts, silence.dts = trial.add_stream_from_template(source), 0, 0
            silence.time_base = source.time_base or Fraction(1, source.rate)
            trial.mux(silence)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _silence(source: av.AudioStream) -> bytes:
    """Something that muxers take for a packet of `source`."""
    codec = source.codec_context
    body = bytes(codec.channels * _SAMPLE_BYTES)
    if codec.name != "aac" or codec.extradata:
        return body
    # In transport streams each packet of AAC has a header (ADTS, ISO/IEC 13818-7, 6.2) for what others say once: here
    # of the low complexity profile, 48 kHz, stereo. Muxers read it, and look whether its length is right.
    size = len(body) + 7
    return bytes([0xFF, 0xF1, 0x4C, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC]) + body
