"""The frames of a client's WebSocket (RFC 6455 5.2), without I/O.

A gateway's packets have lengths of their own, so that the boundaries of messages and frames mean
nothing: what frames contain is passed on as it arrives.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

CONTINUATION, BINARY, CLOSE, PING, PONG = 0, 2, 8, 9, 10
"""Opcodes."""
CONTROL_MAX = 125
"""Bytes in a frame that is not one of data."""
_LAST, _RESERVED, _OPCODE, _MASKED, _SIZE = 0x80, 0x70, 0x0F, 0x80, 0x7F
_SIZES = {126: struct.Struct(">H"), 127: struct.Struct(">Q")}
"""How longer sizes follow the two bytes of a header."""


class FrameError(Exception):
    """The bytes are not those of a frame of a server."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping, which is answered by a `PONG` with the same bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The server sends nothing more."""


Event = bytes | Ping | Closed
"""Bytes are a part of a message, and may be none."""


class Parser:
    """Turns received bytes into events."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        """The place of the first byte that has not been used."""
        self._left = 0
        """Bytes of a message that belong to the current frame and have not arrived."""
        self._goes_on = False
        """True if another frame of the message follows."""

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what `data` completes; nothing else may be fed before the last event.

        Raises:
            FrameError: the bytes are not those of frames; nothing may follow.
        """
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += data
        while True:
            if self._left:
                part = bytes(self._buffer[self._at : self._at + self._left])
                self._at += len(part)
                self._left -= len(part)
                if part:
                    yield part
                if self._left:
                    return
            elif (event := self._begin()) is None:
                return
            else:
                yield event

    def _begin(self) -> Event | None:
        """Read the header of a frame, and a whole frame that is not one of data. Return None if it
        is incomplete, and no bytes for one of data."""
        buffer, at = self._buffer, self._at
        if len(buffer) - at < 2:
            return None
        first, size = buffer[at], buffer[at + 1]
        at += 2
        opcode, is_last = first & _OPCODE, bool(first & _LAST)
        if first & _RESERVED or size & _MASKED:
            raise FrameError("a frame is masked, or has an extension")
        if opcode >= CLOSE:
            return self._control(opcode, at, size, is_last=is_last)
        if layout := _SIZES.get(size):
            if len(buffer) - at < layout.size:
                return None
            (size,) = layout.unpack_from(buffer, at)
            at += layout.size
        if opcode != (CONTINUATION if self._goes_on else BINARY):
            raise FrameError(f"a frame with opcode {opcode} was not expected")
        self._at, self._left, self._goes_on = at, size, not is_last
        return b""

    def _control(self, opcode: int, at: int, size: int, *, is_last: bool) -> Event | None:
        if opcode not in (CLOSE, PING, PONG) or size > CONTROL_MAX or not is_last:
            raise FrameError(f"a frame with opcode {opcode} is invalid")
        if len(self._buffer) - at < size:
            return None
        self._at = at + size
        if opcode == PING:
            return Ping(bytes(self._buffer[at : at + size]))
        return Closed() if opcode == CLOSE else b""


def encode(opcode: int, data: bytes) -> bytes:
    """Return a frame with a whole message, masked as those of clients are (5.3)."""
    size = len(data)
    if size <= CONTROL_MAX:
        head = bytes((_LAST | opcode, _MASKED | size))
    else:
        short = 126 if size < 1 << 16 else 127
        head = bytes((_LAST | opcode, _MASKED | short)) + _SIZES[short].pack(size)
    key = os.urandom(4)
    mask = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")
    return head + key + masked.to_bytes(size, "big")
