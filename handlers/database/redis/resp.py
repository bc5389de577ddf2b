"""RESP, the protocol of Redis: an incremental parser that returns replies value by value.

It supports both versions (https://redis.io/docs/latest/develop/reference/protocol-spec/). Client
libraries return complete replies as Python objects, which lose the types that redis-cli shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guacr.api import UpstreamError

LINE_MAX = 1 << 20
"""Maximum bytes of a line: a status, an error, a number, the head of another value."""
VALUE_MAX = 1 << 20
"""Maximum bytes of a string that are kept; the rest is discarded."""
DEPTH_MAX = 128
"""Maximum nesting of arrays."""
COUNT_MAX = 1 << 40
"""Maximum elements of an array, or bytes of a string."""

AGGREGATES = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}
"""Values per element, by the first byte of arrays, sets, pushes, maps and attributes."""
_STRINGS = (b"$", b"=", b"!")
_LINES = (b"+", b"-", b":", b",", b"#", b"(", b"_")
_KINDS = {b"", *AGGREGATES, *_STRINGS, *_LINES}
"""The first bytes of values; empty before the first byte has arrived."""


@dataclass(frozen=True, slots=True)
class Token:
    """A value, or the start of a container.

    `kind` is its first byte in the protocol; null is `_`, however it was sent.
    """

    kind: bytes
    data: bytes = b""
    size: int = 0
    """The number of elements (pairs in a map), or of bytes of the string, which `data` may
    truncate."""


class RespError(UpstreamError):
    """The data is not RESP, or exceeds a limit."""


class RespReader:
    """Parses bytes into tokens."""

    __slots__ = ("_buffer", "_kept", "_kind", "_left", "_size")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._kind = b""
        self._size = 0
        self._left = 0
        """Missing bytes of the current string, including its line end."""
        self._kept = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes from the server."""
        self._buffer += data

    def tokens(self) -> Iterator[Token]:
        """Return complete tokens.

        Raises:
            RespError: see there.
        """
        while (token := self._string() if self._left else self._next()) is not None:
            if token.kind:
                yield token

    def _next(self) -> Token | None:
        kind = bytes(self._buffer[:1])
        if kind not in _KINDS:
            raise RespError("what the server sends is not Redis's protocol: check port and tls")
        end = self._buffer.find(b"\r\n")
        if end > LINE_MAX or (end < 0 and len(self._buffer) > LINE_MAX):
            raise RespError(f"the server sends a line of more than {LINE_MAX} bytes")
        if end < 0:
            return None
        rest = bytes(self._buffer[1:end])
        del self._buffer[: end + 2]
        if kind in _LINES:
            return Token(kind, rest, len(rest))
        size = _number(rest)
        if size < 0:
            return Token(b"_")
        if kind in AGGREGATES:
            return Token(kind, size=size)
        self._kind, self._size, self._left = kind, size, size + 2
        self._kept.clear()
        return Token(b"")

    def _string(self) -> Token | None:
        """Read available bytes of a string; return it once it is complete."""
        wanted = min(VALUE_MAX, self._size) - len(self._kept)
        part = self._buffer[: self._left]
        if wanted > 0:
            self._kept += part[:wanted]
        self._left -= len(part)
        del self._buffer[: len(part)]
        if self._left:
            return None
        return Token(self._kind, bytes(self._kept), self._size)


def _number(text: bytes) -> int:
    digits = text.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 13 or int(text) > COUNT_MAX:
        raise RespError(f"the server sends no size, but {text[:40]!r}")
    return int(text)
