"""A VNC server that follows a script, for what no server at hand does."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from tests.support.scripted_host import send_reset

SIZE = (64, 48)
"""Width and height of its desktop."""


class RfbPeer:
    """One client of the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, size: int) -> bytes:
        """Exactly `size` bytes of the client."""
        return await self._reader.readexactly(size)

    def send(self, *parts: bytes) -> None:
        """Send bytes, at once."""
        self._writer.write(b"".join(parts))

    def reset(self) -> None:
        """Reset the connection, as the system of a server does that ends with something unread."""
        send_reset(self._writer.transport)

    async def versions(self, offered: bytes, answer: bytes) -> None:
        """Agree on a version."""
        self.send(b"RFB " + offered + b"\n")
        assert await self.read(12) == b"RFB " + answer + b"\n"

    async def choose(self, *types: int) -> int:
        """Offer security types, and return the client's choice."""
        self.send(bytes([len(types), *types]))
        return (await self.read(1))[0]

    async def start_tls(self) -> None:
        """Start TLS without a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("aNULL:@SECLEVEL=0")
        await self._writer.start_tls(context)

    def refuse(self, reason: str) -> None:
        """Refuse the login as version 3.8 does."""
        self.send(b"\0\0\0\1", len(reason).to_bytes(4, "big"), reason.encode())

    async def begin(self, layout: bytes = bytes(16)) -> bytes:
        """Go on from ClientInit until the client has said what it wants, and show a black picture.

        Args:
            layout: the server's own pixel format.

        Returns:
            The pixel format that the client wants.
        """
        await self.read(1)
        kind, count = struct.unpack(">BxH", await self.read(4))
        assert kind == 2
        await self.read(4 * count)
        self.send(struct.pack(">HH", *SIZE), layout, struct.pack(">I", 4), b"desk")
        message = await self.read(20)
        assert message[0] == 0
        size = message[4] // 8 * SIZE[0] * SIZE[1]
        assert (await self.read(10))[0] == 3
        self.rectangle(struct.pack(">HHHHi", 0, 0, *SIZE, 0), bytes(size))
        assert (await self.read(10))[0] == 3
        return message[4:]

    def rectangle(self, *parts: bytes) -> None:
        """Send an update of one rectangle."""
        self.send(struct.pack(">BxH", 0, 1), *parts)

    async def ended(self) -> None:
        """Until the client has left."""
        while await self._reader.read(4096):
            pass

    async def rest(self) -> bytes:
        """Return all that the client sends until it disconnects."""
        return await self._reader.read()


class RfbServer:
    """The server, as a test sees it."""

    def __init__(self, port: int) -> None:
        self.parameters = {"hostname": "127.0.0.1", "port": str(port)}
        self.connections = 0
        self.failures: list[BaseException] = []


@asynccontextmanager
async def rfb_server(script: Callable[[RfbPeer], Awaitable[None]]) -> AsyncIterator[RfbServer]:
    """A server that runs `script` for each client; assertions that fail there fail the test."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(RfbPeer(reader, writer))
        except AssertionError as error:
            server.failures.append(error)
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server = RfbServer(listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if server.failures:
        raise server.failures[0]
