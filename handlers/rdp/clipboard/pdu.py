"""The messages of the clipboard's channel (MS-RDPECLIP 2.2), as bytes; all numbers are
little-endian. What a server sends is cut off or skipped where it exceeds a limit."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

FORMATS_MAX = 256
"""Formats of a list that are read."""
NAME_MAX = 128
"""Characters of a format's name that are read."""
HEADER: Final = struct.Struct("<HHI")
"""Type, flags, and the length of the rest, after which padding may follow."""
MONITOR_READY, FORMAT_LIST, LIST_RESPONSE, DATA_REQUEST, DATA_RESPONSE = 1, 2, 3, 4, 5
CAPABILITIES, FILE_REQUEST, FILE_RESPONSE, LOCK, UNLOCK = 7, 8, 9, 10, 11
DONE, FAILED, ASCII_NAMES = 1, 2, 4
"""Flags of a message."""
LONG_NAMES, FILES, NO_PATHS, CAN_LOCK, HUGE_FILES = 2, 4, 8, 16, 32
"""Flags of the general capabilities (2.2.2.1.1.1)."""
FILE_SIZE, FILE_RANGE = 1, 2
"""The parts of a file that can be requested (2.2.5.3)."""
_GENERAL, _VERSION = 1, 2
_SHORT_NAME = 32
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_SETS, _SET, _FLAGS = struct.Struct("<HH"), struct.Struct("<HH"), struct.Struct("<II")
_FILE_REQUEST = struct.Struct("<IiIIII")


class PduError(Exception):
    """A message is incomplete."""


@dataclass(frozen=True, slots=True)
class MonitorReady:
    """The server has started the clipboard."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The server's capabilities."""

    flags: int


@dataclass(frozen=True, slots=True)
class FormatList:
    """The formats of what has been copied on the server: their numbers by their names, and without
    a name by their number as text."""

    formats: dict[str, int]


@dataclass(frozen=True, slots=True)
class DataRequest:
    """The server wants what users have copied, in a format."""

    kind: int


@dataclass(frozen=True, slots=True)
class DataResponse:
    """The data that has been copied on the server; None if it cannot provide it. It may be large,
    and is not copied."""

    data: memoryview | None
    is_cut: bool
    """True if it was longer."""


@dataclass(frozen=True, slots=True)
class FileRequest:
    """The server wants the size of a file, or `size` bytes from `offset` on."""

    stream: int
    index: int
    flags: int
    offset: int
    size: int
    lock: int | None = None
    """The number of the lock under which the file is meant, if any."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The server wants the files that users have copied to be kept until `Unlock`."""

    number: int


@dataclass(frozen=True, slots=True)
class Unlock:
    """The end of a `Lock`."""

    number: int


@dataclass(frozen=True, slots=True)
class FileResponse:
    """A part of a file of the server; None if it cannot provide it."""

    stream: int
    data: bytes | None


Pdu = MonitorReady | Capabilities | FormatList | DataRequest | DataResponse | FileRequest
ServerPdu = Pdu | FileResponse | Lock | Unlock


def parse(
    message: bytes | bytearray, *, long_names: bool, is_cut: bool = False
) -> ServerPdu | None:
    """Return a server's message, or None if it concerns nothing that guacr does.

    Args:
        message: the message.
        long_names: True if both sides have the capability `LONG_NAMES`.
        is_cut: True if it had more bytes.

    Raises:
        PduError: it is incomplete.
    """
    try:
        kind, flags, size = HEADER.unpack_from(message)
        whole = memoryview(message)[HEADER.size : HEADER.size + size]
        if kind == DATA_RESPONSE:
            _check(whole, size, is_cut)
            return DataResponse(whole if flags & DONE else None, is_cut)
        body = bytes(whole)
        _check(body, size, is_cut)
        match kind:
            case 1:
                return MonitorReady()
            case 7:
                return Capabilities(_capabilities(body))
            case 2:
                return FormatList(_formats(body, long_names, ascii_names=bool(flags & ASCII_NAMES)))
            case 4:
                return DataRequest(_U32.unpack_from(body)[0])
            case 8:
                return _file_request(body)
            case 9:
                stream = _U32.unpack_from(body)[0]
                is_whole = bool(flags & DONE) and not is_cut
                return FileResponse(stream, body[_U32.size :] if is_whole else None)
            case 10:
                return Lock(_U32.unpack_from(body)[0])
            case 11:
                return Unlock(_U32.unpack_from(body)[0])
    except struct.error:
        raise PduError("a message ends too early") from None
    return None


def _file_request(body: bytes) -> FileRequest:
    stream, index, flags, low, high, size = _FILE_REQUEST.unpack_from(body)
    rest = body[_FILE_REQUEST.size :]
    lock = _U32.unpack_from(rest)[0] if len(rest) >= _U32.size else None
    return FileRequest(stream, index, flags, high << 32 | low, size, lock)


def _check(body: bytes | memoryview, size: int, is_cut: bool) -> None:
    if len(body) < size and not is_cut:
        raise PduError(f"a message of {size} bytes has only {len(body)}")


def _capabilities(body: bytes) -> int:
    count, _ = _SETS.unpack_from(body)
    at = _SETS.size
    for _ in range(count):
        kind, size = _SET.unpack_from(body, at)
        if kind == _GENERAL:
            return int(_FLAGS.unpack_from(body, at + _SET.size)[1])
        at += max(size, _SET.size)
    return 0


def _formats(body: bytes, long_names: bool, *, ascii_names: bool) -> dict[str, int]:
    found: dict[str, int] = {}
    at = 0
    while at + _U32.size <= len(body) and len(found) < FORMATS_MAX:
        (number,) = _U32.unpack_from(body, at)
        at += _U32.size
        if long_names:
            end = _end_of_text(body, at)
            raw, at = body[at:end], end + 2
        else:
            raw, at = body[at : at + _SHORT_NAME], at + _SHORT_NAME
        text = raw.decode("ascii" if ascii_names and not long_names else "utf-16-le", "replace")
        name = text.partition("\0")[0][:NAME_MAX]
        found.setdefault(name or str(number), number)
    return found


def _end_of_text(body: bytes, at: int) -> int:
    """Return the place of the zero that ends a text in UTF-16."""
    end = at
    while (end := body.find(b"\0\0", end)) >= 0 and (end - at) % 2:
        end += 1
    return len(body) if end < 0 else end


# ---- for the server


def _message(kind: int, flags: int, body: bytes = b"") -> bytes:
    return HEADER.pack(kind, flags, len(body)) + body


def capabilities(flags: int) -> bytes:
    """Return the message with the client's capabilities."""
    body = _SETS.pack(1, 0) + _SET.pack(_GENERAL, 12) + _FLAGS.pack(_VERSION, flags)
    return _message(CAPABILITIES, 0, body)


def format_list(formats: dict[str, int], *, long_names: bool) -> bytes:
    """Return the message with what users have copied. Formats without a name have their number."""
    body = b""
    for key, number in formats.items():
        name = "" if key == str(number) else key
        raw = name.encode("utf-16-le")
        body += _U32.pack(number)
        body += raw + b"\0\0" if long_names else raw[: _SHORT_NAME - 2].ljust(_SHORT_NAME, b"\0")
    return _message(FORMAT_LIST, 0, body)


def list_response() -> bytes:
    """Return the confirmation of a server's list."""
    return _message(LIST_RESPONSE, DONE)


def data_request(kind: int) -> bytes:
    """Return the request for what has been copied on the server, in a format."""
    return _message(DATA_REQUEST, 0, _U32.pack(kind))


def data_response(data: bytes | None) -> bytes:
    """Return what users have copied, or that it cannot be provided."""
    return _message(DATA_RESPONSE, FAILED) if data is None else _message(DATA_RESPONSE, DONE, data)


def file_request(stream: int, index: int, flags: int, offset: int, size: int, lock: int) -> bytes:
    """Return the request for the size of a file, or for a part of it; `lock` is 0 without one."""
    low, high = offset & 0xFFFFFFFF, offset >> 32
    body = _FILE_REQUEST.pack(stream, index, flags, low, high, size)
    return _message(FILE_REQUEST, 0, body + (_U32.pack(lock) if lock else b""))


def file_response(stream: int, data: bytes | None) -> bytes:
    """Return a part of a user's file, or that it cannot be provided."""
    head = _U32.pack(stream)
    if data is None:
        return _message(FILE_RESPONSE, FAILED, head)
    return _message(FILE_RESPONSE, DONE, head + data)


def file_size(size: int) -> bytes:
    """Return the content of the answer to `FILE_SIZE`."""
    return _U64.pack(size)


def size_of(data: bytes) -> int:
    """Return the size in an answer to `FILE_SIZE`.

    Raises:
        PduError: it is too short.
    """
    if len(data) < _U64.size:
        raise PduError("the size of a file is incomplete")
    return int(_U64.unpack_from(data)[0])


def lock(number: int) -> bytes:
    """Return the request to keep what has been copied until `unlock`."""
    return _message(LOCK, 0, _U32.pack(number))


def unlock(number: int) -> bytes:
    """Return the end of a lock."""
    return _message(UNLOCK, 0, _U32.pack(number))
