"""The sending half of a conversation: frames into a channel, with backpressure.

Readers ask `has_room` after each frame, and if there is none, they stop reading and `wait`. (Their
own credit at the peer is another matter, `Connection.has_credit`.) When
the channel has sent most of what it holds, all continue, first those that could read least: with
more busy readers than fit into the channel, each gets its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import time_ns
from typing import TYPE_CHECKING, Protocol

from guacr.tubes.sctp.channels import Channel
from guacr.tubes.wire.control import ControlMessage
from guacr.tubes.wire.fragments import FRAGMENT_MAX, Fragmenter
from guacr.tubes.wire.frames import (
    CONTROL,
    MESSAGE_MAX,
    OVERHEAD,
    PAYLOAD_MAX,
    Payload,
    encode,
    encode_split,
)

if TYPE_CHECKING:
    from guacr.tubes.connections.connection import Connection

HIGH_WATER = 64 * 1024
"""Bytes in the channel from which on readers pause. More than one turn of the event loop can send
is no faster, and a keystroke of another connection waits behind them on a slow link."""
LOW_WATER = 32 * 1024
"""Bytes in the channel with which they continue."""
SMALL_READ = 1024
"""Bytes that may be read at once while there is no room: the system has told that there is
something before the reader could be paused."""
FLOOD_MAX = 8 * 1024 * 1024
"""Bytes in the channel that only a peer can cause that sends requests and reads no answers."""


class Reader(Protocol):
    """One who waits for room."""

    def resume(self) -> None:
        """Continue to read."""


class Outlet:
    """Sends the frames of a conversation.

    Args:
        channel: whose `on_low` and `low_water` it takes.
        message_max: bytes of a message that the peer accepts.
        fragmented: long messages are cut into fragments (`guacr.tubes.wire.fragments`).
        on_flood: called when the peer makes this end answer, and does not read.
    """

    def __init__(
        self,
        channel: Channel,
        on_flood: Callable[[], None],
        *,
        message_max: int = MESSAGE_MAX,
        fragmented: bool = False,
    ) -> None:
        self.messages = 0
        """Messages sent."""
        self.bytes = 0
        """Bytes sent."""
        self.is_broken = False
        """True once the channel takes nothing more."""
        self._channel = channel
        self._on_flood = on_flood
        self._fragmenter = Fragmenter() if fragmented else None
        self._message_max = min(message_max, FRAGMENT_MAX) if fragmented else message_max
        self.payload_max = min(self._message_max - OVERHEAD, PAYLOAD_MAX)
        """Bytes of a frame's payload."""
        self._buffer = memoryview(bytearray(self.payload_max))
        self._short_buffer = self._buffer[:SMALL_READ]
        self._short: list[Reader] = []
        self._served: list[Reader] = []
        channel.low_water = LOW_WATER
        channel.on_low = self._continue

    @property
    def buffered(self) -> int:
        """Bytes that have not been sent, of all connections."""
        return self._channel.buffered

    @property
    def has_room(self) -> bool:
        """False if readers have to pause."""
        return self._channel.buffered < HIGH_WATER and not self.is_broken

    @property
    def buffer(self) -> memoryview:
        """Where to read to before `send`. All readers share it."""
        return self._buffer if self._channel.buffered < HIGH_WATER else self._short_buffer

    def send_read(self, connection: Connection, count: int) -> None:
        """Send the first bytes of `buffer`."""
        connection.sent += count
        self._put(encode(connection.number, self._buffer[:count], time_ns() // 1_000_000))

    def send(self, connection: Connection, data: Payload) -> None:
        """Send data of a connection, in as many frames as needed."""
        connection.sent += len(data)
        self.send_to(connection.number, data)

    def send_to(self, number: int, data: Payload) -> None:
        """Send data to a connection that may be the peer's alone."""
        for message in encode_split(number, data, time_ns() // 1_000_000, self._message_max):
            self._put(message)

    def send_control(self, message: ControlMessage) -> None:
        """Send a control message."""
        if self._channel.buffered > FLOOD_MAX:
            if not self.is_broken:
                self.is_broken = True
                self._on_flood()
        else:
            self._put(encode(CONTROL, message.encode(), time_ns() // 1_000_000))

    def wait(self, reader: Reader, count: int) -> None:
        """Have `reader` continue when there is room; it has just read `count` bytes."""
        (self._served if count > SMALL_READ else self._short).append(reader)

    def wait_until_empty(self) -> None:
        """Have those that wait continue once the channel is empty: they set their pace by
        `buffered`."""
        self._channel.low_water = 0

    def close(self) -> None:
        """Send nothing more, and release the readers."""
        self.is_broken = True
        self._channel.on_low = None
        self._short, self._served = [], []

    def _put(self, message: bytes) -> None:
        self.messages += 1
        self.bytes += len(message)
        with suppress(ConnectionError):
            if self._fragmenter is None and len(message) <= self._message_max:
                self._channel.send(message)
            else:
                for part in self._parts(message):
                    self._channel.send(part)
            return
        self.is_broken = True

    def _parts(self, message: bytes) -> list[bytes]:
        """Cut a message that is too long for the peer: a frame may span messages."""
        if self._fragmenter is not None:
            return self._fragmenter.cut(message)
        size = self._message_max
        return [message[at : at + size] for at in range(0, len(message), size)]

    def _continue(self) -> None:
        waiting = self._short + self._served
        self._short, self._served = [], []
        for reader in waiting:
            reader.resume()
