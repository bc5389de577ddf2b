"""A conversation: the numbered connections of one data channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from guacr.tubes.backlog import WINDOW_FIRST, Backlog
from guacr.tubes.connection_table import ConnectionTable
from guacr.tubes.connections.connection import Backend, Connection, Front
from guacr.tubes.events import (
    FLOODED,
    NORMAL_EXIT,
    ConnectionEnded,
    ConnectionStarted,
    ConversationClosed,
    ConversationOpened,
    Event,
)
from guacr.tubes.inlet import Inlet
from guacr.tubes.outlet import Outlet
from guacr.tubes.reading import Reading
from guacr.tubes.reasons import CloseReason
from guacr.tubes.sctp.channels import Channel, ChannelState
from guacr.tubes.wire.control import CloseConnection, Ping, SendEof, Window
from guacr.tubes.wire.frames import MESSAGE_MAX

CONNECTIONS_MAX = 4096
"""Connections of a conversation at a time, with those that are being opened or closed."""
WARM_UP = 3
"""Pings that an answerer sends at once, as keeper-pam-webrtc-rs: the link adapts to them."""
WARM_UP_SIZE = 1400
GRACE = 0.2
"""Seconds from the message that closes a conversation to the end of the channel:
keeper-pam-webrtc-rs forgets the reason if both come together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOptions:
    """How a conversation works.

    Attributes:
        is_answerer: this end has accepted the offer: it opens backends for the peer.
        message_max: bytes of a message that the peer accepts (`message_limit`).
        fragmented: with `enable_multi_channel`, long messages are sent in fragments.
        connections_max: connections at a time.
    """

    is_answerer: bool
    message_max: int = MESSAGE_MAX
    fragmented: bool = False
    connections_max: int = CONNECTIONS_MAX


class Conversation:
    """Carries connections over a channel, until either end closes it.

    Everything happens synchronously on the event loop's thread: what a message causes has been done
    when the channel's callback returns.

    Args:
        channel: its callbacks are taken.
        on_event: called with each event; it must not raise anything.
        backend: opens the connections that the peer asks for; None refuses them.
        front: begins once the channel is open, and ends with the conversation.
        backlog: of the tube; by default, the conversation has its own.

    Attributes:
        label: the channel's, which is the conversation's id.
        table: its connections.
        reading: reads from the channel.
        outlet: what connections send through.
        inlet: dispatches what is received.
    """

    def __init__(
        self,
        channel: Channel,
        on_event: Callable[[Event], None],
        options: ConversationOptions,
        *,
        backend: Backend | None = None,
        front: Front | None = None,
        backlog: Backlog | None = None,
    ) -> None:
        self.label = channel.label
        self.options = options
        self.is_closed = False
        self.outlet = Outlet(
            channel,
            self._on_flood,
            message_max=options.message_max,
            fragmented=options.fragmented,
        )
        self._channel = channel
        self._on_event = on_event
        self._front = front
        self._loop = asyncio.get_running_loop()
        backlog = backlog or Backlog()
        self.table = ConnectionTable(options.connections_max, backlog)
        self.reading = Reading(
            channel,
            backlog,
            is_answerer=options.is_answerer,
            receive_eof=self._receive_eof,
            send_grant=lambda one, limit: self.outlet.send_control(Window(one.number, limit)),
            on_stalled=self._on_stalled,
        )
        self.inlet = Inlet(self, backend)
        channel.on_message = self.inlet.receive
        channel.on_close = self._on_channel_closed
        if channel.state is ChannelState.OPEN:
            self._loop.call_soon(self._on_open)
        else:
            channel.on_open = self._on_open

    # --- for its owner

    @property
    def buffered(self) -> int:
        """Bytes in the channel that have not been sent yet."""
        return self._channel.buffered

    @property
    def connections(self) -> int:
        """Connections that are open or being opened."""
        return len(self.table.by_number)

    def close(self, reason: CloseReason = CloseReason.UNKNOWN, outcome: str = NORMAL_EXIT) -> None:
        """Close all connections and the channel, and tell the peer; harmless when repeated. What
        was received is delivered, for a limited time (`wait_closed`)."""
        self.inlet.finish()
        if not self.is_closed:
            self.outlet.send_control(CloseConnection(0, reason))
            self._close(reason, outcome, by_peer=False)

    def close_connection(self, number: int, reason: CloseReason) -> None:
        """Close one connection, if it is there."""
        connection = self.table.by_number.get(number)
        if connection is not None:
            self.end(connection, reason, "")

    def abort(self) -> None:
        """Close it at once: what was received is not delivered."""
        self.close(CloseReason.TUNNEL_CLOSED)
        for connection in list(self.table.alive):
            connection.abort()

    async def wait_closed(self) -> None:
        """Wait until everything is released after the end."""
        await self.table.wait_released()

    # --- for its connections

    def tell_started(self, connection: Connection) -> None:
        """Both ends have opened a connection."""
        self._on_event(ConnectionStarted(self.label, connection.number))

    def end_of_data(self, connection: Connection) -> None:
        """A connection's own side has no more data to send. With the peer's end of data before it,
        this ends the connection."""
        if connection.has_sent_eof or not self.table.has(connection):
            return
        connection.has_sent_eof = True
        if connection.has_received_eof:
            self.end(connection, CloseReason.NORMAL, "")
        else:
            self.outlet.send_control(SendEof(connection.number))

    def end(self, connection: Connection, reason: CloseReason, text: str) -> None:
        """A connection has ended at this side: tell the peer, and close it."""
        if self.table.has(connection):
            self.outlet.send_control(connection.farewell(reason, text))
            self._remove(connection, reason, text, by_peer=False)

    def ended_by_peer(self, connection: Connection, reason: CloseReason, text: str) -> None:
        """The peer has ended a connection."""
        self._remove(connection, reason, text, by_peer=True)

    def refuse(self, number: int, reason: CloseReason, text: str) -> None:
        """Tell the peer that a connection is not opened."""
        self.outlet.send_control(CloseConnection(number, reason, text))
        self._on_event(ConnectionEnded(self.label, number, reason, text, by_peer=False))

    # --- the channel

    def _on_open(self) -> None:
        if self.is_closed:
            return
        self._on_event(ConversationOpened(self.label))
        self.outlet.send_control(Window(0, WINDOW_FIRST))
        if self.options.is_answerer:
            for _ in range(WARM_UP):
                self.outlet.send_control(Ping(0, bytes(WARM_UP_SIZE)))
        if self._front is not None:
            self._front.start(self)
        self.reading.begin()  # the channel may have waited for this conversation

    def _on_flood(self) -> None:
        self.close(CloseReason.PROTOCOL_ERROR, FLOODED)

    def _on_channel_closed(self) -> None:
        self.inlet.when_idle(self._end_with_channel)

    def _end_with_channel(self) -> None:
        if not self.is_closed:
            self.outlet.is_broken = True
            self._close(None, NORMAL_EXIT, by_peer=True)

    # --- the end

    def closed_by_peer(self, reason: CloseReason) -> None:
        """The peer has closed the conversation: do so at once."""
        self._close(reason, NORMAL_EXIT, by_peer=True)

    def _remove(
        self, connection: Connection, reason: CloseReason, text: str, *, by_peer: bool
    ) -> None:
        self.table.remove(connection)
        connection.inflow.end()
        connection.close(reason, text)
        self._on_event(ConnectionEnded(self.label, connection.number, reason, text, by_peer))

    def _close(self, reason: CloseReason | None, outcome: str, *, by_peer: bool) -> None:
        self.is_closed = True
        self._channel.on_message = None
        self.inlet.close()
        self.reading.close()
        if self._front is not None:
            self._front.close()
        if not self.table.by_number:
            # keeper-pam-webrtc-rs acts on the message before only when it receives another
            self.outlet.send_control(Ping())
        ending = CloseReason.CONNECTION_LOST if reason is None else reason
        for connection in list(self.table.by_number.values()):
            self.outlet.send_control(CloseConnection(connection.number, ending))
            self._remove(connection, ending, "", by_peer=by_peer)
        for connection in list(self.table.alive):  # clients that have not asked for anything yet
            connection.close(ending, "")
        self.outlet.close()
        self._channel.resume_reading()  # to nobody
        if by_peer:
            self._channel.close()
        else:
            self._loop.call_later(GRACE, self._channel.close)
        self._on_event(ConversationClosed(self.label, reason, outcome, by_peer))

    # --- the connections' data

    def _receive_eof(self, connection: Connection) -> None:
        """The peer has no more data for a connection, which has got all of it."""
        if connection.has_received_eof:
            return
        connection.has_received_eof = True
        if connection.has_sent_eof:
            self.end(connection, CloseReason.NORMAL, "")
        else:
            connection.receive_eof()

    def _on_stalled(self, connection: Connection) -> None:
        text = "does not take its data, for which other connections have to wait"
        self.end(connection, CloseReason.TIMEOUT, text)
        connection.abort()
