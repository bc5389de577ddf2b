"""What a host says first, kept for the case that it is not SSH."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

GREETING_MAX = 256
"""Bytes that are kept."""


class Door:
    """Lets asyncssh in on a socket that is connected, and stands between until the login is over:
    it keeps what the host says first, and tells of the connection's end last."""

    def __init__(self, sock: socket.socket) -> None:
        self.greeting = bytearray()
        self._sock: socket.socket | None = sock
        self._between: _Between | None = None

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        """What asyncssh asks of a tunnel."""
        connection = factory()
        sock, self._sock = self._sock, None
        between = self._between = _Between(connection, self.greeting)
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: between, sock=sock
        )
        return transport, connection

    def step_aside(self) -> None:
        """From now on asyncssh hears from the socket itself."""
        if self._between is not None:
            self._between.step_aside()

    def close(self) -> None:
        """Close the socket, if asyncssh has not taken it."""
        if self._sock is not None:
            self._sock.close()


class _Between(asyncio.Protocol):
    """Stands before asyncssh's protocol."""

    def __init__(self, connection: asyncio.Protocol, greeting: bytearray) -> None:
        self._connection = connection
        self._greeting = greeting
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.BaseTransport

    def step_aside(self) -> None:
        self._transport.set_protocol(self._connection)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connection.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._greeting += data[: GREETING_MAX - len(self._greeting)]
        self._connection.data_received(data)

    # asyncssh looks at the host's algorithms in a task, which an end that came along with them
    # would cancel: the person would not hear why the host has hung up.

    def eof_received(self) -> None:
        self._loop.call_soon(self._connection.eof_received)

    def connection_lost(self, exc: Exception | None) -> None:
        self._loop.call_soon(self._connection.connection_lost, exc)
