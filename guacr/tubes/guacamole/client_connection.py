"""A connection whose peer is the client of a session in this process."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING

from typing_extensions import override

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

    # ---- Connection

    @override
    def receive(self, data: bytes) -> None:
        self.transport.received(data)

    @override
    def receive_eof(self) -> None:
        """A client that sends nothing more would be dropped as silent."""
        self.conversation.end(self, CloseReason.NORMAL, "")

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
    def buffered(self) -> int:
        """Bytes that the channel has not sent."""
        return self._outlet.buffered

    def send(self, data: bytes) -> None:
        """Send whole instructions."""
        self._outlet.send(self.number, data)
        self.tell_when_sent(len(data))

    @abstractmethod
    def end(self, status: Status) -> None:
        """Close the connection, after what was sent."""

    def hold(self) -> None:
        """Receive nothing until `let_go`."""
        self.conversation.hold(self)

    def let_go(self) -> None:
        """Receive again."""
        self.conversation.let_go(self)

    def left(self) -> None:
        """The session uses the connection no more."""
        self.conversation.released(self)

    # ---- Reader of the outlet

    def tell_when_sent(self, count: int) -> None:
        """Have the session told once all is sent, of which `count` bytes are new."""
        if self._outlet.buffered and not self._is_waiting:
            self._is_waiting = True
            self._outlet.wait(self, count)

    def resume(self) -> None:
        """The channel is empty."""
        self._is_waiting = False
        asyncio.get_running_loop().call_soon(self.transport.drained)
