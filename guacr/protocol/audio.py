"""The audio format that clients play and record: PCM without a header, described by a mimetype."""

from __future__ import annotations

import re
from dataclasses import dataclass

from guacr.errors import UnsupportedError, shorten

RATE_MIN, RATE_MAX = 4000, 192_000
CHANNELS_MAX = 8

_MIMETYPE = re.compile(r"audio/L(8|16)\s*;\s*(.*)")
_RATE, _CHANNELS = re.compile(r"rate=([0-9]{1,6})"), re.compile(r"channels=([0-9]{1,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """Signed samples of 8 or 16 bits, little-endian, with the samples of all channels interleaved.
    The protocol calls them L8 and L16.

    Raises:
        UnsupportedError: no client can play this format.
    """

    rate: int = 44100
    """Samples per second of each channel."""
    channels: int = 2
    bits: int = 16

    def __post_init__(self) -> None:
        rate, channels = range(RATE_MIN, RATE_MAX + 1), range(1, CHANNELS_MAX + 1)
        if self.bits not in (8, 16) or self.rate not in rate or self.channels not in channels:
            raise UnsupportedError(
                f"audio of {self.bits} bits, {self.rate} samples per second and {self.channels} "
                f"channels is not supported: use 8 or 16 bits, {RATE_MIN} to {RATE_MAX} samples "
                f"per second and 1 to {CHANNELS_MAX} channels"
            )

    @classmethod
    def parse(cls, mimetype: str) -> AudioFormat:
        """Parse a mimetype such as `audio/L16;rate=44100,channels=2`; the default is one channel.

        Raises:
            UnsupportedError: the mimetype is something else.
        """
        match = _MIMETYPE.fullmatch(mimetype)
        words = [word.strip() for word in match[2].split(",")] if match else []
        rates, channels = (
            [found for word in words if (found := pattern.fullmatch(word))]
            for pattern in (_RATE, _CHANNELS)
        )
        if match is None or len(rates) != 1 or len(channels) > 1:
            raise UnsupportedError(
                f"audio of the type {shorten(mimetype)} is not supported: use audio/L8 or "
                "audio/L16 with a rate"
            )
        count = int(channels[0][1]) if channels else 1
        return cls(rate=int(rates[0][1]), channels=count, bits=int(match[1]))

    @property
    def type(self) -> str:
        """The type that clients name in the handshake, without parameters."""
        return f"audio/L{self.bits}"

    @property
    def mimetype(self) -> str:
        """The whole mimetype."""
        return f"{self.type};rate={self.rate},channels={self.channels}"

    @property
    def frame(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * self.bits // 8

    @property
    def bytes_per_second(self) -> int:
        """The number of bytes per second."""
        return self.rate * self.frame


class Cutter:
    """Cuts bytes into whole frames of a format, so that a dropped frame does not swap channels."""

    __slots__ = ("_format", "_rest")

    def __init__(self, audio: AudioFormat) -> None:
        self._format = audio
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Return the whole frames; the rest waits for the next call."""
        data = self._rest + data
        whole = len(data) - len(data) % self._format.frame
        self._rest = data[whole:]
        return data[:whole]
