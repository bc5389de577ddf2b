"""The conference that an RDP connection is (ITU-T T.125 and T.124, as MS-RDPBCGR 2.2.1.3 to 2.2.1.9
and 2.2.8.1 use them): only the encodings that occur."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from handlers.rdp.aardwolf.errors import REFUSED, EndError, invalid
from handlers.rdp.aardwolf.reading import Reader

USER_BASE = 1001
"""The channel of the user with the number 0."""
CORE, SECURITY, NETWORK = 0x0C01, 0x0C02, 0x0C03
"""Types of a server's data (2.2.1.4)."""
ERECT_DOMAIN = bytes.fromhex("0401000100")
ATTACH_USER = bytes.fromhex("28")
_ATTACH_CONFIRM, _JOIN_CONFIRM, _SEND_INDICATION, _DISCONNECT = 11, 15, 26, 8
"""Numbers of a domain PDU, which its first six bits contain."""
_PARAMETERS = {
    "target": (34, 2, 0, 1, 0, 1, 0xFFFF, 2),
    "minimum": (1, 1, 1, 1, 0, 1, 0x420, 2),
    "maximum": (0xFFFF, 0xFC17, 0xFFFF, 1, 0, 1, 0xFFFF, 2),
}
"""As in the example of 4.1.3."""
_CONFERENCE = bytes.fromhex("000500147c0001")
"""The begin of a T.124 ConnectData: the identifier of its version."""
_CREATE = bytes.fromhex("0008001000 01c00044756361".replace(" ", ""))
"""A ConferenceCreateRequest with the key "Duca" of the data that follows."""
_ANSWER_KEY = b"McDn"
_KEY_WITHIN = 64
"""Bytes of an answer within which that key must be."""
_CONNECT_INITIAL, _CONNECT_RESPONSE = 0x7F65, 0x7F66
_INTEGER, _OCTETS, _BOOLEAN, _ENUMERATED, _SEQUENCE = 2, 4, 1, 10, 0x30


@dataclass(frozen=True, slots=True)
class Received:
    """Data that has arrived on a channel."""

    channel: int
    data: bytes


def connect_initial(blocks: bytes) -> bytes:
    """Return the request for a conference; `blocks` are the client's data."""
    request = _CREATE + _per_length(len(blocks)) + blocks
    conference = _CONFERENCE + _per_length(len(request)) + request
    body = (
        _ber(_OCTETS, b"\1")
        + _ber(_OCTETS, b"\1")
        + _ber(_BOOLEAN, b"\xff")
        + b"".join(
            _ber(_SEQUENCE, b"".join(map(_integer, numbers))) for numbers in _PARAMETERS.values()
        )
        + _ber(_OCTETS, conference)
    )
    return struct.pack(">H", _CONNECT_INITIAL) + _ber_length(len(body)) + body


def connect_response(data: bytes) -> dict[int, bytes]:
    """Return the blocks of the server's data by their types, with their headers.

    Raises:
        EndError: the server refuses the connection, or the answer is invalid.
    """
    outer = Reader(data)
    if outer.u16_big() != _CONNECT_RESPONSE:
        raise invalid("there is no answer to the request for a conference")
    reader = Reader(outer.take(outer.ber_length()))
    result = reader.ber(_ENUMERATED)
    if result != b"\0":
        raise EndError(REFUSED, f"result {result.hex()}")
    reader.ber(_INTEGER)
    reader.ber(_SEQUENCE)
    conference = reader.ber(_OCTETS)
    at = conference.find(_ANSWER_KEY, 0, _KEY_WITHIN)
    if at < 0:
        raise invalid("the answer to the request for a conference has no data")
    reader = Reader(conference[at + len(_ANSWER_KEY) :])
    blocks, found = Reader(reader.take(reader.per_length())), {}
    while blocks.left:
        kind, size = blocks.u16(), blocks.u16()
        if size < 4:
            raise invalid(f"a block of the server's data has {size} bytes")
        found[kind] = struct.pack("<HH", kind, size) + blocks.take(size - 4)
    return found


def attached(data: bytes) -> int:
    """Return the number of the user that the server has attached."""
    reader = _domain(data, _ATTACH_CONFIRM)
    if reader.u8():
        raise EndError(REFUSED, "the user was not attached")
    user = reader.u16_big()
    if user > 0xFFFF - USER_BASE:
        raise invalid(f"the user has the number {user}")
    return user


def join(user: int, channel: int) -> bytes:
    """Return the request to join a channel."""
    return struct.pack(">BHH", 0x38, user, channel)


def joined(data: bytes) -> int:
    """Return the channel that has been joined."""
    reader = _domain(data, _JOIN_CONFIRM)
    if reader.u8():
        raise EndError(REFUSED, "a channel was not joined")
    reader.u16_big()
    return reader.u16_big()


def send_request(user: int, channel: int, data: bytes) -> bytes:
    """Return the request to send data on a channel."""
    return struct.pack(">BHHB", 0x64, user, channel, 0x70) + _per_length(len(data)) + data


def received(data: bytes) -> Received | None:
    """Return what has arrived; None if it is something else, which does not matter.

    Raises:
        EndError: the server ends the conference.
    """
    kind = data[0] >> 2 if data else -1
    if kind == _SEND_INDICATION:
        reader = Reader(data[1:])
        reader.u16_big()
        channel = reader.u16_big()
        reader.u8()
        return Received(channel, reader.take(reader.per_length()))
    if kind == _DISCONNECT:
        raise EndError("")
    return None


def _domain(data: bytes, kind: int) -> Reader:
    reader = Reader(data)
    found = reader.u8() >> 2
    if found == _DISCONNECT:
        raise EndError("")
    if found != kind:
        raise invalid(f"there is a domain PDU {found} instead of {kind}")
    return reader


def _per_length(size: int) -> bytes:
    """Return a length in PER; as FreeRDP does, with two bytes from 128 on."""
    return bytes((size,)) if size < 0x80 else struct.pack(">H", 0x8000 | size)


def _ber_length(size: int) -> bytes:
    return bytes((size,)) if size < 0x80 else struct.pack(">BH", 0x82, size)


def _ber(tag: int, data: bytes) -> bytes:
    return bytes((tag,)) + _ber_length(len(data)) + data


def _integer(value: int) -> bytes:
    return _ber(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))
