"""The connections of a conversation, until each has released what it used."""

from __future__ import annotations

import asyncio
from math import inf

from guacr.tubes.backlog import Backlog
from guacr.tubes.connections.connection import Connection


class ConnectionTable:
    """Finds connections by their numbers, counts them, and knows what the peer allows each to send.

    Args:
        connections_max: how many may be alive at a time.
        backlog: of the tube, which counts the connections of all its conversations.

    Attributes:
        by_number: those that are open or being opened.
        alive: these, those that have no number yet, and those that still release what they used.
    """

    def __init__(self, connections_max: int, backlog: Backlog) -> None:
        self.by_number: dict[int, Connection] = {}
        self.alive: set[Connection] = set()
        self._connections_max = connections_max
        self._backlog = backlog
        self._peer_window: float = inf
        """Bytes that the peer accepts on a new connection; it grants more if this is finite."""
        self._last_number = 0
        self._empty: asyncio.Future[None] | None = None

    @property
    def is_full(self) -> bool:
        """True if no connection can be added."""
        return len(self.alive) >= self._connections_max

    def next_number(self) -> int:
        """Return the number of the next connection that this end opens."""
        self._last_number += 1
        while self._last_number in self.by_number:
            self._last_number += 1
        return self._last_number

    def has(self, connection: Connection) -> bool:
        """Return True while a connection is in the table."""
        return self.by_number.get(connection.number) is connection

    def watch(self, connection: Connection) -> None:
        """Count a connection, and abort it with the others, before it is added."""
        self.alive.add(connection)

    def add(self, connection: Connection) -> None:
        """Put a connection into the table, whose number must be free."""
        self.by_number[connection.number] = connection
        self.alive.add(connection)
        self._backlog.connections += 1
        connection.send_limit = self._peer_window
        if self._peer_window < inf:
            connection.inflow.allow_grants()

    def replace(self, opening: Connection, connection: Connection) -> None:
        """Put `connection` into the place of the one that has opened it, with what has come for it;
        `Inflow.deliver` delivers that."""
        self.by_number[connection.number] = connection
        self.alive.add(connection)
        connection.send_limit = opening.send_limit
        opening.inflow.move_to(connection)

    def remove(self, connection: Connection) -> None:
        """Take out a connection that ends; it is alive until it is `released`."""
        del self.by_number[connection.number]
        self._backlog.connections -= 1

    def peer_window(self, limit: int) -> None:
        """The peer knows windows, and accepts `limit` bytes on each connection before it grants
        more."""
        if self._peer_window == inf:
            self._peer_window = limit
            for connection in self.by_number.values():
                connection.send_limit = limit
                connection.inflow.allow_grants()

    def released(self, connection: Connection) -> None:
        """A connection uses nothing any more."""
        if connection.inflow.connection is connection:
            connection.inflow.release()
        self.alive.discard(connection)
        if not self.alive and self._empty is not None:
            self._empty.set_result(None)
            self._empty = None

    async def wait_released(self) -> None:
        """Wait until no connection is alive."""
        while self.alive:
            if self._empty is None:
                self._empty = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._empty)
