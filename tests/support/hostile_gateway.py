"""A remote desktop gateway that opens a tunnel to nowhere, and then sends without end."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from dataclasses import dataclass

from tests.support.rd_gateway import GUID, _request

OPENING = (
    (2, struct.pack("<IBBHH", 0, 1, 0, 0, 0)),
    (5, struct.pack("<HIHHII", 1, 0, 3, 0, 7, 0xC)),
    (7, struct.pack("<IHHII", 0, 3, 0, 0, 0)),
    (9, struct.pack("<IHHI", 0, 1, 0, 1)),
)
"""The answers to the four requests of a client."""


@dataclass
class HostileGateway:
    """Its `script` is for `scripted_host`, with TLS.

    Attributes:
        answer: the beginning of an HTTP answer; without one, the tunnel is opened.
        challenge: of NTLM; without one, no login is wanted.
        opening: what precedes the flood.
        flood: what is sent again and again.
        pause: the seconds between.
        sent: the bytes of the flood so far.
        is_left: True once a client has ended its connection.
    """

    answer: bytes = b""
    challenge: bytes = b""
    opening: bytes = b""
    flood: bytes = b""
    pause: float = 0.0
    sent: int = 0
    is_left: bool = False

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client."""
        if self.challenge:
            await self._challenge(reader, writer)
            return
        _, _, headers = await _request(reader)
        if self.answer or b"HTTP" in self.flood:
            writer.write(self.answer)
        else:
            writer.write(_accept(headers["sec-websocket-key"]))
            writer.write(b"".join(frame(2, packet(*one)) for one in OPENING) + self.opening)
        listening = asyncio.create_task(_listen(reader))
        try:
            while True:
                writer.write(self.flood)
                await writer.drain()
                self.sent += len(self.flood)
                await asyncio.sleep(self.pause)
        finally:
            self.is_left = True
            listening.cancel()

    async def _challenge(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, _, headers = await _request(reader)
            token = f" {base64.b64encode(self.challenge).decode()}"
            shown = token if "authorization" in headers else ""
            writer.write(
                f"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM{shown}\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )


async def _listen(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


def _accept(key: str) -> bytes:
    proof = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {proof}\r\n\r\n"
    ).encode()


def packet(kind: int, body: bytes = b"") -> bytes:
    """A packet of the gateway's protocol (MS-TSGU 2.2.10.9)."""
    return struct.pack("<HHI", kind, 0, 8 + len(body)) + body


def frame(opcode: int, data: bytes, *, is_last: bool = True) -> bytes:
    """A frame of a WebSocket."""
    first, size = (0x80 if is_last else 0) | opcode, len(data)
    if size < 126:
        return bytes((first, size)) + data
    if size < 1 << 16:
        return bytes((first, 126)) + struct.pack(">H", size) + data
    return bytes((first, 127)) + struct.pack(">Q", size) + data
