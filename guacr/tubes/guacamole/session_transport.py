"""The transport of a session in this process whose client is the peer of a connection."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from typing_extensions import override

from guacr.policy.client import Client
from guacr.protocol.status import Status
from guacr.transport.base import NO_RECEIVER, Receiver, Transport

RECEIVED_MAX = 64 * 1024
"""Bytes that wait while the session reads nothing; with more, nothing is read from the channel."""
_OVERHEAD = 64
"""Bytes that each waiting piece counts for in addition to its own."""


class Peer(Protocol):
    """The side of a connection that its transport uses."""

    @property
    def name(self) -> str:
        """The name for the log."""

    @property
    def client(self) -> Client:
        """The client, as far as it is known."""

    @property
    def buffered(self) -> int:
        """Bytes that have not been sent."""

    def send(self, data: bytes) -> None:
        """Send whole instructions."""

    def end(self, status: Status) -> None:
        """Close the connection, after what was sent; `SessionTransport.closed` follows."""

    def hold(self) -> None:
        """Receive nothing until `let_go`."""

    def let_go(self) -> None:
        """Receive again."""

    def left(self) -> None:
        """The session uses the connection no more."""


class SessionTransport(Transport):
    """Nothing is copied to a socket: what the session writes becomes frames at once, and what the
    peer sends reaches the receiver within the same turn of the event loop."""

    def __init__(self, peer: Peer) -> None:
        self.receiver: Receiver = NO_RECEIVER
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        self._is_reading = False
        self._is_closed = False
        self._waiting: deque[bytes] = deque()
        self._delivery: asyncio.Handle | None = None
        self.waiting = 0
        """Bytes that the session has not read yet."""

    # ---- Transport

    @property
    @override
    def peer(self) -> str:
        return self._peer.name

    @property
    @override
    def client(self) -> Client:
        return self._peer.client

    @property
    @override
    def buffered(self) -> int:
        return 0 if self._is_closed else self._peer.buffered

    @override
    def write(self, data: bytes) -> None:
        if not self._is_closed:
            self._peer.send(data)

    @override
    def pause_reading(self) -> None:
        self._is_reading = False

    @override
    def resume_reading(self) -> None:
        self._is_reading = True
        if self._waiting and self._delivery is None:
            self._delivery = self._loop.call_soon(self._deliver)

    @override
    def close(self, status: Status = Status.SUCCESS) -> None:
        if not self._is_closed:
            self._peer.end(status)

    @override
    def abort(self) -> None:
        self.close(Status.CLIENT_TIMEOUT)

    # ---- the connection's side

    def received(self, data: bytes) -> None:
        """Hand data of the peer to the receiver, now or once it reads."""
        if self._is_reading and not self._waiting:
            self.receiver.data_received(data)
        elif data and not self._is_closed:
            self._waiting.append(data)
            self.waiting += len(data) + _OVERHEAD
            if self.waiting > RECEIVED_MAX:
                self._peer.hold()

    def drained(self) -> None:
        """Everything has been sent."""
        if not self._is_closed:
            self.receiver.drained()

    def closed(self) -> None:
        """The connection has ended: tell the receiver, but not from within one of its own calls."""
        if not self._is_closed:
            self._is_closed = True
            self._waiting.clear()
            self._loop.call_soon(self._lost)

    def _deliver(self) -> None:
        self._delivery = None
        while self._waiting and self._is_reading:
            data = self._waiting.popleft()
            self.waiting -= len(data) + _OVERHEAD
            self.receiver.data_received(data)
        if not self._waiting:
            self.waiting = 0
            self._peer.let_go()

    def _lost(self) -> None:
        receiver, self.receiver = self.receiver, NO_RECEIVER
        receiver.connection_lost()
        self._peer.left()
