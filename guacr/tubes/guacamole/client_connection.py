"""A connection whose peer is the client of a session in this process."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from typing import TYPE_CHECKING

from typing_extensions import override

from guacr.policy.client import Client
from guacr.protocol.status import Status
from guacr.tubes.connections.connection import Connection
from guacr.tubes.guacamole.session_transport import SessionTransport
from guacr.tubes.reasons import CloseReason

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation


class ClientConnection(Connection):
    """The connection, and the `Peer` of its transport.

    Attributes:
        transport: what the session gets.
    """

    def __init__(self, conversation: Conversation, number: int) -> None:
        super().__init__(conversation, number)
        self.transport = SessionTransport(self)
        self._outlet = conversation.outlet
        self._outlet.wait_until_empty()
        self._is_waiting = False
        self._unsent: deque[bytes] = deque()
        """Whole instructions for which there is no credit."""
        self._unsent_size = 0

    # ---- Connection

    @override
    def receive(self, data: bytes) -> None:
        self.transport.received(data)

    @override
    def receive_eof(self) -> None:
        """A client that sends nothing more would be dropped as silent."""
        self.conversation.end(self, CloseReason.NORMAL, "")

    @override
    def credit_granted(self) -> None:
        if self._unsent:
            while self._unsent and self.has_credit:
                self._send_next()
            self.tell_when_sent(0)

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        self.transport.closed()

    @override
    def abort(self) -> None:
        self.transport.closed()

    @override
    def backlog(self) -> int:
        return self.transport.waiting

    # ---- Peer

    @property
    @abstractmethod
    def name(self) -> str:
        """The name for the log."""

    @property
    @abstractmethod
    def client(self) -> Client:
        """The client, for the access rules."""

    @property
    def buffered(self) -> int:
        """Bytes that have not been sent."""
        return self._outlet.buffered + self._unsent_size

    def send(self, data: bytes) -> None:
        """Send whole instructions, once the peer accepts them."""
        if self.has_credit and not self._unsent:
            self.forward(data)
        else:
            self._unsent.append(data)
            self._unsent_size += len(data)
        self.tell_when_sent(len(data))

    def forward(self, data: bytes) -> None:
        """Send whole instructions now."""
        self._outlet.send(self, data)

    def send_rest(self) -> None:
        """Send what waits for credit without it: the connection is about to end."""
        while self._unsent:
            self._send_next()

    def _send_next(self) -> None:
        data = self._unsent.popleft()
        self._unsent_size -= len(data)
        self.forward(data)

    @abstractmethod
    def end(self, status: Status) -> None:
        """Close the connection, after what was sent."""

    def hold(self) -> None:
        """Receive nothing until `let_go`."""
        self.inflow.hold()

    def let_go(self) -> None:
        """Receive again."""
        self.inflow.let_go()

    def left(self) -> None:
        """The session uses the connection no more."""
        self.conversation.table.released(self)

    # ---- Reader of the outlet

    def tell_when_sent(self, count: int) -> None:
        """Have the session told once all is sent, of which `count` bytes are new."""
        if self._outlet.buffered and not self._is_waiting:
            self._is_waiting = True
            self._outlet.wait(self, count)

    def resume(self) -> None:
        """The channel is empty."""
        self._is_waiting = False
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self.transport.drained)
