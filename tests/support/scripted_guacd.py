"""A guacd that does what a test tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from guacr.protocol.instruction import encode
from tests.support.conversations import server

VERSION = "VERSION_1_5_0"


class GuacdClient:
    """A client of the scripted guacd."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.received = b""
        """All that it has sent."""

    async def until(self, end: bytes) -> bytes:
        """Read until the bytes end so; return all."""
        while not self.received.endswith(end):
            data = await self.reader.read(65536)
            if not data:
                raise AssertionError(f"ended after {self.received!r}, without {end!r}")
            self.received += data
        return self.received

    async def to_the_end(self) -> bytes:
        """Read to the end; return all."""
        while data := await self.reader.read(65536):
            self.received += data
        return self.received

    def send(self, opcode: str, *args: str | int) -> None:
        """Send an instruction."""
        self.writer.write(encode(opcode, *args))

    async def accept(self, *names: str, then: bytes = b"") -> bytes:
        """Take part in a handshake, and send `then` with `ready`; return all that has been
        received."""
        await self.until(b";")
        self.send("args", VERSION, *names)
        self.received += await self.reader.readuntil(b"7.connect,")
        sent = await self.until(b";")
        self.writer.write(encode("ready", "$id") + then)
        return sent


@asynccontextmanager
async def scripted_guacd(script: Callable[[GuacdClient], Awaitable[object]]) -> AsyncIterator[int]:
    """A guacd that runs `script` for each client, and closes the connection then; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(GuacdClient(reader, writer))

    async with server(serve) as port:
        yield port
