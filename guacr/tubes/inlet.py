"""The receiving half of a conversation: the peer's messages, and what each of them causes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from guacr.tubes.connections.connection import Backend, DatagramBackend
from guacr.tubes.connections.opening import Opening, os_text
from guacr.tubes.errors import FragmentError, FrameTooLongError, TubeError
from guacr.tubes.metrics import response
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire import control
from guacr.tubes.wire.control import (
    CloseConnection,
    ConnectionOpened,
    MetricsRequest,
    OpenConnection,
    Ping,
    SendEof,
    UdpAssociate,
    UdpAssociateClosed,
    UdpAssociateOpened,
    UdpPacket,
    Window,
)
from guacr.tubes.wire.fragments import Reassembler
from guacr.tubes.wire.frames import LENGTH_MAX, Frame, FrameParser

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

TURN = 256
"""The cost of the frames that are processed in one turn of the event loop: then others have
theirs. Each data frame costs 1."""
CONTROL_COST = 4
COSTS = {OpenConnection.code: 16, UdpAssociate.code: 16, MetricsRequest.code: 16}
"""Of the control messages that cost more than `CONTROL_COST`, by code."""

log = logging.getLogger("guacr.tubes.conversation")


class Inlet:
    """Dispatches what a conversation receives: at once, unless a peer sends so much for so little
    that this would hold the event loop. Then the channel waits for the rest of the message.

    Args:
        conversation: which it acts on.
        backend: opens the connections that the peer asks for; None refuses them.
    """

    def __init__(self, conversation: Conversation, backend: Backend | None) -> None:
        self.messages = 0
        """Messages received."""
        self.bytes = 0
        """Bytes received."""
        self._conversation = conversation
        self._table = conversation.table
        self._connections = self._table.by_number
        self._backend = backend
        self._parser = FrameParser()
        self._reassembler = Reassembler() if conversation.options.fragmented else None
        self._loop = asyncio.get_running_loop()
        self._expiry: asyncio.TimerHandle | None = None
        """Of incomplete fragments."""
        self._frames: Iterator[Frame] = iter(())
        """Those of the message that is being processed."""
        self._left = TURN
        self._next_turn: asyncio.Handle | None = None
        self._when_idle: Callable[[], None] | None = None

    def receive(self, message: bytes) -> None:
        """Process a message of the channel."""
        self.messages += 1
        self.bytes += len(message)
        if self._reassembler is not None:
            whole = self._reassembled(self._reassembler, message)
            if whole is None:
                return
            message = whole
        try:
            frames = self._parser.feed(message)
        except FrameTooLongError:
            text = f"Oversized frame rejected (max={LENGTH_MAX}): closing channel"
            self._conversation.close(CloseReason.PROTOCOL_ERROR, f"error: Internal error: {text}")
            return
        self._frames = iter(frames)
        self._process()

    def _process(self) -> None:
        """Process the frames of a message, as many as one turn allows."""
        connections, left = self._connections, self._left
        for number, payload in self._frames:
            if number:
                connection = connections.get(number)
                if connection is not None:
                    connection.inflow.receive(payload)
                left -= 1
            else:
                left -= self._receive_control(payload)
            if left <= 0:
                self._next_turn = self._loop.call_soon(self._continue)
                self._conversation.reading.wait_for_turn()
                return
        self._left = left
        if self._parser.damaged:
            self._on_damaged(self._parser.damaged)

    def _continue(self) -> None:
        """Process the rest of the message, and receive again after it."""
        self._next_turn = None
        self._left = TURN
        self._process()
        if self._next_turn is None:
            callback, self._when_idle = self._when_idle, None
            self._conversation.reading.has_turn()
            if callback is not None:
                self.when_idle(callback)

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Call `callback` once all messages that have been received are processed."""
        if self._next_turn is None:
            callback()
        else:
            self._when_idle = callback

    def finish(self) -> None:
        """Process the rest of a message now."""
        while self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
            self._left = TURN
            self._process()

    def _reassembled(self, reassembler: Reassembler, message: bytes) -> bytes | None:
        try:
            return reassembler.feed(message, self._loop.time())
        except FragmentError as error:
            log.debug("%s: %s", self._conversation.label, error)
            return None
        finally:
            self._expire_later(reassembler)

    def _expire_later(self, reassembler: Reassembler) -> None:
        if self._expiry is None and (deadline := reassembler.deadline) is not None:
            self._expiry = self._loop.call_at(deadline, self._expire, reassembler)

    def _expire(self, reassembler: Reassembler) -> None:
        self._expiry = None
        reassembler.expire(self._loop.time())
        self._expire_later(reassembler)

    def close(self) -> None:
        """Receive nothing more."""
        self._frames = iter(())
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _on_damaged(self, numbers: list[int]) -> None:
        text = "frame without its terminator"
        for number in numbers:
            connection = self._connections.get(number)
            if connection is not None:
                self._conversation.end(connection, CloseReason.PROTOCOL_ERROR, text)

    def _receive_control(self, payload: bytes) -> int:
        """Process a control message; return its cost."""
        message = control.parse(payload)
        handle = None if message is None else _HANDLERS.get(message.code)
        if message is None or handle is None or self._conversation.is_closed:
            return CONTROL_COST
        handle(self, message)
        return COSTS.get(message.code, CONTROL_COST)

    def _on_ping(self, message: Ping) -> None:
        if not message.conn_no or message.conn_no in self._connections:
            self._conversation.outlet.send_control(message.pong())

    def _on_metrics_request(self, message: MetricsRequest) -> None:
        self._conversation.outlet.send_control(response(self._conversation))

    def _on_open_connection(self, message: OpenConnection) -> None:
        number, conversation = message.conn_no, self._conversation
        connection = self._connections.get(number)
        if connection is not None:
            if connection.is_opened:
                conversation.outlet.send_control(ConnectionOpened(number))
        elif self._may_open(number):
            if self._backend is None:
                text = "this end opens no connections"
                conversation.refuse(number, CloseReason.CONNECTION_FAILED, text)
            else:
                self._table.add(Opening(conversation, number, self._backend, message.target))

    def _on_udp_associate(self, message: UdpAssociate) -> None:
        number, conversation = message.conn_no, self._conversation
        if number in self._connections or not self._may_open(number):
            return
        if not isinstance(self._backend, DatagramBackend):
            text = "UDP not supported in this mode"
            conversation.refuse(number, CloseReason.CONNECTION_FAILED, text)
            return
        try:
            connection, port = self._backend.associate(conversation, number)
        except TubeError as error:
            conversation.refuse(number, error.reason, str(error))
        except OSError as error:
            conversation.refuse(number, CloseReason.CONNECTION_FAILED, os_text(error))
        else:
            self._table.add(connection)
            conversation.outlet.send_control(UdpAssociateOpened(number, port))
            conversation.tell_started(connection)

    def _may_open(self, number: int) -> bool:
        conversation = self._conversation
        if not number:
            log.debug("%s: connection 0 refused", conversation.label)
        elif self._table.is_full:
            text = f"the limit of {conversation.options.connections_max} connections is reached"
            conversation.refuse(number, CloseReason.SERVER_REFUSE, text)
        else:
            return True
        return False

    def _on_opened(self, message: ConnectionOpened | UdpAssociateOpened) -> None:
        connection = self._connections.get(message.conn_no)
        if connection is not None and connection.opened():
            self._conversation.tell_started(connection)

    def _on_send_eof(self, message: SendEof) -> None:
        connection = self._connections.get(message.conn_no)
        if connection is not None:
            connection.inflow.receive_eof()

    def _on_window(self, message: Window) -> None:
        if not message.conn_no:
            self._table.peer_window(message.limit)
            return
        connection = self._connections.get(message.conn_no)
        if connection is not None and message.limit > connection.send_limit:
            connection.send_limit = message.limit
            connection.credit_granted()

    def _on_close_connection(self, message: CloseConnection) -> None:
        if not message.conn_no:
            self._conversation.closed_by_peer(message.reason)
            return
        connection = self._connections.get(message.conn_no)
        if connection is not None:
            self._conversation.ended_by_peer(connection, message.reason, message.text)

    def _on_udp_packet(self, message: UdpPacket) -> None:
        connection = self._connections.get(message.conn_no)
        if connection is not None:
            connection.receive_datagram(message)

    def _on_udp_associate_closed(self, message: UdpAssociateClosed) -> None:
        connection = self._connections.get(message.conn_no)
        if connection is not None:
            self._conversation.ended_by_peer(connection, CloseReason.NORMAL, "")


_HANDLERS: dict[int, Callable[[Inlet, Any], None]] = {
    Ping.code: Inlet._on_ping,
    OpenConnection.code: Inlet._on_open_connection,
    CloseConnection.code: Inlet._on_close_connection,
    ConnectionOpened.code: Inlet._on_opened,
    SendEof.code: Inlet._on_send_eof,
    UdpAssociate.code: Inlet._on_udp_associate,
    UdpAssociateOpened.code: Inlet._on_opened,
    UdpPacket.code: Inlet._on_udp_packet,
    UdpAssociateClosed.code: Inlet._on_udp_associate_closed,
    MetricsRequest.code: Inlet._on_metrics_request,
    Window.code: Inlet._on_window,
}
"""By code. What is not here needs no answer."""
