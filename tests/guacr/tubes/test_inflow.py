"""What a connection receives, one that holds and lets go."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from guacr.tubes.backlog import WINDOW_FIRST
from guacr.tubes.connections.connection import Connection
from guacr.tubes.conversation import Conversation
from guacr.tubes.inflow import OVERHEAD, PIECE, Inflow
from guacr.tubes.reasons import CloseReason

WINDOW = 4 * WINDOW_FIRST


class FakeReading:
    """Counts, and notes what is granted."""

    window = WINDOW

    def __init__(self) -> None:
        self.now = 0.0
        self.total = 0
        self.grants: list[int] = []
        self.stalled: list[Connection] = []

    def time(self) -> float:
        return self.now

    def counted(self, inflow: Inflow, by: int) -> None:
        self.total += by
        assert self.total == inflow.size

    def check_soon(self) -> None:
        pass

    def grant(self, connection: Connection, limit: int) -> None:
        self.grants.append(limit)

    def receive_eof(self, connection: Connection) -> None:
        connection.receive_eof()

    def on_stalled(self, connection: Connection) -> None:
        self.stalled.append(connection)


class FakeConversation:
    """Has a reading."""

    def __init__(self) -> None:
        self.reading = FakeReading()


class Taker(Connection):
    """Holds after each `room` bytes."""

    def __init__(self, conversation: FakeConversation, room: int = 1 << 60) -> None:
        super().__init__(cast(Conversation, conversation), 1)
        self.room = room
        self.taken = b""
        self.ends = 0
        self.left = 0

    @override
    def receive(self, data: bytes) -> None:
        self.taken += data
        self.room -= len(data)
        if self.room <= 0:
            self.inflow.hold()

    @override
    def receive_eof(self) -> None:
        self.ends += 1

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        pass

    @override
    def abort(self) -> None:
        pass

    @override
    def backlog(self) -> int:
        return self.left


def taker(room: int = 1 << 60) -> tuple[Taker, FakeReading]:
    """A connection, and its conversation's reading."""
    conversation = FakeConversation()
    return Taker(conversation, room), conversation.reading


@given(
    st.lists(st.binary(max_size=50) | st.just(bytes(PIECE)), max_size=20),
    st.lists(st.integers(1, 100) | st.integers(1, 3 * PIECE), max_size=20),
)
def test_everything_comes_in_order_and_the_end_comes_last(
    pieces: list[bytes], rooms: list[int]
) -> None:
    connection, reading = taker(1)
    for piece in pieces:
        connection.inflow.receive(piece)
        if rooms:
            connection.room = rooms.pop()
            connection.inflow.let_go()
    connection.inflow.receive_eof()
    assert b"".join(pieces).startswith(connection.taken)
    connection.room = 1 << 60
    connection.inflow.let_go()

    assert connection.taken == b"".join(pieces)
    assert connection.ends == 1
    assert connection.inflow.size == reading.total == 0


def test_small_pieces_cost_little() -> None:
    connection, _ = taker(1)
    connection.inflow.receive(b"x")
    for _ in range(3 * PIECE):
        connection.inflow.receive(b"x")
    assert connection.inflow.size == 3 * (PIECE + OVERHEAD)
    connection.inflow.receive(b"")
    assert connection.inflow.size == 3 * (PIECE + OVERHEAD)

    connection.room = 1 << 60
    connection.inflow.let_go()
    assert len(connection.taken) == 3 * PIECE + 1


def test_data_behind_an_end_that_waits_is_dropped() -> None:
    connection, _ = taker(1)
    connection.inflow.receive(b"one")
    connection.inflow.receive(b"two")
    connection.inflow.receive_eof()
    connection.inflow.receive(b"three")
    connection.inflow.receive_eof()
    connection.room = 100
    connection.inflow.let_go()

    assert connection.taken == b"onetwo"
    assert connection.ends == 1


def test_what_waits_is_handed_over_at_the_end_and_counted_until_the_release() -> None:
    connection, reading = taker(1)
    connection.inflow.receive(b"one")
    connection.inflow.receive(bytes(1000))
    connection.inflow.end()
    assert len(connection.taken) == 1003
    assert reading.total == 1000 + OVERHEAD

    connection.inflow.release()
    assert reading.total == 0


def test_another_connection_may_go_on() -> None:
    conversation = FakeConversation()
    opening, connection = Taker(conversation), Taker(conversation, 3)
    opening.inflow.hold()
    opening.inflow.receive(bytes(PIECE))
    opening.inflow.receive(bytes(PIECE))
    opening.inflow.receive_eof()
    opening.inflow.move_to(connection)
    connection.inflow.deliver()
    assert len(connection.taken) == PIECE
    connection.room = PIECE + 1
    connection.inflow.let_go()

    assert (opening.taken, len(connection.taken), connection.ends) == (b"", 2 * PIECE, 1)


def test_one_that_holds_already_goes_on_holding() -> None:
    conversation = FakeConversation()
    opening, connection = Taker(conversation), Taker(conversation)
    opening.inflow.hold()
    opening.inflow.receive(b"data")
    connection.inflow.hold()
    opening.inflow.move_to(connection)
    connection.inflow.deliver()
    assert connection.taken == b""
    connection.inflow.let_go()
    assert connection.taken == b"data"


def test_more_is_granted_as_it_is_taken() -> None:
    connection, reading = taker()
    connection.inflow.receive(bytes(WINDOW_FIRST))
    assert reading.grants == []  # the peer knows nothing of it
    connection, reading = taker()
    connection.inflow.allow_grants()
    connection.inflow.allow_grants()
    connection.inflow.receive(bytes(WINDOW_FIRST // 2 - 1))
    assert reading.grants == []
    connection.inflow.receive(b"x")
    assert reading.grants == [WINDOW_FIRST // 2 + WINDOW]
    connection.inflow.receive(bytes(WINDOW // 2 - 1))
    assert len(reading.grants) == 1
    connection.inflow.receive(b"x")
    assert reading.grants[1:] == [WINDOW_FIRST // 2 + WINDOW // 2 + WINDOW]


def test_nothing_is_granted_while_a_connection_holds() -> None:
    connection, reading = taker(WINDOW_FIRST)
    connection.inflow.allow_grants()
    connection.inflow.receive(bytes(WINDOW_FIRST))
    assert reading.grants == []
    connection.room = 1
    connection.inflow.receive(b"x")
    connection.inflow.let_go()
    assert reading.grants == []
    connection.room = 1
    connection.inflow.let_go()
    assert reading.grants == [WINDOW_FIRST + 1 + WINDOW]


def test_one_that_takes_something_is_not_stalled() -> None:
    connection, reading = taker(1)
    connection.left = 100
    connection.inflow.receive(bytes(10))
    reading.now = 9.0
    assert not connection.inflow.is_stalled(9.0, 10.0)
    assert connection.inflow.is_stalled(10.0, 10.0)
    connection.left = 99
    assert not connection.inflow.is_stalled(10.0, 10.0)
    assert not connection.inflow.is_stalled(19.0, 10.0)
    connection.inflow.receive(bytes(10))
    reading.now = 19.5
    connection.room = 1
    connection.inflow.let_go()
    assert not connection.inflow.is_stalled(29.0, 10.0)
    assert connection.inflow.is_stalled(29.5, 10.0)

    connection.inflow.give_up()
    assert reading.stalled == [connection]
