"""The receiving half's backpressure: a channel waits when its connections leave too much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from guacr.tubes.backlog import Backlog
from guacr.tubes.sctp.channels import Channel, ChannelState

if TYPE_CHECKING:
    from guacr.tubes.connections.connection import Connection
    from guacr.tubes.inflow import Inflow

STALL_MAX = 10.0
"""Seconds for which a connection may take nothing while others wait for it."""
UNSEEN_STALL_MAX = 600.0
"""The same where others would not be seen: the messages that open them wait as well."""
CHECK = 1.0
"""Seconds between two looks at connections for which a channel waits."""


class Reading:
    """Reads from the channel of a conversation, unless connections leave more than is allowed.

    With a peer that knows windows, each connection is stopped by its own, and this is not needed
    unless very many leave their windows unread. Otherwise the peer can only be stopped for all
    connections together, since their frames come in one order. Then those that take nothing at all
    are ended, if there are others.

    Args:
        backlog: of the tube.
        is_answerer: this end does not see connections that wait to be opened.
        receive_eof: passes on the end of data of a connection.
        send_grant: tells the peer how many bytes it may send on a connection, in total.
        on_stalled: called with a connection to be ended.
    """

    def __init__(
        self,
        channel: Channel,
        backlog: Backlog,
        *,
        is_answerer: bool,
        receive_eof: Callable[[Connection], None],
        send_grant: Callable[[Connection, int], None],
        on_stalled: Callable[[Connection], None],
    ) -> None:
        self.receive_eof = receive_eof
        self.grant = send_grant
        self.on_stalled = on_stalled
        self._channel = channel
        self._backlog = backlog
        self._is_answerer = is_answerer
        self._loop = asyncio.get_running_loop()
        self.time = self._loop.time
        self._over: set[Inflow] = set()
        """Those beyond the limit of a connection."""
        self._is_full = False
        """The tube was found to be full."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._is_due = False
        self._is_busy = False
        """Received frames have to be processed first."""
        self._is_closed = False

    @property
    def window(self) -> int:
        """Bytes that a connection may be granted beyond what it has taken."""
        return self._backlog.window

    def counted(self, inflow: Inflow, by: int) -> None:
        """Something waits, or, with a negative number, no longer does."""
        backlog = self._backlog
        backlog.change(by)
        if inflow.size:
            backlog.waiting.add(inflow)
        else:
            backlog.waiting.discard(inflow)
        if by > 0:
            if inflow.size > backlog.limits.connection:
                self._over.add(inflow)
            self._is_full |= backlog.is_full
            if self._over or self._is_full:
                self._update()
        else:
            self.check_soon()

    def check_soon(self) -> None:
        """Read again if nothing is in the way any more."""
        if self._is_paused and not self._is_due:
            self._is_due = True
            # later: the message whose frames are being processed comes first
            self._loop.call_soon(self._update)

    def begin(self) -> None:
        """Read from the channel, unless something is in the way."""
        if not self._is_paused:
            self._channel.resume_reading()

    def wait_for_turn(self) -> None:
        """Read nothing until `has_turn`."""
        self._is_busy = not self._is_closed
        self._update()

    def has_turn(self) -> None:
        """Read again."""
        self._is_busy = False
        self._update()

    def close(self) -> None:
        """Wait for nothing any more."""
        self._is_closed = True
        self._is_busy = False
        self._update()

    def _update(self) -> None:
        self._is_due = False
        limit = self._backlog.limits.connection
        self._over = {one for one in self._over if one.size > limit and not one.has_ended}
        self._is_full = self._is_full and self._backlog.is_full
        is_over = bool(self._over or self._is_full) and not self._is_closed
        if is_over and self._timer is None:
            self._timer = self._loop.call_later(CHECK, self._check)
        elif self._timer is not None and not is_over:
            self._timer.cancel()
            self._timer = None
        is_paused = is_over or self._is_busy
        if is_paused and not self._is_paused:
            self._is_paused = True
            self._channel.pause_reading()
        elif self._is_paused and not is_paused:
            self._is_paused = False
            self._channel.resume_reading()

    # --- connections that do not take their data

    def _check(self) -> None:
        self._timer = None
        found = self._over or self._backlog.waiting
        now, limit = self.time(), self._stall_max()
        stalled = [one for one in found if one.is_stalled(now, limit)]
        if stalled:
            max(stalled, key=lambda one: one.size).give_up()
        self._update()

    def _stall_max(self) -> float:
        if self._backlog.connections > 1 or self._channel.state is not ChannelState.OPEN:
            return STALL_MAX
        return UNSEEN_STALL_MAX if self._is_answerer else inf
