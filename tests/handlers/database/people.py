"""A person at a console: types, and looks at the screen."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from guacr.protocol.client import ClientInfo
from guacr.session.origin import Origin
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.settings.models import Settings
from handlers import database
from handlers.database.handler import DatabaseHandler
from tests.support.loopback import MemoryTransport
from tests.support.screen import rows_of

OPERATOR = Origin(frozenset({"database", "hostname"}))
"""A connection of the configuration, which may name files and sockets."""
WITHIN = 20.0
ENTER, CTRL, ESCAPE, BACKSPACE = 0xFF0D, 0xFFE3, 0xFF1B, 0xFF08
HOME, LEFT, UP, RIGHT, DOWN = 0xFF50, 0xFF51, 0xFF52, 0xFF53, 0xFF54
END, PAGE_DOWN = 0xFF57, 0xFF56
SPECIAL = {"\n": ENTER, "\t": 0xFF09}


class Person:
    """One client of a session, with a memory for what the screen showed."""

    def __init__(self, registry: SessionRegistry, name: str, origin: Origin, **values: str) -> None:
        self.transport = MemoryTransport()
        self.transport.replies = True
        texts = {key.replace("_", "-"): text for key, text in values.items()}
        info = ClientInfo(width=1024, height=768)
        self.session = registry.open(name, texts, info, self.transport, origin).session
        handler = self.session.handler
        assert isinstance(handler, DatabaseHandler)
        self.handler = handler
        self._seen: object = None
        """What the screen was like when it was read."""
        self._lines: list[str] = []

    @property
    def lines(self) -> list[str]:
        """The rows of the screen."""
        emulator = self.handler.terminal.emulator
        seen = (emulator.revision, emulator.scrollbar, emulator.columns)
        if seen != self._seen:
            self._seen, self._lines = seen, rows_of(emulator)
        return self._lines

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self.lines)

    @property
    def error(self) -> tuple[str, ...] | None:
        """The error that ended the session."""
        errors = self.transport.all("error")
        return errors[0] if errors else None

    def press(self, *keysyms: int) -> None:
        """Press keys one after the other."""
        for keysym in keysyms:
            self.transport.send("key", keysym, 1)
            self.transport.send("key", keysym, 0)

    def control(self, letter: str) -> None:
        """Ctrl and a letter."""
        self.transport.send("key", CTRL, 1)
        self.press(ord(letter))
        self.transport.send("key", CTRL, 0)

    def type(self, text: str) -> None:
        """Characters; a line feed is Enter."""
        self.press(*(SPECIAL.get(c) or ord(c) for c in text))

    async def sees(self, *parts: str) -> None:
        """Wait until all of these are on the screen."""
        try:
            await self.waits(lambda: all(part in self.text for part in parts))
        except TimeoutError:
            raise AssertionError(f"{parts} not seen, but:\n{self.text}\n{self.error}") from None

    async def waits(self, condition: Callable[[], bool]) -> None:
        """Wait for something that is not on the screen."""
        async with asyncio.timeout(WITHIN):
            while not condition():  # noqa: ASYNC110 - there is no one event for all conditions
                await asyncio.sleep(0.01)

    async def receives(self, number: int = 1) -> tuple[str, bytes]:
        """Take the download of this number, acknowledging as clients do: its name and bytes."""
        transport = self.transport
        await self.waits(lambda: len(transport.all("file")) >= number)
        index, _, name = transport.all("file")[number - 1]
        transport.send("ack", index, "OK", 0)
        taken = 0
        data = bytearray()
        while True:
            ended = (index,) in transport.all("end")
            blobs = [blob for stream, blob in transport.all("blob") if stream == index]
            for blob in blobs[taken:]:
                data += b64decode(blob)
                transport.send("ack", index, "OK", 0)
            taken = len(blobs)
            if ended:
                return name, bytes(data)
            await asyncio.sleep(0.001)

    async def sends(self, name: str, data: bytes) -> tuple[str, ...]:
        """Upload a file; gives the last acknowledgement."""
        transport = self.transport
        before = len(transport.all("ack"))
        transport.send("file", 9, "text/plain", name)
        await self.waits(lambda: len(transport.all("ack")) > before)
        if transport.all("ack")[-1][2] != "0":
            return transport.all("ack")[-1]
        for start in range(0, len(data), 6048):
            transport.send("blob", 9, b64encode(data[start : start + 6048]).decode())
        if transport.all("ack")[-1][2] == "0":
            transport.send("end", 9)
        return transport.all("ack")[-1]

    async def runs(self) -> None:
        """Wait until a statement runs."""
        console = self.handler._console
        assert console is not None
        await self.waits(lambda: console._editor.keyboard.sink is not None)

    async def knows(self, table: str) -> None:
        """Wait until completion knows a table."""
        console = self.handler._console
        assert console is not None
        await self.waits(lambda: table in console._names.suggestions.schema.tables)

    async def fails(self) -> tuple[str, ...]:
        """Wait for the error that ends the session."""
        await self.waits(lambda: self.error is not None)
        assert self.error is not None
        return self.error


class Room:
    """A session registry with all database consoles, for the persons of a test."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._executor = ThreadPoolExecutor(1)
        handlers = {
            handler.name: handler
            for handler in (getattr(database, name) for name in database.__all__)
        }
        self.registry = SessionRegistry(Protocols(handlers), settings or Settings(), self._executor)

    def open(self, name: str, origin: Origin = OPERATOR, /, **values: str) -> Person:
        """Connect a person; `values` are parameters, with `_` instead of `-`."""
        return Person(self.registry, name, origin, **values)

    def join(self, person: Person) -> MemoryTransport:
        """Let another client join a person's session."""
        transport = MemoryTransport()
        transport.replies = True
        self.registry.open(person.session.id, {}, ClientInfo(), transport)
        return transport

    async def close(self) -> None:
        """End all sessions."""
        await self.registry.close()
        self._executor.shutdown()


@asynccontextmanager
async def host(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[dict[str, str]]:
    """Run a server that does not speak a database's protocol."""
    writers: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        serve(reader, writer)

    # Of a client that closes within the handshake asyncio hears no other way.
    limit = None if tls is None else 1.0
    async with await asyncio.start_server(
        accept, "127.0.0.1", 0, ssl=tls, ssl_handshake_timeout=limit
    ) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield {"hostname": "127.0.0.1", "port": str(port)}
        finally:
            for writer in writers:
                writer.close()
