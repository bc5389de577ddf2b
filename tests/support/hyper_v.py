"""Hyper-V's way to the consoles of virtual machines (`vmconnect`), before a server that shows one.

Clients name the machine (MS-RDPEPS 2.2.1), and then begin with TLS and CredSSP at once: they
negotiate afterwards, inside (MS-RDPBCGR 5.4.2.2).
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.certificates import Pair
from tests.support.nla_host import NLA, message
from tests.support.rdp_host import CONFIRM, TPKT
from tests.support.scripted_host import scripted_host

REQUEST = bytes.fromhex("030000130ee000000000000100080002000000")
"""For a connection with it."""
CONNECT = 0xE0
READ = 1 << 16


@dataclass
class HyperV:
    """The parameters that lead to it, and the ids of the machines that clients have named."""

    parameters: dict[str, str] = field(default_factory=dict)
    machines: list[str] = field(default_factory=list)


@asynccontextmanager
async def hyper_v(port: int, pair: Pair, directory: Path) -> AsyncIterator[HyperV]:
    """A host before the server on this port, which accepts only NLA, and whose certificate and key
    it shows: logins are bound to them. They are written to the directory."""
    made = HyperV()

    async def inside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        far_writer.write(REQUEST)
        await far_reader.readexactly(len(CONFIRM) + 4)
        await far_writer.start_tls(ssl._create_unverified_context())
        await _both(_log_in(reader, far_writer, writer), _pass_on(far_reader, writer))
        far_writer.close()

    async def outside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (size,) = struct.unpack("<I", await reader.readexactly(4))
        named = await reader.readexactly(size - 4)
        made.machines.append(named[14:].decode("utf-16-le").rstrip("\0"))
        inner = await asyncio.open_connection("127.0.0.1", int(encrypted["port"]))
        await _both(_pass_on(reader, inner[1]), _pass_on(inner[0], writer))
        inner[1].close()

    async with (
        scripted_host(inside, _context(pair, directory)) as encrypted,
        scripted_host(outside) as made.parameters,
    ):
        yield made


async def _log_in(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: asyncio.StreamWriter
) -> None:
    """Pass on what a client says, but for its request for a connection, which is answered."""
    while (first := await reader.readexactly(1))[0] != TPKT:
        writer.write(await message(reader, first))
    (size,) = struct.unpack(">xH", await reader.readexactly(3))
    request = await reader.readexactly(size - 4)
    assert request[1] == CONNECT
    client.write(CONFIRM + struct.pack("<I", NLA))
    await _pass_on(reader, writer)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(READ):
        writer.write(data)
        await writer.drain()


async def _both(*ways: Awaitable[None]) -> None:
    """Wait until one of the ways has ended, and end the other."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _context(pair: Pair, directory: Path) -> ssl.SSLContext:
    path = directory / "hyper-v.pem"
    path.write_text(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
