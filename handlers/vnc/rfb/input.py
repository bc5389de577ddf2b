"""The server's bytes, read by generators that wait for more."""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum, auto
from struct import Struct
from typing import Any, TypeVar

COMPACT_AT = 1 << 20
"""The number of read bytes at which the buffer discards them."""


class Wait(Enum):
    """The reason why a generator stops."""

    INPUT = auto()
    """It needs more bytes."""
    THREAD = auto()
    """The next step takes long, and must run outside of the event loop."""
    TURN = auto()
    """It has done enough for one turn of the event loop, and can continue at once."""
    ANSWER = auto()
    """A person, or the caller, has to do something first."""


Result = TypeVar("Result")
Steps = Generator[Wait, None, Result]

U8, U16, U32, I32 = Struct(">B"), Struct(">H"), Struct(">I"), Struct(">i")


class Input:
    """The bytes that have been received and not yet read."""

    __slots__ = ("_at", "_buffer", "_opened")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._opened: Callable[[bytes], bytes] | None = None

    def decrypt(self, opened: Callable[[bytes], bytes]) -> None:
        """Have everything decrypted from here on; `opened` returns what is complete."""
        rest = bytes(self._buffer[self._at :])
        self._buffer.clear()
        self._at = 0
        self._opened = opened
        self.feed(rest)

    @property
    def available(self) -> int:
        """Bytes that can be read at once."""
        return len(self._buffer) - self._at

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        if self._opened is not None:
            data = self._opened(data)
        if self._at >= COMPACT_AT or self._at == len(self._buffer):
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    def unread(self) -> tuple[bytearray, int]:
        """Return the buffer, and where in it the bytes begin that have not been read; `advance`
        follows once it is known how many of them are needed."""
        return self._buffer, self._at

    def advance(self, at: int) -> None:
        """Count everything before a place in the buffer as read."""
        self._at = at

    def read(self, size: int) -> Steps[bytes]:
        """Read exactly `size` bytes."""
        while len(self._buffer) - self._at < size:
            yield Wait.INPUT
        end = self._at + size
        data = bytes(memoryview(self._buffer)[self._at : end])
        self._at = end
        return data

    def skip(self, size: int) -> Steps[None]:
        """Read and discard any number of bytes."""
        while size:
            part = min(size, self.available)
            self._at += part
            size -= part
            if size:
                yield Wait.INPUT

    def unpack(self, layout: Struct) -> Steps[tuple[Any, ...]]:
        """Read the fields of a structure."""
        while len(self._buffer) - self._at < layout.size:
            yield Wait.INPUT
        fields = layout.unpack_from(self._buffer, self._at)
        self._at += layout.size
        return fields

    def u8(self) -> Steps[int]:
        """Read one byte."""
        if self._at < len(self._buffer):
            self._at += 1
            return self._buffer[self._at - 1]
        return (yield from self.read(1))[0]

    def u16(self) -> Steps[int]:
        """Read two bytes."""
        return int.from_bytes((yield from self.read(2)), "big")

    def u32(self) -> Steps[int]:
        """Read four bytes."""
        return int.from_bytes((yield from self.read(4)), "big")
