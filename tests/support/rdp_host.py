"""An RDP host that lets a client introduce itself over TLS, and keeps what it has said.

It serves what real servers do not report. Layouts are those of MS-RDPBCGR 2.2.1, and of MS-RDPEPS
2.2.1 for what precedes it.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from dataclasses import dataclass, field

TPKT = 3
"""The first byte of every packet, but not of a preconnection PDU."""
CORE, CLUSTER, NETWORK = 0xC001, 0xC004, 0xC003
MONITORS, MONITOR_ATTRIBUTES = 0xC005, 0xC008
"""Blocks of a client's data."""
CONFIRM = bytes.fromhex("030000130ed0000012340002010800")
"""Of a connection, up to the security protocol."""
OLD_CONFIRM = bytes.fromhex("0300000b06d00000123400")
TLS, RDSTLS = 1, 4
"""Security protocols (2.2.1.1.1); without one, nothing is encrypted."""
ATTACHED = bytes.fromhex("02f0802e000006")
CONFERENCE = bytes.fromhex("000500147c00012a14760a01010001c0004d63446e")
PARAMETERS = bytes.fromhex("0a0100020100301a020122020103020100020101020100020101020300fff8020102")
CHANNEL, USER = 1003, 1007
ATTACH_REQUEST, JOIN_REQUEST, SEND_REQUEST = 0x28, 0x38, 0x64
WIDE = 0x80
"""The flag of a length in PER that has two bytes."""


@dataclass
class Introduction:
    """What a client has said of itself."""

    preconnection: bytes = b""
    request: bytes = b""
    """The X.224 connection request."""
    rdstls: list[bytes] = field(default_factory=list)
    """With RDSTLS: the GUID of a redirection, user, domain and encrypted password."""
    blocks: dict[int, bytes] = field(default_factory=dict)
    """The client's data by their types, with headers."""
    info: bytes = b""
    """The client info PDU without its security header."""

    @property
    def client_name(self) -> str:
        """The name in the core data."""
        return self.blocks[CORE][24:56].decode("utf-16-le").partition("\0")[0]

    @property
    def size(self) -> tuple[int, ...]:
        """Width and height in pixels."""
        return struct.unpack_from("<HH", self.blocks[CORE], 8)

    @property
    def physical_size(self) -> tuple[int, ...]:
        """Width and height in millimetres."""
        return struct.unpack_from("<II", self.blocks[CORE], 216)

    @property
    def scales(self) -> tuple[int, ...]:
        """The scale factors of the desktop and the device in percent."""
        return struct.unpack_from("<II", self.blocks[CORE], 226)

    @property
    def monitors(self) -> list[tuple[int, ...]]:
        """Left, top, right, bottom (inclusive) and flags of each monitor; none without a list."""
        block = self.blocks.get(MONITORS, b"")
        return list(struct.iter_unpack("<iiiiI", block[12:]))

    @property
    def monitor_attributes(self) -> list[tuple[int, ...]]:
        """Width and height in millimetres, orientation and scale factors of each monitor."""
        block = self.blocks.get(MONITOR_ATTRIBUTES, b"")
        return list(struct.iter_unpack("<IIIII", block[16:]))

    @property
    def session(self) -> tuple[int, ...]:
        """The flags and the number of the session that is wanted."""
        return struct.unpack_from("<II", self.blocks[CLUSTER], 4)

    @property
    def channels(self) -> dict[str, int]:
        """The names of the static channels, and their options (MS-RDPBCGR 2.2.1.3.4.1)."""
        found = struct.iter_unpack("<8sI", self.blocks[NETWORK][8:])
        return {name.rstrip(b"\0").decode(): options for name, options in found}

    @property
    def flags(self) -> int:
        """Flags of the client info PDU (MS-RDPBCGR 2.2.1.11.1.1)."""
        flags: int = struct.unpack_from("<I", self.info, 4)[0]
        return flags

    @property
    def texts(self) -> list[str]:
        """Domain, user, password, program, directory."""
        sizes = struct.unpack_from("<HHHHH", self.info, 8)
        at, found = 18, []
        for size in sizes:
            found.append(self.info[at : at + size].decode("utf-16-le"))
            at += size + 2
        return found

    @property
    def zone(self) -> tuple[int, str, int, int]:
        """The offset to UTC in minutes, the name, the month in which daylight saving time begins,
        and its further offset."""
        zone = self._extended()
        name = zone[4:68].decode("utf-16-le").partition("\0")[0]
        bias, month, more = (struct.unpack_from("<i", zone, at)[0] for at in (0, 152, 168))
        return bias, name, month >> 16, more

    @property
    def performance(self) -> int:
        """Flags of what the desktop may do without."""
        flags: int = struct.unpack_from("<I", self._extended(), 176)[0]
        return flags

    def _extended(self) -> bytes:
        """From the time zone on."""
        at = 18 + sum(size + 2 for size in struct.unpack_from("<HHHHH", self.info, 8))
        at += 4 + struct.unpack_from("<xxH", self.info, at)[0]  # the client's address
        at += 2 + struct.unpack_from("<H", self.info, at)[0]  # the directory of the client
        return self.info[at:]


class RdpHost:
    """Its `script` is for `scripted_host`.

    Args:
        tls: its certificate and key.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self.introduced: asyncio.Future[Introduction] = asyncio.get_running_loop().create_future()
        """Done when the first client has sent everything."""

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Listen to a client until it has introduced itself."""
        try:
            said = await self._listen(reader, writer)
            if not self.introduced.done():
                self.introduced.set_result(said)
        except (OSError, EOFError, ValueError, struct.error) as error:
            self.introduced.set_exception(error)

    async def _listen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Introduction:
        said = Introduction()
        first = await reader.readexactly(4)
        if first[0] != TPKT:
            size = struct.unpack("<I", first)[0]
            said.preconnection = first + await reader.readexactly(size - 4)
            first = await reader.readexactly(4)
        said.request = await reader.readexactly(struct.unpack(">xxH", first)[0] - 4)
        protocol = _protocol(said.request)
        writer.write(CONFIRM + struct.pack("<I", protocol) if protocol else OLD_CONFIRM)
        if protocol:
            await writer.start_tls(self._tls)
        if protocol == RDSTLS:
            said.rdstls = await _rdstls(reader, writer)
        initial = await _packet(reader)
        said.blocks = _blocks(initial)
        count = len(said.channels)
        writer.write(wrapped(_connect_response(count)))
        while not said.info:
            packet = await _packet(reader)
            kind = packet[3] & 0xFC
            if kind == ATTACH_REQUEST:
                writer.write(wrapped(ATTACHED))
            elif kind == JOIN_REQUEST:
                (channel,) = struct.unpack_from(">H", packet, 6)
                answer = struct.pack(">BBHHH", 0x3E, 0, USER - 1001, channel, channel)
                writer.write(wrapped(b"\x02\xf0\x80" + answer))
            elif kind == SEND_REQUEST:
                at = 11 if packet[9] & WIDE else 10
                said.info = packet[at + 4 :]
        return said


def _protocol(request: bytes) -> int:
    """The security protocol that suits a client's request; 0 if it wants to negotiate none."""
    kind, _, size, protocols = struct.unpack("<BBHI", request[-8:])
    if (kind, size) != (1, 8):
        return 0
    return RDSTLS if protocols & RDSTLS else TLS


async def _rdstls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
    """Accept whatever a client shows (MS-RDPBCGR 2.2.17)."""
    writer.write(struct.pack("<HHHH", 1, 1, 1, 1))
    assert await reader.readexactly(6) == struct.pack("<HHH", 1, 2, 1)
    fields = []
    for _ in range(4):
        (size,) = struct.unpack("<H", await reader.readexactly(2))
        fields.append(await reader.readexactly(size))
    writer.write(struct.pack("<HHHI", 1, 4, 1, 0))
    return fields


async def _packet(reader: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack(">xxH", await reader.readexactly(4))
    return await reader.readexactly(size - 4)


def wrapped(data: bytes) -> bytes:
    return struct.pack(">BBH", TPKT, 0, 4 + len(data)) + data


def _blocks(initial: bytes) -> dict[int, bytes]:
    data = initial[initial.index(b"Duca") + 4 :]
    data = data[2 if data[0] & WIDE else 1 :]
    found = {}
    while data:
        kind, size = struct.unpack_from("<HH", data)
        found[kind], data = data[:size], data[size:]
    return found


def _connect_response(channels: int) -> bytes:
    numbers = struct.pack(f"<{channels}H", *range(CHANNEL + 1, CHANNEL + 1 + channels))
    numbers += bytes(len(numbers) % 4)
    blocks = struct.pack("<HHIII", 0x0C01, 16, 0x00080004, 1, 0)
    blocks += struct.pack("<HHII", 0x0C02, 12, 0, 0)
    blocks += struct.pack("<HHHH", 0x0C03, 8 + len(numbers), CHANNEL, channels) + numbers
    data = CONFERENCE + struct.pack(">H", 0x8000 | len(blocks)) + blocks  # a length in PER
    body = PARAMETERS + b"\x04" + _length(len(data)) + data
    return b"\x02\xf0\x80\x7f\x66" + _length(len(body)) + body


def _length(size: int) -> bytes:
    """A length in BER."""
    return struct.pack(">BH", 0x82, size)
