"""The connection of a browser, which is a user of a session in this process."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from guacr.errors import OverrunError
from guacr.protocol.instruction import encode
from guacr.protocol.status import Status
from guacr.transport.base import Transport
from guacr.tubes.connections.connection import Connection
from guacr.tubes.conversation import Conversation
from guacr.tubes.guacamole.session_transport import SessionTransport
from guacr.tubes.reasons import CloseReason

PAYLOAD_MAX = 262144
"""Bytes of a frame from a browser."""


class BrowserConnection(Connection):
    """Carries the protocol as it is, and tells the browser with which status it ends.

    Args:
        name: of the browser, for the log.
        begin: called with the transport once the connection is open; it must not raise anything.
        on_ended: called once nobody uses the connection any more.
    """

    def __init__(
        self,
        conversation: Conversation,
        number: int,
        *,
        name: str,
        begin: Callable[[Transport], None],
        on_ended: Callable[[], None],
    ) -> None:
        super().__init__(conversation, number)
        self._name = name
        self._begin = begin
        self._on_ended = on_ended
        self._outlet = conversation.outlet
        self._outlet.wait_until_empty()
        self._is_waiting = False
        self._transport = SessionTransport(self)

    # ---- Connection

    @override
    def start(self) -> None:
        self._begin(self._transport)

    @override
    def receive(self, data: bytes) -> None:
        if len(data) > PAYLOAD_MAX:
            error = OverrunError(f"a frame has more than {PAYLOAD_MAX} bytes")
            self.send(encode("error", str(error), error.status))
            self.end(error.status)
        else:
            self._transport.received(data)

    @override
    def receive_eof(self) -> None:
        """A client that sends nothing more would be dropped as silent."""
        self.conversation.end(self, CloseReason.NORMAL, "")

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        self._transport.closed()

    @override
    def abort(self) -> None:
        self._transport.closed()

    @override
    def backlog(self) -> int:
        return self._transport.waiting

    # ---- Peer of the transport

    @property
    def name(self) -> str:
        """The name for the log."""
        return self._name

    @property
    def buffered(self) -> int:
        """Bytes that the channel has not sent."""
        return self._outlet.buffered

    def send(self, data: bytes) -> None:
        """Send whole instructions."""
        self._outlet.send(self.number, data)
        if not self._is_waiting and self._outlet.buffered:
            self._is_waiting = True
            self._outlet.wait(self, len(data))

    def end(self, status: Status) -> None:
        """Close the connection, after what was sent, with the status in decimal as its text."""
        reason = CloseReason.NORMAL if status is Status.SUCCESS else CloseReason.GUACD_ERROR
        self.conversation.end(self, reason, str(int(status)))

    def hold(self) -> None:
        """Receive nothing until `let_go`."""
        self.conversation.hold(self)

    def let_go(self) -> None:
        """Receive again."""
        self.conversation.let_go(self)

    def left(self) -> None:
        """The session uses the connection no more."""
        self.conversation.released(self)
        self._on_ended()

    # ---- Reader of the outlet

    def resume(self) -> None:
        """The channel is empty."""
        self._is_waiting = False
        self._transport.drained()
