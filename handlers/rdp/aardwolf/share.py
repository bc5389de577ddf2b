"""The messages of a desktop that is shown (MS-RDPBCGR 2.2.8.1.1.1): their headers, those that make
it active, and users' input."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from handlers.rdp.aardwolf.errors import invalid
from handlers.rdp.aardwolf.reading import Reader
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Locks, Mouse, PauseKey, Scancode, UnicodeKey

DEMAND_ACTIVE, CONFIRM_ACTIVE, DEACTIVATE, DATA, REDIRECT = 1, 3, 6, 7, 10
"""Types of messages."""
UPDATE, CONTROL, POINTER, INPUT, SYNCHRONIZE, BEEP, SESSION, FONT_LIST = (
    2,
    20,
    27,
    28,
    31,
    34,
    38,
    39,
)
FONT_MAP, INDICATORS, ERROR = 40, 41, 47
"""Types of data."""
COOPERATE, REQUEST_CONTROL = 4, 1
_VERSION, _STREAM = 0x10, 1
_COMPRESSED = 0x20
_CONTROL_HEADER = struct.Struct("<HHH")
_DATA_HEADER = struct.Struct("<IBBHBBH")
_BITMAP_SET = 2
_KEY, _UNICODE, _MOUSE, _MOUSE_EXTENDED, _SYNC = 4, 5, 0x8001, 0x8002, 0
_RELEASED, _EXTENDED, _EXTENDED_1 = 0x8000, 0x0100, 0x0200
_CONTROL_KEY, _NUM_KEY = 0x1D, 0x45
"""The scan codes that Pause consists of."""
_EVENT = struct.Struct("<IHHHH")


@dataclass(frozen=True, slots=True)
class Demand:
    """A server's demand to make a desktop active."""

    share: int
    width: int
    height: int


def split(data: bytes) -> list[tuple[int, Reader]]:
    """Return the types and contents of the messages that a server has sent at once."""
    reader, found = Reader(data), []
    while reader.left:
        size, kind = reader.u16(), reader.u16() & 0x0F
        if size == 0x8000:  # flow control (2.2.8.1.1.1.1 in T.128), which no client answers
            break
        if size < _CONTROL_HEADER.size:
            # a DEACTIVATE without the rest, as some servers send it
            found.append((kind, Reader(b"")))
            break
        reader.u16()
        found.append((kind, Reader(reader.take(min(size - _CONTROL_HEADER.size, reader.left)))))
    return found


def demand(reader: Reader) -> Demand:
    """Return a demand (2.2.1.13.1.1)."""
    share, names, _ = reader.u32(), reader.u16(), reader.u16()
    reader.take(names)
    count = reader.u16()
    reader.u16()
    for _ in range(count):
        kind, size = reader.u16(), reader.u16()
        if size < 4:
            raise invalid(f"a capability has {size} bytes")
        one = Reader(reader.take(size - 4))
        if kind == _BITMAP_SET:
            one.take(8)
            return Demand(share, one.u16(), one.u16())
    raise invalid("the server does not say how large the desktop is")


def content(reader: Reader) -> tuple[int, bytes]:
    """Return the type and the content of data (2.2.8.1.1.1.2)."""
    _, _, _, _, kind, compression, _ = _DATA_HEADER.unpack(reader.take(_DATA_HEADER.size))
    if compression & _COMPRESSED:
        raise invalid("a message is compressed")
    return kind, reader.rest()


def confirm(user: int, content: bytes) -> bytes:
    """Return the answer to a demand."""
    size = _CONTROL_HEADER.size + len(content)
    return _CONTROL_HEADER.pack(size, _VERSION | CONFIRM_ACTIVE, user) + content


def data(user: int, share: int, kind: int, content: bytes) -> bytes:
    """Return data for the server."""
    size = _CONTROL_HEADER.size + _DATA_HEADER.size + len(content)
    head = _DATA_HEADER.pack(share, 0, _STREAM, size, kind, 0, 0)
    return _CONTROL_HEADER.pack(size, _VERSION | DATA, user) + head + content


def finalization(main: int) -> list[tuple[int, bytes]]:
    """Return the types and contents of the data that follows a `confirm` (1.3.1.1)."""
    return [
        (SYNCHRONIZE, struct.pack("<HH", 1, main)),
        (CONTROL, struct.pack("<HHI", COOPERATE, 0, 0)),
        (CONTROL, struct.pack("<HHI", REQUEST_CONTROL, 0, 0)),
        (FONT_LIST, struct.pack("<HHHH", 0, 0, 3, 50)),
    ]


def events(messages: Iterable[Message]) -> bytes:
    """Return the content of an input PDU (2.2.8.1.1.3) for what users do; empty for nothing."""
    found = [event for message in messages for event in _events(message)]
    return struct.pack("<HH", len(found), 0) + b"".join(found) if found else b""


def _events(message: Message) -> list[bytes]:
    if isinstance(message, Scancode):
        flags = (_EXTENDED if message.extended else 0) | (0 if message.pressed else _RELEASED)
        return [_EVENT.pack(0, _KEY, flags, message.code, 0)]
    if isinstance(message, UnicodeKey):
        flags = 0 if message.pressed else _RELEASED
        return [_EVENT.pack(0, _UNICODE, flags, message.unit, 0)]
    if isinstance(message, Mouse):
        kind = _MOUSE_EXTENDED if message.extended else _MOUSE
        return [_EVENT.pack(0, kind, message.flags, message.x, message.y)]
    if isinstance(message, Locks):
        return [_EVENT.pack(0, _SYNC, 0, message.flags, 0)]
    if isinstance(message, PauseKey):
        return [
            _EVENT.pack(0, _KEY, flags | released, code, 0)
            for released in (0, _RELEASED)
            for code, flags in ((_CONTROL_KEY, _EXTENDED_1), (_NUM_KEY, 0))
        ]
    return []
