"""A proxy between a client and a server, that can fall silent or garble what the server says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.support.scripted_host import send_reset

CHUNK = 1 << 16


class TcpProxy:
    """Connections to one server."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._ways: list[_Way] = []
        """Of each connection the way to the server, and the one back."""
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._silent = False
        self._change: Callable[[bytes], bytes] = bytes

    @property
    def connections(self) -> int:
        """How many there have been."""
        return len(self._ways) // 2

    @property
    def is_idle(self) -> bool:
        """True if nobody is connected."""
        return not self._tasks

    def silence(self, *, new: bool = True) -> None:
        """From here on nothing passes, as where packets are dropped; with `new`, on new
        connections neither."""
        self._silent = new
        for way in self._ways:
            way.change = lambda data: b""

    def garble(self, change: Callable[[bytes], bytes]) -> None:
        """From here on the server's bytes are changed."""
        self._change = change
        for way in self._ways[1::2]:
            way.change = change

    def reset(self) -> None:
        """End the present connections with TCP resets, as after the crash of a host."""
        for writer in self._writers:
            send_reset(writer.transport)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client connects."""
        self._writers.append(writer)
        task = asyncio.create_task(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers.append(far_writer)
        ways = [_Way(reader, far_writer), _Way(far_reader, writer)]
        ways[1].change = self._change
        self._ways += ways
        if self._silent:
            self.silence()
        await asyncio.gather(*(way.run() for way in ways))

    async def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()


class _Way:
    """One direction of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.change: Callable[[bytes], bytes] = bytes

    async def run(self) -> None:
        try:
            while data := await self._reader.read(CHUNK):
                self._writer.write(self.change(data))
                await self._writer.drain()
        except OSError:
            pass  # one that ends its connection so is no less gone
        finally:
            self._writer.close()


@asynccontextmanager
async def tcp_proxy(host: str, port: int) -> AsyncIterator[tuple[TcpProxy, int]]:
    """A proxy to a server, and the port that it listens on."""
    proxy = TcpProxy(host, port)
    async with await asyncio.start_server(proxy.accept, "127.0.0.1", 0) as server:
        try:
            yield proxy, server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await proxy.close()
