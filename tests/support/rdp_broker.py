"""A connection broker: an RDP host that sends each client to another one."""

from __future__ import annotations

import asyncio
import base64
import ssl
import struct
from collections.abc import Mapping

from tests.support.certificates import Pair
from tests.support.rdp_host import CHANNEL, USER, Introduction, RdpHost

LICENSED = struct.pack("<HHBBHIIHH", 0x80, 0, 0xFF, 3, 16, 7, 2, 4, 0)
"""A client without a licence is valid (MS-RDPBCGR 2.2.1.12)."""
SHARE_CONTROL, REDIRECTION_PACKET = 0x1A, 0x400
"""The type of a PDU (2.2.8.1.1.1.1), and the flag of its packet (2.2.13.1)."""
FIELDS = {
    "address": 0x1, "token": 0x2, "username": 0x4, "domain": 0x8, "password": 0x10, "fqdn": 0x100,
    "netbios": 0x200, "url": 0x1000, "guid": 0x8000, "certificate": 0x10000, "addresses": 0x800,
}  # fmt: skip
"""The fields of a redirection in their order, and their flags."""

Fields = Mapping[str, str | bytes]


class RdpBroker(RdpHost):
    """Its `script` is for `scripted_host`.

    Args:
        tls: its certificate and key.
        fields: those of the redirection.
        more: further flags of it.
    """

    def __init__(self, tls: ssl.SSLContext, fields: Fields, more: int = 0) -> None:
        super().__init__(tls)
        self._packet = redirection(fields, more)
        self.seen: list[Introduction] = []
        """What each client has said."""
        self._next: RdpHost | None = None

    def follow(self, host: RdpHost) -> None:
        """Pass clients that come again on to a host, as those do that a token is for."""
        self._next = host

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let a client introduce itself, and redirect it."""
        if self.seen and self._next is not None:
            await self._next.script(reader, writer)
            return
        self.seen.append(await self._listen(reader, writer))
        writer.write(_indication(LICENSED))
        writer.write(self._packet)
        await reader.read()


def redirection(fields: Fields, more: int = 0) -> bytes:
    """A redirection (2.2.13.3.1); texts of several `addresses` are separated by blanks."""
    body, flags = b"", more
    for name, flag in FIELDS.items():
        if name in fields:
            flags |= flag
            body += _addresses(fields[name]) if name == "addresses" else _field(fields[name])
    body += bytes(8)
    body = struct.pack("<HHII", REDIRECTION_PACKET, 12 + len(body), 1, flags) + body + b"\0"
    body = struct.pack("<HHH", SHARE_CONTROL, USER, 0) + body
    return _indication(struct.pack("<H", len(body) + 2) + body)


def target_certificate(pair: Pair) -> bytes:
    """The field that vouches for a certificate (2.2.13.1.1)."""
    der = ssl.PEM_cert_to_DER_cert(pair.certificate)
    return (base64.b64encode(struct.pack("<III", 32, 1, len(der)) + der).decode() + "\0").encode(
        "utf-16-le"
    )


def _field(value: str | bytes) -> bytes:
    data = f"{value}\0".encode("utf-16-le") if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


def _addresses(value: str | bytes) -> bytes:
    assert isinstance(value, str)
    texts = [_field(text) for text in value.split(" ")]
    data = struct.pack("<I", len(texts)) + b"".join(texts)
    return struct.pack("<I", len(data)) + data


def _indication(data: bytes) -> bytes:
    """Data for the client in an MCS send data indication."""
    header = struct.pack(">BHHBH", 0x68, USER - 1001, CHANNEL, 0x70, 0x8000 | len(data))
    body = b"\x02\xf0\x80" + header + data
    return struct.pack(">BBH", 3, 0, 4 + len(body)) + body
