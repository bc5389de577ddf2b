"""An UltraVNC repeater: connects viewers to servers by address, or by the ID of a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

GREETING, REQUEST_SIZE = b"RFB 000.000\n", 250
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Repeater:
    """The repeater, as a test sees it."""

    def __init__(self) -> None:
        self.port = self.server_port = 0
        self.requests: list[bytes] = []
        """What viewers have requested, with the zeros."""
        self._servers: dict[str, asyncio.Future[Ends]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def view(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a viewer."""
        self._note(writer)
        writer.write(GREETING)
        self.requests.append(await reader.readexactly(REQUEST_SIZE))
        destination = self.requests[-1].rstrip(b"\0").decode()
        host, _, port = destination.rpartition(":")
        if host == "ID":
            ends = await self._server(destination)
        else:
            ends = await asyncio.open_connection(host, int(port))
            self._note(ends[1])
        await asyncio.gather(_pass(reader, ends[1]), _pass(ends[0], writer))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept a server, which says its ID."""
        self._note(writer)
        name = (await reader.readexactly(REQUEST_SIZE)).split(b"\0", 1)[0].decode()
        self._server(name).set_result((reader, writer))

    async def register(self, name: str, port: int) -> None:
        """Know a server that is at a port as one that has connected with an ID."""
        ends = await asyncio.open_connection("127.0.0.1", port)
        self._writers.append(ends[1])
        self._server(name).set_result(ends)

    def _server(self, name: str) -> asyncio.Future[Ends]:
        if name not in self._servers:
            self._servers[name] = asyncio.get_running_loop().create_future()
        return self._servers[name]

    def _note(self, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)

    async def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one that ends its connection so is no less gone
    finally:
        writer.close()


@asynccontextmanager
async def repeater() -> AsyncIterator[Repeater]:
    """A repeater, with a port for viewers and one for servers."""
    made = Repeater()
    async with (
        await asyncio.start_server(made.view, "127.0.0.1", 0) as viewers,
        await asyncio.start_server(made.serve, "127.0.0.1", 0) as servers,
    ):
        made.port = viewers.sockets[0].getsockname()[1]
        made.server_port = servers.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            viewers.close()
            servers.close()
            await made.close()
