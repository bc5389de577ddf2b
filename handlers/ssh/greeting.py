"""The way to a host: bytes between a socket and asyncssh, with what the host says first kept for
the case that it is not SSH."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, runtime_checkable

GREETING_MAX = 256
"""Bytes that are kept."""


@runtime_checkable
class Tunnel(Protocol):
    """A host through which others are reached."""

    async def tunnel(
        self, protocol: asyncio.Protocol, host: str, port: int
    ) -> asyncio.BaseTransport:
        """A connection from there to another host."""


class Door:
    """Lets asyncssh in on a socket that is connected, or through a jump host, and stands between:
    it keeps what the host says first, tells `on_data` that the host is alive, and tells of the
    connection's end last."""

    def __init__(self, way: socket.socket | Tunnel, on_data: Callable[[], None]) -> None:
        self.greeting = bytearray()
        self._way: socket.socket | Tunnel | None = way
        self._on_data = on_data

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        """What asyncssh asks of a tunnel."""
        connection = factory()
        between = _Between(connection, self.greeting, self._on_data)
        way, self._way = self._way, None
        if isinstance(way, Tunnel):
            transport = await way.tunnel(between, host, port)
        else:
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: between, sock=way
            )
        return transport, connection

    def close(self) -> None:
        """Close the socket, if asyncssh has not taken it."""
        if isinstance(self._way, socket.socket):
            self._way.close()


class _Between(asyncio.Protocol):
    """Stands before asyncssh's protocol."""

    def __init__(
        self, connection: asyncio.Protocol, greeting: bytearray, on_data: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._greeting = greeting
        self._on_data = on_data
        self._loop = asyncio.get_running_loop()

    def session_started(self) -> None:
        """What asyncssh calls where the way is a channel."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection.connection_made(transport)

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        if len(self._greeting) < GREETING_MAX:
            self._greeting += data[: GREETING_MAX - len(self._greeting)]
        self._connection.data_received(data)
        self._on_data()

    # asyncssh looks at the host's algorithms in a task, which an end that came along with them
    # would cancel: the person would not hear why the host has hung up.

    def eof_received(self) -> None:
        self._loop.call_soon(self._connection.eof_received)

    def connection_lost(self, exc: Exception | None) -> None:
        self._loop.call_soon(self._connection.connection_lost, exc)
