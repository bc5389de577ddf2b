"""Requests of a host, as bytes (MS-RDPEFS 2.2.1.4, 2.2.3.3)."""

from __future__ import annotations

import struct

from handlers.rdp.devices import functions, pdu
from handlers.rdp.devices.functions import Function
from handlers.rdp.devices.pdu import Request
from handlers.rdp.devices.shared_drive import SharedDrive

READ, WRITE, DELETE, MAXIMUM = 0x1, 0x2, 0x10000, 0x02000000
"""Access."""
DIRECTORY, NO_DIRECTORY, DELETE_ON_CLOSE = 0x1, 0x40, 0x1000
"""Options."""
SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF = range(6)
"""Dispositions."""


def text(value: str) -> bytes:
    return value.encode("utf-16-le", "surrogatepass") + b"\0\0"


def create(
    path: str, disposition: int = OPEN, *, access: int = READ, options: int = 0, size: int = 0
) -> bytes:
    raw = text(path)
    fields = access, size, 0, 7, disposition, options, len(raw)
    return struct.pack("<IQIIIII", *fields) + raw


def read(size: int, offset: int = 0) -> bytes:
    return struct.pack("<IQ20x", size, offset)


def write(data: bytes, offset: int = 0) -> bytes:
    return struct.pack("<IQ20x", len(data), offset) + data


def query(kind: int) -> bytes:
    return struct.pack("<II24x", kind, 0)


def put(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<II24x", kind, len(data)) + data


def rename(path: str, *, replaces: bool = False) -> bytes:
    raw = text(path)
    return struct.pack("<BxI", replaces, len(raw)) + raw


def listing(kind: int, pattern: str | None = None) -> bytes:
    raw = b"" if pattern is None else text(pattern)
    return struct.pack("<IBI23x", kind, pattern is not None, len(raw)) + raw


def lock(operation: int, *ranges: tuple[int, int], waits: bool = False) -> bytes:
    """Sizes and offsets."""
    head = struct.pack("<III20x", operation, waits, len(ranges))
    return head + b"".join(struct.pack("<QQ", *one) for one in ranges)


def request(
    function: Function, body: bytes = b"", handle: int = 0, *, minor: int = 0, number: int = 1
) -> Request:
    return Request(SharedDrive.number, handle, number, function, minor, body)


def encoded(asked: Request) -> bytes:
    """A request as a message."""
    fields = asked.device, asked.handle, asked.number, asked.major, asked.minor
    return pdu.REQUEST_HEADER.pack(pdu.CORE, pdu.REQUEST, *fields) + asked.body


QUERY_DIRECTORY, NOTIFY = functions.QUERY_DIRECTORY, functions.NOTIFY
