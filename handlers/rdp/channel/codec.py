"""The bytes of messages.

A message is a frozen dataclass with a `TYPE`, whose fields are annotated with one of the types
below. Its bytes are a 32-bit length of the rest, the type in one byte, and the fields in order;
all numbers are little-endian. Texts and bytes begin with their length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, ClassVar, get_type_hints

HEADER = struct.Struct("<IB")
PART_MAX = 1 << 16
_LENGTH = struct.Struct("<I")
_FLAG_MAX = 1


class ChannelError(Exception):
    """The bytes are not those of a message, or exceed a limit."""


@dataclass(frozen=True, slots=True)
class _Number:
    """An integer, stored as a format of `struct`."""

    layout: struct.Struct

    @property
    def largest(self) -> int:
        return self.layout.size

    def encode(self, value: int) -> bytes:
        return self.layout.pack(value)

    def decode(self, data: memoryview, at: int) -> tuple[int, int]:
        end = at + self.layout.size
        if end > len(data):
            raise ChannelError("a message ends within a number")
        return self.layout.unpack_from(data, at)[0], end


@dataclass(frozen=True, slots=True)
class _Flag:
    """A truth value in one byte."""

    largest: ClassVar[int] = 1

    def encode(self, value: bool) -> bytes:
        return b"\1" if value else b"\0"

    def decode(self, data: memoryview, at: int) -> tuple[bool, int]:
        if at >= len(data) or data[at] > _FLAG_MAX:
            raise ChannelError("a message has a flag that is neither 0 nor 1")
        return bool(data[at]), at + 1


@dataclass(frozen=True, slots=True)
class _Bytes:
    """At most `maximum` bytes."""

    maximum: int

    @property
    def largest(self) -> int:
        return _LENGTH.size + self.maximum

    def encode(self, value: bytes) -> bytes:
        return _LENGTH.pack(len(value)) + value

    def decode(self, data: memoryview, at: int) -> tuple[bytes, int]:
        if at + _LENGTH.size > len(data):
            raise ChannelError("a message ends within a length")
        size: int = _LENGTH.unpack_from(data, at)[0]
        at += _LENGTH.size
        if size > self.maximum or at + size > len(data):
            raise ChannelError(f"a message has a field of {size} bytes, which is too long")
        return bytes(data[at : at + size]), at + size


@dataclass(frozen=True, slots=True)
class _Text:
    """A text in UTF-8, at most `maximum` bytes."""

    maximum: int

    @property
    def largest(self) -> int:
        return _LENGTH.size + self.maximum

    def encode(self, value: str) -> bytes:
        return _Bytes(self.maximum).encode(value.encode())

    def decode(self, data: memoryview, at: int) -> tuple[str, int]:
        raw, end = _Bytes(self.maximum).decode(data, at)
        try:
            return raw.decode(), end
        except UnicodeDecodeError:
            raise ChannelError("a message has a text that is not UTF-8") from None


_Kind = _Number | _Flag | _Bytes | _Text

U8 = Annotated[int, _Number(struct.Struct("<B"))]
U16 = Annotated[int, _Number(struct.Struct("<H"))]
U32 = Annotated[int, _Number(struct.Struct("<I"))]
Flag = Annotated[bool, _Flag()]
Name = Annotated[str, _Text(256)]
Text = Annotated[str, _Text(1 << 16)]
Block = Annotated[bytes, _Bytes(1 << 20)]
"""A small file or a list."""
Part = Annotated[bytes, _Bytes(PART_MAX)]
"""A part of something larger."""


class Message:
    """The base class of messages."""

    __slots__ = ()

    TYPE: ClassVar[int]

    def encode(self) -> bytes:
        """Return the bytes of the message, with its header."""
        body = b"".join(kind.encode(getattr(self, name)) for name, kind in _kinds(_any(type(self))))
        return HEADER.pack(len(body) + 1, self.TYPE) + body


def decode(known: type[Message], data: memoryview) -> Message:
    """Return the message of a class whose fields are `data`.

    Raises:
        ChannelError: they are not.
    """
    at, values = 0, []
    for _, kind in _kinds(_any(known)):
        value, at = kind.decode(data, at)
        values.append(value)
    if at != len(data):
        raise ChannelError(f"a message has {len(data) - at} bytes too many")
    return known(*values)


def size_max(known: type[Message]) -> int:
    """Return the bytes of the largest message of a class, without its length."""
    return 1 + sum(kind.largest for _, kind in _kinds(_any(known)))


@cache
def _kinds(known: Any) -> Sequence[tuple[str, _Kind]]:
    """Return the names of the fields of a message, and how they are encoded."""
    hints: dict[str, Any] = get_type_hints(known, include_extras=True)
    return [(field.name, hints[field.name].__metadata__[0]) for field in fields(known)]


def _any(known: type[Message]) -> Any:
    """Return a class as type checkers accept it as a key of a cache."""
    return known


class Parser:
    """Turns received bytes into messages.

    Args:
        known: the messages that may be received.
    """

    def __init__(self, known: Iterable[type[Message]]) -> None:
        self._known = {message.TYPE: (message, size_max(message)) for message in known}
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that `data` completes; nothing else may be fed before the last one.

        Raises:
            ChannelError: the bytes are not those of a known message; nothing may follow.
        """
        self._buffer += data
        at = 0
        while at + HEADER.size <= len(self._buffer):
            size, kind = HEADER.unpack_from(self._buffer, at)
            known, most = self._known.get(kind, (Message, 0))
            if not 1 <= size <= most:
                raise ChannelError(f"there is no message of type {kind} and {size} bytes")
            end = at + _LENGTH.size + size
            if end > len(self._buffer):
                break
            with memoryview(self._buffer) as view, view[at + HEADER.size : end] as body:
                message = decode(known, body)
            yield message
            at = end
        del self._buffer[:at]
