"""Sound in Opus for clients that decode it themselves, as guacr's page does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from guacr.opus import CHANNELS_MAX, FRAME, LOOKAHEAD, RATE, OpusEncoder
from guacr.protocol.audio import AudioFormat
from guacr.protocol.instruction import BLOB_MAX
from guacr.session.streams.resampler import Resampler

OPUS = "audio/vnd.guacr.opus"
"""The type that such clients name in the handshake."""
SILENT_MAX = 5
"""Packets of pure silence in a row that are sent; nothing follows until there is sound again."""

_LENGTH = 2
"""Bytes before each packet, which are its length, the higher byte first."""


class OpusStream:
    """Encodes a stream of PCM.

    Args:
        source: the format of the stream.
    """

    def __init__(self, source: AudioFormat) -> None:
        self._target = _target_of(source)
        self._resampler = Resampler(source, self._target)
        self._encoder = OpusEncoder(self._target.channels)
        self._size = FRAME * self._target.frame
        self._silence = bytes(self._size)
        self._rest = b""
        """Sound that does not fill a packet yet, in `_target`."""
        self._silent = 0
        """Packets of pure silence at the end of what was encoded."""

    @staticmethod
    def mimetype(source: AudioFormat) -> str:
        """Return the type of the stream that PCM becomes."""
        return f"{OPUS};rate={RATE},channels={_target_of(source).channels}"

    def feed(self, data: bytes) -> list[bytes]:
        """Return the blobs for the next part of the stream, which has whole frames.

        Each has whole packets, with the length of each before it in two bytes, the higher one
        first. Up to 20 ms wait for the next part.
        """
        return list(_joined(self._packets(self._resampler.feed(data))))

    def end(self) -> list[bytes]:
        """Return the blobs for what still waits, at the end of the stream."""
        tail = self._resampler.end() + bytes(LOOKAHEAD * self._target.frame)
        tail += bytes(-(len(self._rest) + len(tail)) % self._size)
        return list(_joined(self._packets(tail)))

    def _packets(self, pcm: bytes) -> Iterator[bytes]:
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % self._size
        self._rest = pcm[whole:]
        for start in range(0, whole, self._size):
            frame = pcm[start : start + self._size]
            self._silent = self._silent + 1 if frame == self._silence else 0
            if self._silent <= SILENT_MAX:
                yield self._encoder.encode(frame)


def _target_of(source: AudioFormat) -> AudioFormat:
    return AudioFormat(rate=RATE, channels=min(source.channels, CHANNELS_MAX), bits=16)


def _joined(packets: Iterable[bytes]) -> Iterator[bytes]:
    """Join packets to blobs, as many as fit into each."""
    blob = b""
    for packet in packets:
        part = len(packet).to_bytes(_LENGTH, "big") + packet
        if len(blob) + len(part) > BLOB_MAX:
            yield blob
            blob = b""
        blob += part
    if blob:
        yield blob
