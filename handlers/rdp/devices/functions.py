"""The functions of devices: the bodies of requests (MS-RDPEFS 2.2.1.4, 2.2.3.3), and the statuses
of answers."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import IntEnum

from handlers.rdp.devices.pdu import PduError, Request
from handlers.rdp.devices.tree import Path

PATH_MAX = 4096
"""Bytes of a path in UTF-16."""
DEPTH_MAX = 128
"""Names in a path."""
NAME_BYTES_MAX = 255
"""Bytes of a name in the file system of the daemon."""
LOCKS_MAX = 64
"""Parts of a file that are locked at a time."""
_CREATE, _WRITE = struct.Struct("<I16xIII"), struct.Struct("<IQ20x")
_READ, _SET, _RENAME = struct.Struct("<IQ"), struct.Struct("<II24x"), struct.Struct("<BxI")
_DIRECTORY, _LOCK, _RANGE = struct.Struct("<IBI23x"), struct.Struct("<III20x"), struct.Struct("<QQ")
_U32 = struct.Struct("<I")
_SEPARATORS = re.compile(r"[\\/]")


class Status(IntEnum):
    """NTSTATUS (MS-ERREF 2.3.1)."""

    SUCCESS = 0
    NOTIFY_CLEANUP = 0x10B
    NOTIFY_ENUM_DIR = 0x10C
    NO_MORE_FILES = 0x80000006
    UNSUCCESSFUL = 0xC0000001
    INVALID_HANDLE = 0xC0000008
    INVALID_PARAMETER = 0xC000000D
    NO_SUCH_FILE = 0xC000000F
    ACCESS_DENIED = 0xC0000022
    OBJECT_NAME_INVALID = 0xC0000033
    OBJECT_NAME_COLLISION = 0xC0000035
    OBJECT_PATH_NOT_FOUND = 0xC000003A
    LOCK_NOT_GRANTED = 0xC0000055
    DISK_FULL = 0xC000007F
    INSUFFICIENT_RESOURCES = 0xC000009A
    FILE_IS_A_DIRECTORY = 0xC00000BA
    NOT_SUPPORTED = 0xC00000BB
    NOT_SAME_DEVICE = 0xC00000D4
    DIRECTORY_NOT_EMPTY = 0xC0000101
    NOT_A_DIRECTORY = 0xC0000103
    NAME_TOO_LONG = 0xC0000106
    TOO_MANY_OPENED_FILES = 0xC000011F
    DEVICE_OFF_LINE = 0x80000010


class Function(IntEnum):
    """Functions of devices (IRP_MJ)."""

    CREATE = 0
    CLOSE = 2
    READ = 3
    WRITE = 4
    QUERY_INFORMATION = 5
    SET_INFORMATION = 6
    QUERY_VOLUME = 10
    SET_VOLUME = 11
    DIRECTORY = 12
    CONTROL = 14
    LOCK = 17


QUERY_DIRECTORY, NOTIFY = 1, 2
"""Minor functions of `Function.DIRECTORY`."""
_PADDING: dict[int, int] = {
    Function.CREATE: 5,
    Function.CLOSE: 4,
    Function.WRITE: 5,
    Function.DIRECTORY: 5,
    Function.LOCK: 5,
}
"""Bytes of the body of an answer without anything in it, where it is not 4."""


class RefusedError(Exception):
    """A request is refused, with this status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


def nothing(function: int) -> bytes:
    """Return the body of an answer to a function that contains nothing."""
    return bytes(_PADDING.get(function, 4))


@dataclass(frozen=True, slots=True)
class Create:
    """Open a file or a directory, or create it (2.2.1.4.1)."""

    access: int
    disposition: int
    options: int
    path: Path


@dataclass(frozen=True, slots=True)
class Read:
    """Read a part of a file (2.2.1.4.3)."""

    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Write:
    """Write a part of a file (2.2.1.4.4)."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SetInformation:
    """Set the information of a class (2.2.3.3.9)."""

    kind: int
    data: bytes


@dataclass(frozen=True, slots=True)
class QueryDirectory:
    """Return the next entry of a directory (2.2.3.3.10). With `is_first`, from the beginning, those
    whose names match a pattern."""

    kind: int
    is_first: bool
    pattern: str


@dataclass(frozen=True, slots=True)
class Lock:
    """Lock parts of a file, or end their locks (2.2.3.3.12).

    Args:
        operation: 2 to share them, 3 to have them alone, 4 and 5 to end locks.
        waits: True if the answer waits until they are locked.
        ranges: the parts: sizes and offsets.
    """

    operation: int
    waits: bool
    ranges: tuple[tuple[int, int], ...]


def create(request: Request) -> Create:
    """Return what a `Function.CREATE` contains; raises PduError and RefusedError."""
    access, disposition, options, length = _unpack(_CREATE, request.body)
    path = path_of(_text(request.body, _CREATE.size, length))
    return Create(access, disposition, options, path)


def read(request: Request) -> Read:
    """Return what a `Function.READ` contains; raises PduError."""
    return Read(*_unpack(_READ, request.body))


def write(request: Request) -> Write:
    """Return what a `Function.WRITE` contains; raises PduError."""
    size, offset = _unpack(_WRITE, request.body)
    return Write(offset, _rest(request.body, _WRITE.size, size))


def kind_of(request: Request) -> int:
    """Return the class of information that a request queries; raises PduError."""
    kind: int = _unpack(_U32, request.body)[0]
    return kind


def set_information(request: Request) -> SetInformation:
    """Return what a `Function.SET_INFORMATION` contains; raises PduError."""
    kind, size = _unpack(_SET, request.body)
    return SetInformation(kind, _rest(request.body, _SET.size, size))


def rename(data: bytes) -> tuple[bool, Path]:
    """Return whether an existing file is replaced, and the new path, in the information of the
    class for that (2.2.3.3.9.1); raises PduError and RefusedError."""
    replaces, length = _unpack(_RENAME, data)
    return bool(replaces), path_of(_text(data, _RENAME.size, length))


def query_directory(request: Request) -> QueryDirectory:
    """Return what a `QUERY_DIRECTORY` contains; raises PduError and RefusedError."""
    kind, is_first, length = _unpack(_DIRECTORY, request.body)
    path = _text(request.body, _DIRECTORY.size, length) if is_first else ""
    return QueryDirectory(kind, bool(is_first), _SEPARATORS.split(path)[-1])


def lock(request: Request) -> Lock:
    """Return what a `Function.LOCK` contains; raises PduError and RefusedError."""
    operation, flags, count = _unpack(_LOCK, request.body)
    if count > LOCKS_MAX:
        raise RefusedError(Status.INSUFFICIENT_RESOURCES)
    data = _rest(request.body, _LOCK.size, count * _RANGE.size)
    return Lock(operation, bool(flags & 1), tuple(_RANGE.iter_unpack(data)))


def path_of(text: str) -> Path:
    """Return the names in a path of a server, from the root on.

    Raises:
        RefusedError: it is not valid, or too long.
    """
    names = tuple(filter(None, _SEPARATORS.split(text)))
    if len(names) > DEPTH_MAX:
        raise RefusedError(Status.NAME_TOO_LONG)
    for name in names:
        check_name(name)
    return names


def check_name(name: str) -> None:
    """Check a name of a file.

    Raises:
        RefusedError: it is not valid, or too long.
    """
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a half of a character
        raise RefusedError(Status.OBJECT_NAME_INVALID) from None
    if name in (".", "..") or "\0" in name:
        raise RefusedError(Status.OBJECT_NAME_INVALID)
    if len(raw) > NAME_BYTES_MAX:
        raise RefusedError(Status.NAME_TOO_LONG)


def _text(data: bytes, at: int, length: int) -> str:
    """Return a text in UTF-16, with or without the zero at its end."""
    if length > PATH_MAX:
        raise RefusedError(Status.NAME_TOO_LONG)
    raw = _rest(data, at, length & ~1)
    return raw.decode("utf-16-le", "surrogatepass").rstrip("\0")


def _rest(data: bytes, at: int, size: int) -> bytes:
    return _checked(data, at + size)[at : at + size]


def _checked(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise PduError("a request ends too early")
    return data


def _unpack(layout: struct.Struct, data: bytes) -> tuple[int, ...]:
    return layout.unpack_from(_checked(data, layout.size))
