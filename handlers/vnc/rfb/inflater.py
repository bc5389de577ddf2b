"""zlib streams that continue from rectangle to rectangle, inflated in parts."""

from __future__ import annotations

import zlib

from handlers.vnc.rfb.context import broken
from handlers.vnc.rfb.input import Input, Steps

CHUNK = 1 << 16
"""Compressed bytes that are read at a time."""
SLACK = 4096
"""Bytes by which compressed data may be longer than uncompressed data."""


class Inflater:
    """One stream. `begin` starts a rectangle, `end` completes it.

    All of them raise:
        UpstreamError: the data is corrupt, or decompresses to fewer or more bytes than expected.
    """

    __slots__ = ("_allowed", "_has_more", "_input", "_left", "_most", "_stream", "_tail")

    def __init__(self, source: Input) -> None:
        self._input = source
        self.reset()

    def reset(self) -> None:
        """Start a new stream."""
        self._stream = zlib.decompressobj()
        self._tail: bytes | bytearray = b""
        self._has_more = False  # the stream may contain bytes that were not requested
        self._left = self._most = self._allowed = 0

    def begin(self, size: int, most: int) -> None:
        """Expect `size` compressed bytes that decompress to at most `most` bytes."""
        if size > most + (most >> 6) + SLACK:
            raise broken(f"{size} compressed bytes for {most} bytes of pixels")
        self._left, self._most, self._allowed = size, most, most

    def inflate(self, data: bytes | bytearray, size: int) -> bytes:
        """Return the `size` bytes of a whole rectangle, all of whose data has been received;
        `check_end` follows."""
        self.begin(len(data), size)
        self._tail, self._left = data, 0
        inflated = self._inflate(size)
        if len(inflated) < size:
            raise broken(f"{len(inflated)} bytes of pixels instead of {size}")
        return inflated

    def check_end(self) -> None:
        """Check that `inflate` has returned all bytes of the rectangle."""
        if self._inflate(1):
            raise broken(f"more than {self._most} bytes of pixels in a rectangle")

    def read(self, size: int) -> Steps[bytes]:
        """Return the next `size` bytes."""
        data = yield from self.read_up_to(size)
        if len(data) < size:
            found = self._most - self._allowed
            raise broken(f"{found} bytes of pixels instead of {self._most}")
        return data

    def read_up_to(self, size: int) -> Steps[bytes]:
        """Return the next `size` bytes, or fewer if no more are left."""
        data = yield from self._next(min(size, self._allowed))
        parts = [data]
        while data and len(data) < size:
            size -= len(data)
            data = yield from self._next(min(size, self._allowed))
            parts.append(data)
        return b"".join(parts)

    def end(self) -> Steps[None]:
        """Discard what is left of the rectangle."""
        while True:
            data = yield from self._next(min(CHUNK, self._allowed) + 1)
            if not data:
                return
            if self._allowed < 0:
                raise broken(f"more than {self._most} bytes of pixels in a rectangle")

    def _next(self, most: int) -> Steps[bytes]:
        """Return up to `most` bytes; none at the end of the rectangle."""
        while most:
            if self._tail or self._has_more:
                data = self._inflate(most)
                if data:
                    self._allowed -= len(data)
                    return data
            if not self._left:
                break
            self._tail = yield from self._input.read(min(self._left, CHUNK))
            self._left -= len(self._tail)
        return b""

    def _inflate(self, most: int) -> bytes:
        try:
            data = self._stream.decompress(self._tail, most)
        except zlib.error as error:
            raise broken(f"compressed data that cannot be read ({error})") from None
        self._tail = self._stream.unconsumed_tail
        self._has_more = len(data) == most
        return data
