"""The messages of the devices' channel (MS-RDPEFS 2.2.2, MS-RDPEPC 2.2.2), as bytes; all numbers
are little-endian."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HEADER: Final = struct.Struct("<HH")
"""Component and type."""
CORE = 0x4472
"""The component of all of them but those about printers' settings, which are ignored."""
SERVER_ANNOUNCE, CLIENT_ID, CLIENT_NAME, DEVICES = 0x496E, 0x4343, 0x434E, 0x4441
DEVICE_REPLY, REQUEST, COMPLETION = 0x6472, 0x4952, 0x4943
SERVER_CAPABILITIES, CLIENT_CAPABILITIES, LOGGED_ON = 0x5350, 0x4350, 0x554C
"""Types of messages (2.2.1.1)."""
REQUEST_HEADER: Final = struct.Struct("<HHIIIII")
"""Component, type, device, handle, the number of the request, major and minor function
(2.2.1.4)."""
DRIVE, PRINTER = 8, 4
"""Types of devices (2.2.1.3)."""
MAJOR = 1
MINOR_MAX, MINOR_OWN_ID, MINOR_EARLY = 12, 12, 5
"""The newest version of the protocol that guacr speaks, the first one in which the server chooses
the client's number, and the one that does not report a logon."""
SETS_MAX = 64
"""Sets of capabilities that are read."""
DOS_NAME_MAX = 8
"""Bytes of the short name of a device."""
NAME_MAX = 255
"""Characters of other names."""
_FORBIDDEN = str.maketrans(dict.fromkeys(':<>"/\\|*', "_"))
"""Characters that the name of a drive cannot contain."""
_GENERAL, _PRINTERS, _DRIVES = 1, 2, 4
"""Types of sets of capabilities (2.2.2.7)."""
_REMOVES, _DISPLAY_NAME, _REPORTS_LOGON = 1, 2, 4
"""Flags of the messages that a side knows besides the basic ones (2.2.2.7.1)."""
_ALL_FUNCTIONS = 0xFFFF
_WINDOWS_NT = 2
_DEFAULT_PRINTER, _NETWORK_PRINTER = 2, 4
"""Flags of a printer (MS-RDPEPC 2.2.2.1)."""
PRINTER_DRIVER = "MS Publisher Imagesetter"
"""Windows' driver for PostScript."""
_VERSION, _COUNT = struct.Struct("<HHI"), struct.Struct("<HH")
_SET, _GENERAL_SET = struct.Struct("<HHI"), struct.Struct("<IIHHIIIIII")
_FLAGS_AT = 20
"""The place of the flags in the general set, after its header."""
_U32, _STATUS = struct.Struct("<I"), struct.Struct("<II")


class PduError(Exception):
    """A message is incomplete."""


@dataclass(frozen=True, slots=True)
class ServerAnnounce:
    """The server begins, or begins anew; `minor` is the version of its protocol."""

    minor: int
    client_id: int


@dataclass(frozen=True, slots=True)
class ServerCapabilities:
    """The server's capabilities."""

    reports_logon: bool


@dataclass(frozen=True, slots=True)
class ClientIdConfirm:
    """The server knows the client."""


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """A user has logged on: devices may be announced."""


@dataclass(frozen=True, slots=True)
class DeviceReply:
    """The server has accepted a device, if the status is 0."""

    device: int
    status: int


@dataclass(frozen=True, slots=True)
class Request:
    """The server wants a device to do something.

    Args:
        device: the device.
        handle: an open file of it, except to open one.
        number: what the answer has to contain.
        major: the function.
        minor: its variant.
        body: the rest.
    """

    device: int
    handle: int
    number: int
    major: int
    minor: int
    body: bytes


Pdu = ServerAnnounce | ServerCapabilities | ClientIdConfirm | LoggedOn | DeviceReply | Request


def parse(message: bytes | bytearray) -> Pdu | None:
    """Return a server's message, or None if it concerns nothing that guacr does.

    Raises:
        PduError: it is incomplete.
    """
    try:
        component, kind = HEADER.unpack_from(message)
        parser = _PARSERS.get(kind) if component == CORE else None
        return None if parser is None else parser(message)
    except struct.error:
        raise PduError("a message ends too early") from None


def _server_announce(message: bytes | bytearray) -> ServerAnnounce:
    _, minor, client_id = _VERSION.unpack_from(message, HEADER.size)
    return ServerAnnounce(minor, client_id)


def _server_capabilities(message: bytes | bytearray) -> ServerCapabilities:
    count, _ = _COUNT.unpack_from(message, HEADER.size)
    at = HEADER.size + _COUNT.size
    for _ in range(min(count, SETS_MAX)):
        kind, size, _ = _SET.unpack_from(message, at)
        if kind == _GENERAL:
            (flags,) = _U32.unpack_from(message, at + _SET.size + _FLAGS_AT)
            return ServerCapabilities(bool(flags & _REPORTS_LOGON))
        at += max(size, _SET.size)
    return ServerCapabilities(reports_logon=False)


def _request(message: bytes | bytearray) -> Request:
    _, _, device, handle, number, major, minor = REQUEST_HEADER.unpack_from(message)
    return Request(
        device, handle, number, major, minor, bytes(memoryview(message)[REQUEST_HEADER.size :])
    )


_PARSERS: dict[int, Callable[[bytes | bytearray], Pdu]] = {
    SERVER_ANNOUNCE: _server_announce,
    CLIENT_ID: lambda _: ClientIdConfirm(),
    SERVER_CAPABILITIES: _server_capabilities,
    LOGGED_ON: lambda _: LoggedOn(),
    DEVICE_REPLY: lambda message: DeviceReply(*_STATUS.unpack_from(message, HEADER.size)),
    REQUEST: _request,
}


# ---- for the server


def announce_reply(minor: int, client_id: int) -> bytes:
    """Return the answer to `ServerAnnounce`: the version to use, and the client's number."""
    return HEADER.pack(CORE, CLIENT_ID) + _VERSION.pack(MAJOR, minor, client_id)


def client_name(name: str) -> bytes:
    """Return the message with the client's name (2.2.2.4)."""
    raw = _text(name)
    return HEADER.pack(CORE, CLIENT_NAME) + struct.pack("<III", 1, 0, len(raw)) + raw


def capabilities() -> bytes:
    """Return the message with the client's capabilities (2.2.2.8)."""
    flags = _REMOVES | _DISPLAY_NAME | _REPORTS_LOGON
    general = _GENERAL_SET.pack(_WINDOWS_NT, 0, MAJOR, MINOR_MAX, _ALL_FUNCTIONS, 0, flags, 0, 0, 0)
    sets = [
        _SET.pack(_GENERAL, _SET.size + len(general), 2) + general,
        _SET.pack(_PRINTERS, _SET.size, 1),
        _SET.pack(_DRIVES, _SET.size, 2),
    ]
    head = HEADER.pack(CORE, CLIENT_CAPABILITIES) + _COUNT.pack(len(sets), 0)
    return head + b"".join(sets)


def device_list(*devices: bytes) -> bytes:
    """Return the message that announces devices (2.2.2.9)."""
    return HEADER.pack(CORE, DEVICES) + _U32.pack(len(devices)) + b"".join(devices)


def drive(number: int, dos_name: str, name: str) -> bytes:
    """Return a drive for `device_list` (2.2.3.1). Its long name is in ASCII, as other clients send
    it, and not in UTF-16, as the specification has it."""
    plain = name.translate(_FORBIDDEN).encode("ascii", "replace").replace(b"?", b"_")
    return _device(DRIVE, number, dos_name, plain[:NAME_MAX] + b"\0")


def printer(number: int, dos_name: str, name: str) -> bytes:
    """Return a printer for `device_list` (MS-RDPEPC 2.2.2.1)."""
    driver, raw = _text(PRINTER_DRIVER), _text(name)
    flags = _DEFAULT_PRINTER | _NETWORK_PRINTER
    sizes = struct.pack("<IIIIII", flags, 0, 0, len(driver), len(raw), 0)
    return _device(PRINTER, number, dos_name, sizes + driver + raw)


def _device(kind: int, number: int, dos_name: str, data: bytes) -> bytes:
    short = dos_name.encode("ascii").ljust(DOS_NAME_MAX, b"\0")
    return _STATUS.pack(kind, number) + short + _U32.pack(len(data)) + data


def completion(request: Request, status: int, body: bytes) -> bytes:
    """Return the answer to a request (2.2.1.5)."""
    head = struct.pack("<HHIII", CORE, COMPLETION, request.device, request.number, status)
    return head + body


def _text(text: str) -> bytes:
    """Return a name in UTF-16, with the zero at its end."""
    return text[:NAME_MAX].encode("utf-16-le", "replace") + b"\0\0"
