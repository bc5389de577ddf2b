"""MCCP2: the host's bytes as a zlib stream, inflated a portion at a time."""

from __future__ import annotations

import zlib

from guacr.errors import UpstreamError

PORTION = 32768
"""Bytes that come out at a time: a few compressed ones may stand for very many."""


class Inflation:
    """Inflates what `put` adds; `rest` is what follows the stream's end."""

    __slots__ = ("_stream", "_waiting", "ended", "more")

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()
        self._waiting = b""
        self.ended = False
        """Whether the host has ended the stream; what follows is plain again."""
        self.more = False
        """Whether the last portion was a full one: another may follow without a `put`."""

    @property
    def rest(self) -> bytes:
        """What came after the stream's end."""
        return self._stream.unused_data

    def put(self, data: bytes) -> None:
        """More of the stream; the caller bounds how much waits."""
        self._waiting += data

    def take(self) -> bytes:
        """The next portion; nothing if more has to be put first.

        Raises:
            UpstreamError: these are no zlib data.
        """
        if self.ended:
            return b""
        try:
            portion = self._stream.decompress(self._waiting, PORTION)
        except zlib.error:
            raise UpstreamError(
                "the host sends compressed data (MCCP2) that cannot be read: turn compression off "
                "on the host"
            ) from None
        self._waiting = self._stream.unconsumed_tail
        self.ended = self._stream.eof
        self.more = len(portion) == PORTION
        return portion
