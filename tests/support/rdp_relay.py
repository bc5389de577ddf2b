"""A relay between a client and an RDP server that decrypts, and can add to what the server says."""

from __future__ import annotations

import asyncio
import ssl
import struct

from tests.support.scripted_host import Script

TPKT, WIDE = 3, 0x80


class RdpRelay:
    """Its `script` is for `scripted_host`.

    Args:
        port: that of the server, on this machine.
        tls: the certificate and key that clients see.
    """

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        self._port = port
        self._tls = tls
        self._added = b""
        self.then: Script | None = None
        """What is done with further clients, instead of relaying."""
        self._is_used = False

    def add(self, packet: bytes) -> None:
        """Send a packet after the server's next one."""
        self._added = packet

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay a client to the server."""
        if self._is_used and self.then is not None:
            await self.then(reader, writer)
            return
        self._is_used = True
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            far_writer.write(await _packet(reader))
            writer.write(await _packet(far_reader))
            await writer.start_tls(self._tls)
            await far_writer.start_tls(ssl._create_unverified_context())
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, far_writer))
                group.create_task(self._return(far_reader, writer))
        except* (EOFError, OSError):
            pass
        finally:
            far_writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        raise EOFError

    async def _return(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            packet = await _packet(reader)
            added, self._added = self._added, b""
            writer.write(packet + added)
            await writer.drain()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """A packet in TPKT or fast-path (MS-RDPBCGR 2.2.9.1.2)."""
    head = await reader.readexactly(2)
    if head[0] == TPKT:
        head += await reader.readexactly(2)
        (size,) = struct.unpack(">H", head[2:])
    elif head[1] & WIDE:
        head += await reader.readexactly(1)
        size = (head[1] & ~WIDE) << 8 | head[2]
    else:
        size = head[1]
    return head + await reader.readexactly(size - len(head))
