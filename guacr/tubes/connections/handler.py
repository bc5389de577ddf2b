"""Connections that the application serves itself (`python_handler`)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from typing_extensions import override

from guacr.tubes.connections.connection import Connection
from guacr.tubes.conversation import Conversation
from guacr.tubes.errors import TubeError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import OpenConnection
from guacr.tubes.wire.frames import LENGTH_MAX, Payload

QUEUED_MAX = 64 * 1024 * 1024
"""Bytes of an application that wait to be sent."""
CONNECTION_QUEUED_MAX = 32 * 1024 * 1024
"""Those of one connection: others can be used while it waits for the peer."""
PIECE = 64 * 1024
"""Bytes that are sent before others have their turn."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Both ends have opened a connection, whoever wanted it."""

    number: int


@dataclass(frozen=True, slots=True)
class Data:
    """Data of the peer."""

    number: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class EndOfData:
    """The peer has no more data for a connection, and still reads."""

    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The peer, or the end of the conversation, has ended a connection."""

    number: int
    reason: CloseReason
    text: str


HandlerEvent: TypeAlias = Opened | Data | EndOfData | Ended


@dataclass(slots=True)
class _Queue:
    """The items that an application has queued for a connection: data, the reason of an end, or
    None for an end of data."""

    number: int
    items: deque[memoryview | CloseReason | None] = field(default_factory=deque)
    size: int = 0
    has_turn: bool = False


class Handler:
    """The application's side of a conversation; both its backend and its front.

    Args:
        on_events: called with what has happened within a turn of the event loop; it must not raise
            anything. An application that cannot take more calls `pause`.
    """

    def __init__(self, on_events: Callable[[list[HandlerEvent]], None]) -> None:
        self._on_events = on_events
        self._events: list[HandlerEvent] = []
        self._loop = asyncio.get_running_loop()
        self._conversation: Conversation | None = None
        self._connections: dict[int, HandlerConnection] = {}
        self._queues: dict[int, _Queue] = {}
        self._turns: deque[_Queue] = deque()
        """Those that may send, in turns; the others wait for credit."""
        self._is_waiting = False
        self._room: asyncio.Future[None] | None = None
        self.queued = 0
        """Bytes that wait to be sent."""

    # --- for the application

    @property
    def is_running(self) -> bool:
        """True while the conversation is open."""
        return self._conversation is not None

    def has(self, number: int) -> bool:
        """Return True if there is a connection of this number."""
        return number in self._connections

    def connect(self, number: int, block: bytes = b"") -> None:
        """Ask the peer to open a connection; `Opened` or `Ended` follows.

        Args:
            number: of the connection, which must be free.
            block: encrypted credentials (ConnectAs), if any.

        Raises:
            TubeError: the number is 0 or in use, or there are too many connections.
        """
        conversation = self._running()
        if not 0 < number < 2**32 or number in conversation.table.by_number:
            raise TubeError(f"connection {number} cannot be opened: choose another number")
        if conversation.table.is_full:
            raise TubeError(
                f"the limit of {conversation.options.connections_max} connections is reached"
            )
        conversation.table.add(self._make(conversation, number, is_opened=False))
        conversation.outlet.send_control(OpenConnection(number, block))

    def send(self, number: int, data: Payload) -> None:
        """Queue data, without looking whether the connection exists.

        Raises:
            TubeError: it has more than 16 MiB, too much is queued for the connection or for all, or
                the conversation is closed.
        """
        self._running()
        if len(data) > LENGTH_MAX:
            raise TubeError("Handler payload exceeds maximum frame length")
        if self.queued + len(data) > QUEUED_MAX:
            raise TubeError("too much data is queued: wait until the peer has taken some")
        queue = self._queues.get(number)
        if queue is not None and queue.size + len(data) > CONNECTION_QUEUED_MAX:
            raise TubeError(f"too much data is queued for connection {number}: its peer reads none")
        self._put(number, memoryview(bytes(data)), len(data))

    async def drain(self) -> None:
        """Wait until nothing is queued, or the conversation has ended."""
        while self._queues:
            if self._room is None:
                self._room = self._loop.create_future()
            await asyncio.shield(self._room)

    def end_of_data(self, number: int) -> None:
        """Say that no data follows what is queued; the connection still receives."""
        self._put(number, None)

    def disconnect(self, number: int, reason: CloseReason) -> None:
        """End a connection behind what is queued. No event tells of it."""
        self._put(number, reason)

    def pause(self, number: int) -> None:
        """Receive nothing for a connection until `proceed`: it has enough."""
        if number in self._connections:
            self._connections[number].inflow.hold()

    def proceed(self, number: int) -> None:
        """Take back `pause`."""
        if number in self._connections:
            self._connections[number].inflow.let_go()

    # --- for the conversation

    def start(self, conversation: Conversation) -> None:
        """As `Front.start`."""
        self._conversation = conversation

    def close(self) -> None:
        """As `Front.close`."""
        self._conversation = None
        self._queues.clear()
        self._turns.clear()
        self.queued = 0
        self._tell_drained()

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """As `Backend.open`."""
        self._conversation = conversation
        return self._make(conversation, number, is_opened=True)

    # --- for its connections, and the outlet

    def tell(self, event: HandlerEvent) -> None:
        """Have the application told at the end of this turn."""
        if not self._events:
            self._loop.call_soon(self._tell)
        self._events.append(event)

    def forget(self, connection: HandlerConnection) -> None:
        """A connection has ended: what is queued for it is dropped."""
        number = connection.number
        if self._connections.get(number) is connection:
            del self._connections[number]
            queue = self._queues.pop(number, None)
            if queue is not None:
                self.queued -= queue.size
                queue.items.clear()
            if not self._queues:
                self._tell_drained()

    def credit_granted(self, number: int) -> None:
        """The peer has allowed a connection to send more."""
        if number in self._queues:
            self._give_turn(self._queues[number])
            self._pump()

    def resume(self) -> None:
        """Continue to send: the channel has room."""
        self._is_waiting = False
        self._pump()

    def _tell(self) -> None:
        events, self._events = self._events, []
        self._on_events(events)

    def _running(self) -> Conversation:
        if self._conversation is None:
            raise TubeError("the conversation is not open")
        return self._conversation

    def _make(self, conversation: Conversation, number: int, *, is_opened: bool) -> Connection:
        connection = HandlerConnection(conversation, number, self, is_opened=is_opened)
        self._connections[number] = connection
        return connection

    def _put(self, number: int, item: memoryview | CloseReason | None, size: int = 0) -> None:
        queue = self._queues.setdefault(number, _Queue(number))
        queue.items.append(item)
        queue.size += size
        self.queued += size
        self._give_turn(queue)
        self._pump()

    def _give_turn(self, queue: _Queue) -> None:
        if not queue.has_turn:
            queue.has_turn = True
            self._turns.append(queue)

    def _pump(self) -> None:
        while self._turns and self._conversation is not None and not self._is_waiting:
            outlet = self._conversation.outlet
            if not outlet.has_room:
                self._is_waiting = True
                outlet.wait(self, PIECE)
                return
            queue = self._turns.popleft()
            queue.has_turn = False
            self._send_next(self._conversation, queue)
        if not self._queues:
            self._tell_drained()

    def _send_next(self, conversation: Conversation, queue: _Queue) -> None:
        if not queue.items:
            return  # its connection has ended
        connection = self._connections.get(queue.number)
        item = queue.items.popleft()
        if isinstance(item, memoryview):
            if connection is not None and not connection.has_credit:
                queue.items.appendleft(item)
                return  # `credit_granted` gives it another turn
            self._send_piece(conversation, queue, item)
        elif connection is not None and item is None:
            conversation.end_of_data(connection)
        elif connection is not None and isinstance(item, CloseReason):
            connection.is_silent = True
            conversation.end(connection, item, "")
        if queue.items:
            self._give_turn(queue)
        elif self._queues.get(queue.number) is queue:
            del self._queues[queue.number]

    def _send_piece(self, conversation: Conversation, queue: _Queue, data: memoryview) -> None:
        if len(data) > PIECE:
            queue.items.appendleft(data[PIECE:])
            data = data[:PIECE]
        queue.size -= len(data)
        self.queued -= len(data)
        connection = self._connections.get(queue.number)
        if connection is None:
            conversation.outlet.send_to(queue.number, data)
        else:
            conversation.outlet.send(connection, data)

    def _tell_drained(self) -> None:
        if self._room is not None:
            self._room.set_result(None)
            self._room = None


class HandlerConnection(Connection):
    """One connection of a `Handler`.

    Attributes:
        is_silent: the application has ended it itself.
    """

    def __init__(
        self, conversation: Conversation, number: int, handler: Handler, *, is_opened: bool
    ) -> None:
        super().__init__(conversation, number)
        self.is_opened = is_opened
        self.is_silent = False
        self._handler = handler

    @override
    def start(self) -> None:
        self._handler.tell(Opened(self.number))

    @override
    def opened(self) -> bool:
        if self.is_opened:
            return False
        self.is_opened = True
        self._handler.tell(Opened(self.number))
        return True

    @override
    def credit_granted(self) -> None:
        self._handler.credit_granted(self.number)

    @override
    def receive(self, data: bytes) -> None:
        if self.has_received_eof:
            return
        self._open_if_early()
        self._handler.tell(Data(self.number, data))

    @override
    def receive_eof(self) -> None:
        self._open_if_early()
        self._handler.tell(EndOfData(self.number))

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        self._handler.forget(self)
        if not self.is_silent:
            self._handler.tell(Ended(self.number, reason, text))
        self.conversation.table.released(self)

    @override
    def abort(self) -> None:
        self._handler.forget(self)
        self.conversation.table.released(self)

    def _open_if_early(self) -> None:
        """A peer that sends data, or that there is none, has opened the connection."""
        if self.opened():
            self.conversation.tell_started(self)
