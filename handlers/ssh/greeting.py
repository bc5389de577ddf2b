"""The path between a socket and asyncssh, which keeps the host's greeting in case it is not SSH."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from handlers.ssh.inflow import Inflow

GREETING_MAX = 256
"""Bytes of the greeting that are kept."""


@runtime_checkable
class Tunnel(Protocol):
    """A host through which others can be reached."""

    async def tunnel(
        self, protocol: asyncio.Protocol, host: str, port: int
    ) -> asyncio.BaseTransport:
        """Open a connection from there to another host."""


class ConnectedTunnel:
    """Connects asyncssh to a connected socket, or through a jump host, and observes the traffic.

    It keeps the host's greeting, calls `on_data` whenever the host sends something, and reports the
    end of the connection last.
    """

    def __init__(self, way: socket.socket | Tunnel, on_data: Callable[[], None]) -> None:
        self.greeting = bytearray()
        self._way: socket.socket | Tunnel | None = way
        self._on_data = on_data

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        """Implement asyncssh's interface of a tunnel."""
        connection = factory()
        between = Inflow(connection, self.greeting, GREETING_MAX, self._on_data)
        way, self._way = self._way, None
        if isinstance(way, Tunnel):
            transport = await way.tunnel(between, host, port)
        else:
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: between, sock=way
            )
        return transport, connection

    def close(self) -> None:
        """Close the socket, unless asyncssh owns it."""
        if isinstance(self._way, socket.socket):
            self._way.close()
