"""Static channels (MS-RDPBCGR 2.2.6): messages in parts."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from handlers.rdp.aardwolf.errors import invalid
from handlers.rdp.aardwolf.introduction import CHUNK

FIRST, LAST, SHOWS_PROTOCOL = 1, 2, 0x10
"""Flags of a part."""
_COMPRESSED = 0x00200000
_HEADER = struct.Struct("<II")


class Incoming:
    """Puts a server's messages together.

    Args:
        most: the most bytes that are kept; longer messages are passed on in pieces.
        receive: called with each message, or a piece of it, and whether it is the last one.
    """

    def __init__(self, most: int, receive: Callable[[bytes, bool], None]) -> None:
        self._most = most
        self._receive = receive
        self._message = bytearray()

    def feed(self, part: bytes) -> None:
        """Handle a part."""
        if len(part) < _HEADER.size:
            raise invalid("a part of a message has no header")
        _, flags = _HEADER.unpack_from(part)
        if flags & _COMPRESSED:
            raise invalid("a part of a message is compressed")
        if flags & FIRST:
            self._message.clear()
        self._message += part[_HEADER.size :]
        is_last = bool(flags & LAST)
        while len(self._message) > self._most:
            piece = bytes(self._message[: self._most])
            del self._message[: self._most]
            self._receive(piece, False)
        if is_last:
            message = bytes(self._message)
            self._message.clear()
            self._receive(message, True)


def parts(message: bytes, *, shows_protocol: bool = False) -> Iterator[bytes]:
    """Yield the parts of a message with their headers."""
    shown = SHOWS_PROTOCOL if shows_protocol else 0
    for start in range(0, max(len(message), 1), CHUNK):
        end = start + CHUNK
        flags = shown | (FIRST if not start else 0) | (LAST if end >= len(message) else 0)
        yield _HEADER.pack(len(message), flags) + message[start:end]
