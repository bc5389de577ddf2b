"""The receiving half of a connection's flow control: what it has not taken yet waits here, and the
peer is granted more as it takes it."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from guacr.tubes.backlog import WINDOW_FIRST

if TYPE_CHECKING:
    from guacr.tubes.connections.connection import Connection
    from guacr.tubes.reading import Reading

PIECE = 32 * 1024
"""Bytes up to which small data is put together while it waits."""
OVERHEAD = 128
"""Bytes that a piece counts for in addition to its own."""


class Inflow:
    """The data that a connection receives, in order.

    Args:
        connection: gets the data; it may `hold` whenever it cannot take more.
        reading: of the conversation.

    Attributes:
        size: bytes that wait, and those that a connection got at its end, until it is released.
        has_ended: no more data will come.
    """

    __slots__ = (
        "_backlog_seen",
        "_grant_at",
        "_granted",
        "_has_eof",
        "_is_held",
        "_queue",
        "_reading",
        "_taken",
        "connection",
        "has_ended",
        "moved_at",
        "size",
    )

    def __init__(self, connection: Connection, reading: Reading) -> None:
        self.connection = connection
        self.size = 0
        self.has_ended = False
        self.moved_at = 0.0
        """When the connection has last taken something, as far as this is known."""
        self._reading = reading
        self._queue: deque[bytearray] = deque()
        self._is_held = False
        self._has_eof = False
        self._backlog_seen = 0
        self._taken = 0
        self._granted = WINDOW_FIRST
        self._grant_at = inf

    # --- for the conversation

    def allow_grants(self) -> None:
        """The peer knows windows."""
        if self._grant_at == inf:
            self._grant_at = WINDOW_FIRST // 2

    def receive(self, data: bytes) -> None:
        """Pass on data of the peer, now or once the connection takes it."""
        if self._is_held or self._queue or self._has_eof:
            self._keep(data)
        else:
            self._pass_on(data)

    def receive_eof(self) -> None:
        """Pass on the end of the peer's data, after the data."""
        if self._is_held or self._queue:
            self._has_eof = True
        elif not self._has_eof:
            self._reading.receive_eof(self.connection)

    def move_to(self, connection: Connection) -> None:
        """Serve another connection, which may hold already; `deliver` follows."""
        self._is_held = connection.inflow._is_held
        self.connection = connection
        connection.inflow = self

    def end(self) -> None:
        """Hand over all that waits: the connection is being closed. It stays counted."""
        self.has_ended = True
        self._has_eof = False
        queue = self._queue
        while queue:
            self.connection.receive(bytes(queue.popleft()))
        self._reading.check_soon()

    def give_up(self) -> None:
        """End the connection, which does not take what waits."""
        self._queue.clear()
        self._reading.on_stalled(self.connection)

    def release(self) -> None:
        """The connection needs no memory any more."""
        self._queue.clear()
        self._count(-self.size)

    def is_stalled(self, now: float, limit: float) -> bool:
        """Return True if the connection has taken nothing for `limit` seconds."""
        backlog = self.connection.backlog()
        if backlog != self._backlog_seen:
            self._backlog_seen = backlog
            self.moved_at = now
        return now - self.moved_at >= limit

    # --- for the connection

    def hold(self) -> None:
        """Receive nothing until `let_go`: the connection cannot take more."""
        if not self._is_held:
            self._is_held = True
            self._backlog_seen = self.connection.backlog()
            self.moved_at = self._reading.time()

    def let_go(self) -> None:
        """The connection can take more; harmless when repeated."""
        if self._is_held:
            self._is_held = False
            self.deliver()

    def deliver(self) -> None:
        """Pass on what waits, until the connection holds again."""
        queue = self._queue
        while queue and not self._is_held:
            data = queue.popleft()
            self._count(-len(data) - OVERHEAD)
            self.moved_at = self._reading.time()
            self._pass_on(bytes(data))
        if self._is_held or queue:
            return
        if self._taken >= self._grant_at:
            self._grant()
        if self._has_eof:
            self._has_eof = False
            self._reading.receive_eof(self.connection)

    def _pass_on(self, data: bytes) -> None:
        self._taken += len(data)
        self.connection.receive(data)
        if self._taken >= self._grant_at and not self._is_held:
            self._grant()

    def _keep(self, data: bytes) -> None:
        if self._has_eof or not data:
            return
        queue = self._queue
        if queue and len(queue[-1]) + len(data) <= PIECE:
            queue[-1] += data
            self._count(len(data))
        else:
            queue.append(bytearray(data))
            self._count(len(data) + OVERHEAD)

    def _count(self, by: int) -> None:
        self.size += by
        self._reading.counted(self, by)

    def _grant(self) -> None:
        window = self._reading.window
        self._granted = max(self._granted, self._taken + window)
        self._grant_at = self._granted - window // 2
        self._reading.grant(self.connection, self._granted)
