"""The connections of PyMongo, which resolves names itself whenever it connects.

Here it connects to a Unix socket that only the daemon's account can open, and everything that
arrives there is passed on to the server through a socket of the session, for which the access rules
apply. TLS begins behind the Unix socket, so that the server's name is verified.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import tempfile
from contextlib import suppress
from pathlib import Path

from guacr.api import GuacrError, Network
from handlers import tls
from handlers.database.encryption import tls_context
from handlers.database.params import MongodbParams
from handlers.dial import dial
from handlers.link import keep_alive

PORTION = 1 << 16
"""Bytes that are passed on at a time."""
CONNECTIONS_MAX = 64
"""Simultaneous connections; PyMongo needs about three."""
PATH_MAX = 100
"""Characters that the path of a Unix socket may have (unix(7) allows 107)."""
NAME = "mongodb.sock"
"""PyMongo recognises a Unix socket by its end."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay:
    """Passes on the connections to a server, from `open` until `close`.

    Attributes:
        path: the Unix socket; empty before `open`.
        failure: why the last connection was not made, if it was not.
    """

    def __init__(self, network: Network, params: MongodbParams) -> None:
        self._network = network
        self._params = params
        self._tls: ssl.SSLContext | None = None
        self._directory: Path | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.path = ""
        self.failure: GuacrError | None = None

    async def open(self) -> None:
        """Start to listen, after connecting to the server once.

        Raises:
            GuacrError: the server cannot be reached.
            OSError: TLS with it fails.
        """
        if self._params.tls != "disable":
            self._tls = await tls_context(self._params)
        _, writer = await self._connected()
        writer.transport.abort()
        self._directory = await asyncio.to_thread(_private_directory)
        self.path = str(self._directory / NAME)
        self._server = await asyncio.start_unix_server(self._accepted, self.path)

    async def close(self) -> None:
        """End all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._directory is not None:
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve((reader, writer)), name="mongodb relay")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda task: writer.transport.abort())

    async def _serve(self, client: Streams) -> None:
        try:
            server = await self._connected()
        except GuacrError as error:
            self.failure = error
            return
        except OSError:
            return
        self.failure = None
        try:
            await _pass_on(client, server)
        finally:
            server[1].transport.abort()

    async def _connected(self) -> Streams:
        params = self._params
        async with asyncio.timeout(params.timeout):
            sock = await dial(self._network, params.hostname, params.port, params.timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            keep_alive(sock)
            if self._tls is not None:
                return await tls.connect(sock, self._tls, params.hostname.strip("[]"), PORTION)
            return await asyncio.open_connection(sock=sock)


async def _pass_on(client: Streams, server: Streams) -> None:
    """Pass on bytes in both directions until either side ends its connection."""
    ways = [
        asyncio.create_task(_copy(client[0], server[1]), name="mongodb requests"),
        asyncio.create_task(_copy(server[0], client[1]), name="mongodb answers"),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(PORTION):
            writer.write(data)
            await writer.drain()


def _private_directory() -> Path:
    """Create a directory that only this account can search, with a path that is short enough."""
    longest = len(os.path.join(tempfile.gettempdir(), "guacr-12345678", NAME))  # noqa: PTH118
    place = None if longest <= PATH_MAX else "/tmp"  # noqa: S108 - mkdtemp makes it private
    return Path(tempfile.mkdtemp(prefix="guacr-", dir=place))
