"""The packets of a gateway's HTTP transport (MS-TSGU 2.2.10), without I/O.

Each begins with its type, two bytes without a meaning and its length, header included; all numbers
are little-endian. Texts are UTF-16 after their length in bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

HEADER = struct.Struct("<HHI")
PACKET_MAX = 1 << 18
"""Bytes of the largest packet, more than a tunnel response with all its texts has."""
DATA_MAX = 0xFFFF
"""Bytes of RDP in a packet."""
NAME_MAX = 0x7FFF - 1
"""Characters of a text, apart from the null character at its end."""
CONSENT, SERVICE_MESSAGES = 0x4, 0x8
"""Capabilities (2.2.5.3.2): messages of the administrator, at the beginning and later."""
RDP = 3
"""The protocol of a channel."""
TUNNEL_ID, CAPABILITIES, HEALTH, CONSENT_MESSAGE = 0x1, 0x2, 0x4, 0x10
"""Fields of a tunnel response (2.2.10.20)."""
NONCE = 20
"""Bytes."""
POLICY = 0x1
"""A field of a tunnel authorization response (2.2.10.16): what the client must not redirect."""


class Kind(IntEnum):
    """Types of packets (2.2.5.3.3)."""

    HANDSHAKE = 0x1
    HANDSHAKE_RESPONSE = 0x2
    TUNNEL_CREATE = 0x4
    TUNNEL_RESPONSE = 0x5
    TUNNEL_AUTH = 0x6
    TUNNEL_AUTH_RESPONSE = 0x7
    CHANNEL_CREATE = 0x8
    CHANNEL_RESPONSE = 0x9
    DATA = 0xA
    SERVICE_MESSAGE = 0xB
    REAUTH = 0xC
    KEEP_ALIVE = 0xD
    CLOSE_CHANNEL = 0x10
    CLOSE_CHANNEL_RESPONSE = 0x11


class PacketError(Exception):
    """The bytes are not those of a packet, or exceed a limit."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet without its header."""

    kind: Kind
    body: bytes

    def encode(self) -> bytes:
        """Return the bytes of the packet."""
        return HEADER.pack(self.kind, 0, HEADER.size + len(self.body)) + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    error: int
    """0 if the request was granted."""
    message: str = ""
    """Of the administrator, if there is one."""
    policy: int = 0
    """Flags of what the client must not redirect."""


class Parser:
    """Turns received bytes into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Yield the packets that `data` completes; nothing else may be fed before the last one.

        Raises:
            PacketError: the bytes are not those of packets; nothing may follow.
        """
        self._buffer += data
        at = 0
        while at + HEADER.size <= len(self._buffer):
            kind, _, size = HEADER.unpack_from(self._buffer, at)
            if kind not in _KINDS or not HEADER.size <= size <= PACKET_MAX:
                raise PacketError(f"there is no packet of type {kind} and {size} bytes")
            if at + size > len(self._buffer):
                break
            body = bytes(self._buffer[at + HEADER.size : at + size])
            at += size
            yield Packet(Kind(kind), body)
        del self._buffer[:at]


# ---- what a client sends


def handshake() -> bytes:
    """Return the first packet: version 1.0, without further authentication (2.2.10.10)."""
    return Packet(Kind.HANDSHAKE, struct.pack("<BBHH", 1, 0, 0, 0)).encode()


def tunnel_create() -> bytes:
    """Return the request for a tunnel (2.2.10.18)."""
    return Packet(
        Kind.TUNNEL_CREATE, struct.pack("<IHH", CONSENT | SERVICE_MESSAGES, 0, 0)
    ).encode()


def tunnel_auth(client_name: str) -> bytes:
    """Return the request to use the tunnel (2.2.10.14)."""
    return Packet(Kind.TUNNEL_AUTH, struct.pack("<H", 0) + _text(client_name)).encode()


def channel_create(host: str, port: int) -> bytes:
    """Return the request for a channel to a host (2.2.10.2)."""
    return Packet(Kind.CHANNEL_CREATE, struct.pack("<BBHH", 1, 0, port, RDP) + _text(host)).encode()


def data(content: bytes) -> bytes:
    """Return a packet with at most `DATA_MAX` bytes of RDP (2.2.10.6)."""
    return Packet(Kind.DATA, struct.pack("<H", len(content)) + content).encode()


def keep_alive() -> bytes:
    """Return the packet that answers its like (2.2.10.9)."""
    return Packet(Kind.KEEP_ALIVE, b"").encode()


def close(response: bool) -> bytes:
    """Return the request to close the channel, or the answer to one (2.2.10.4)."""
    kind = Kind.CLOSE_CHANNEL_RESPONSE if response else Kind.CLOSE_CHANNEL
    return Packet(kind, struct.pack("<I", 0)).encode()


# ---- what a gateway sends


def answer(packet: Packet) -> Answer:
    """Return what a response says.

    Raises:
        PacketError: it is incomplete.
    """
    reader = _Reader(packet.body)
    match packet.kind:
        case Kind.TUNNEL_RESPONSE:
            return _tunnel(reader)
        case Kind.TUNNEL_AUTH_RESPONSE:
            error, fields, _ = reader.numbers("<IHH")
            return Answer(error, policy=reader.numbers("<I")[0] if fields & POLICY else 0)
        case _:
            return Answer(reader.numbers("<I")[0])


def _tunnel(reader: _Reader) -> Answer:
    _, error, fields, _ = reader.numbers("<HIHH")
    for field, size in ((TUNNEL_ID, 4), (CAPABILITIES, 4), (HEALTH, NONCE)):
        if fields & field:
            reader.bytes(size)
    if fields & HEALTH:
        reader.text()  # a certificate for statements of health, which we do not make
    return Answer(error, reader.text() if fields & CONSENT_MESSAGE else "")


def content(packet: Packet) -> bytes:
    """Return the RDP of a data packet.

    Raises:
        PacketError: it is incomplete.
    """
    reader = _Reader(packet.body)
    return reader.bytes(reader.numbers("<H")[0])


def message(packet: Packet) -> str:
    """Return the text of a service message (2.2.10.13).

    Raises:
        PacketError: it is incomplete.
    """
    return _Reader(packet.body).text()


class _Reader:
    """Reads the fields of a packet."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def bytes(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._body):
            raise PacketError("a packet ends within a field")
        found, self._at = self._body[self._at : end], end
        return found

    def numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.bytes(struct.calcsize(layout)))

    def text(self) -> str:
        raw = self.bytes(self.numbers("<H")[0])
        return raw.decode("utf-16-le", "replace").partition("\0")[0]


def _text(value: str) -> bytes:
    raw = f"{value[:NAME_MAX]}\0".encode("utf-16-le")
    return struct.pack("<H", len(raw)) + raw


_KINDS = frozenset(Kind)
