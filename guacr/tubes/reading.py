"""The receiving half's backpressure: who cannot take more stops the channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from guacr.tubes.connections.connection import Connection
from guacr.tubes.sctp.channels import Channel

STALL_MAX = 60.0
"""Seconds for which a connection may take nothing while others wait for it."""
UNSEEN_STALL_MAX = 600.0
"""The same where others would not be seen: the messages that open them wait as well."""


class ReadingGate:
    """Reads from the channel while no connection holds it.

    The frames of a channel come in one order, and the peer can only be stopped for all of them. A
    connection that takes nothing at all would stop the others for ever.

    Args:
        stall_max: returns the seconds for which a connection may take nothing, as of now.
        on_stalled: called with a connection that has taken nothing for this time.
    """

    def __init__(
        self,
        channel: Channel,
        stall_max: Callable[[], float],
        on_stalled: Callable[[Connection], None],
    ) -> None:
        self._channel = channel
        self._stall_max = stall_max
        self._on_stalled = on_stalled
        self._loop = asyncio.get_running_loop()
        self._holding: dict[Connection, _Stall] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._is_closed = False

    def hold(self, connection: Connection) -> None:
        """Read nothing until `connection` lets go."""
        if connection not in self._holding and not self._is_closed:
            self._holding[connection] = _Stall(connection.backlog(), self._loop.time())
            self._update()

    def let_go(self, connection: Connection) -> None:
        """Read again unless another connection holds; harmless when repeated."""
        if self._holding.pop(connection, None) is not None:
            # later: the message whose frames are being processed comes first
            self._loop.call_soon(self._update)

    def close(self) -> None:
        """Forget all connections."""
        self._is_closed = True
        self._holding.clear()
        self._is_paused = False
        self._update()

    def _update(self) -> None:
        if self._holding and not self._is_paused:
            self._is_paused = True
            self._channel.pause_reading()
        elif self._is_paused and not self._holding:
            self._is_paused = False
            self._channel.resume_reading()
        if self._holding and self._timer is None:
            self._timer = self._loop.call_later(STALL_MAX / 10, self._check)
        elif self._timer is not None and not self._holding:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        now, limit = self._loop.time(), self._stall_max()
        for connection, stall in list(self._holding.items()):
            backlog = connection.backlog()
            if backlog != stall.backlog:
                self._holding[connection] = _Stall(backlog, now)
            elif now - stall.since >= limit:
                self._on_stalled(connection)
        self._update()


@dataclass(frozen=True, slots=True)
class _Stall:
    backlog: int
    since: float
