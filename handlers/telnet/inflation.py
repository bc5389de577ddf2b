"""MCCP2: the host's bytes as a zlib stream, inflated a portion at a time."""

from __future__ import annotations

import zlib

from guacr.api import UpstreamError

PORTION = 32768
"""Bytes per portion, because a few compressed bytes may expand to very many."""


class Inflation:
    """Inflates the bytes added by `put`; `rest` is what follows the end of the stream."""

    __slots__ = ("_stream", "_waiting", "ended", "more")

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()
        self._waiting = b""
        self.ended = False
        """True if the host has ended the stream; what follows is uncompressed."""
        self.more = False
        """True if the last portion was full, so that another may follow without a `put`."""

    @property
    def rest(self) -> bytes:
        """The bytes after the end of the stream."""
        return self._stream.unused_data

    def put(self, data: bytes) -> None:
        """Add bytes of the stream; the caller limits how many are pending."""
        self._waiting += data

    def take(self) -> bytes:
        """Return the next portion; empty if more must be put first.

        Raises:
            UpstreamError: the data is not zlib.
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
