"""Reads numbers from what a server has sent, within its bounds."""

from __future__ import annotations

import struct

from handlers.rdp.aardwolf.errors import invalid

_U16, _U32, _U16_BIG = struct.Struct("<H"), struct.Struct("<I"), struct.Struct(">H")


class Reader:
    """A message, read from its beginning; each method raises an `EndError` beyond its end.

    Args:
        data: the message.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """The bytes that have not been read."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """Read bytes."""
        end = self._at + size
        if end > len(self._data):
            raise invalid(f"a message ends {end - len(self._data)} bytes too early")
        found = self._data[self._at : end]
        self._at = end
        return found

    def rest(self) -> bytes:
        """Read all bytes that are left."""
        return self.take(self.left)

    def u8(self) -> int:
        """Read an unsigned number of 8 bits."""
        return self.take(1)[0]

    def u16(self) -> int:
        """Read an unsigned number of 16 bits, little-endian."""
        found: int = _U16.unpack(self.take(2))[0]
        return found

    def u32(self) -> int:
        """Read an unsigned number of 32 bits, little-endian."""
        found: int = _U32.unpack(self.take(4))[0]
        return found

    def u16_big(self) -> int:
        """Read an unsigned number of 16 bits, big-endian."""
        found: int = _U16_BIG.unpack(self.take(2))[0]
        return found

    def per_length(self) -> int:
        """Read a length in PER (ITU-T X.691, 10.9), of at most 14 bits."""
        first = self.u8()
        return (first & 0x7F) << 8 | self.u8() if first & 0x80 else first

    def ber_length(self) -> int:
        """Read a length in BER (ITU-T X.690, 8.1.3), of at most 32 bits."""
        first = self.u8()
        if not first & 0x80:
            return first
        size = first & 0x7F
        if not 1 <= size <= _U32.size:
            raise invalid(f"a length has {size} bytes")
        return int.from_bytes(self.take(size), "big")

    def ber(self, tag: int) -> bytes:
        """Read the content of a value with this tag of one byte."""
        found = self.u8()
        if found != tag:
            raise invalid(f"a value has the tag {found:#x} instead of {tag:#x}")
        return self.take(self.ber_length())
