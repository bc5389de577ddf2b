"""Runs an association on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.tubes.sctp.association import Association


class SctpDriver:
    """Sends what an association has to send, and keeps its time.

    What happens within one turn of the event loop goes out together at its end, so that small
    messages and acknowledgements share packets.

    Args:
        association: whose `on_output` the driver takes.
        send: sends a packet, without waiting.
    """

    def __init__(self, association: Association, send: Callable[[bytes], None]) -> None:
        self.association = association
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._is_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        association.on_output = self._soon

    def start(self) -> None:
        """Begin the handshake."""
        self.association.start(self._loop.time())
        self._soon()

    def receive(self, packet: bytes) -> None:
        """Process a packet of the peer."""
        self.association.receive(packet, self._loop.time())
        if not self._is_due:
            self._soon()

    def link_restored(self) -> None:
        """The link has returned: do not wait for a time-out to use it."""
        self.association.probe(self._loop.time())
        self._soon()

    def close(self, reason: str) -> None:
        """Abort the association, and tell the peer while the link still exists."""
        self.association.abort(reason)
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_due = False
        packets = self.association.take_packets(self._loop.time())
        for packet in packets:
            self._send(packet)
        if packets and self.association.has_more:
            self._soon()  # others have their turn first
        else:
            self._arm(self.association.deadline())

    def _arm(self, at: float | None) -> None:
        """Have `_on_timer` called at this time; it may be called earlier."""
        if at is None:
            return
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        at, now = self.association.deadline(), self._loop.time()
        if at is not None and at <= now:
            self.association.handle_deadline(now)
            self._flush()
        else:
            self._arm(at)
