"""What a host says first, kept for the case that it is not SSH."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

GREETING_MAX = 256
"""Bytes that are kept."""


class Door:
    """Lets asyncssh in on a socket that is connected, and keeps what the host says first."""

    def __init__(self, sock: socket.socket) -> None:
        self.greeting = bytearray()
        self._sock: socket.socket | None = sock

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        """What asyncssh asks of a tunnel."""
        connection = factory()
        sock, self._sock = self._sock, None
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: _Listener(connection, self.greeting), sock=sock
        )
        return transport, connection

    def close(self) -> None:
        """Close the socket, if asyncssh has not taken it."""
        if self._sock is not None:
            self._sock.close()


class _Listener(asyncio.Protocol):
    """Stands before asyncssh's protocol until the first line has come, then steps aside."""

    def __init__(self, connection: asyncio.Protocol, greeting: bytearray) -> None:
        self._connection = connection
        self._greeting = greeting
        self._transport: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connection.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._greeting += data[: GREETING_MAX - len(self._greeting)]
        if b"\n" in self._greeting or len(self._greeting) == GREETING_MAX:
            self._transport.set_protocol(self._connection)
        self._connection.data_received(data)

    def eof_received(self) -> bool | None:
        return self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)
