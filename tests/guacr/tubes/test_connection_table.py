"""The connections of a conversation by number, without a channel."""

from __future__ import annotations

import asyncio
from math import inf
from typing import cast

from typing_extensions import override

from guacr.tubes.backlog import Backlog
from guacr.tubes.connection_table import ConnectionTable
from guacr.tubes.connections.connection import Connection
from guacr.tubes.conversation import Conversation
from guacr.tubes.inflow import Inflow
from guacr.tubes.reading import Reading
from guacr.tubes.reasons import CloseReason


class FakeReading:
    """Counts what waits."""

    def counted(self, inflow: Inflow, by: int) -> None:
        pass


class FakeConversation:
    """Has a reading."""

    def __init__(self) -> None:
        self.reading = cast(Reading, FakeReading())


class Idle(Connection):
    """Neither sends nor receives."""

    def __init__(self, number: int) -> None:
        super().__init__(cast(Conversation, FakeConversation()), number)

    @override
    def receive(self, data: bytes) -> None:
        pass

    @override
    def receive_eof(self) -> None:
        pass

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        pass

    @override
    def abort(self) -> None:
        pass


def test_the_next_number_is_free() -> None:
    table = ConnectionTable(10, Backlog())
    for number in (1, 2, 4):
        table.add(Idle(number))
    assert [table.next_number() for _ in range(3)] == [3, 5, 6]


def test_connections_count_until_they_are_released() -> None:
    backlog = Backlog()
    table = ConnectionTable(2, backlog)
    without_number, one = Idle(7), Idle(1)
    table.watch(without_number)
    assert (table.is_full, backlog.connections) == (False, 0)
    assert not table.has(without_number)
    table.add(one)
    assert (table.is_full, backlog.connections) == (True, 1)
    table.remove(one)
    assert (table.is_full, backlog.connections) == (True, 0)
    assert not table.has(one)
    table.released(one)
    assert not table.is_full


def test_a_connection_takes_the_place_of_the_one_that_opened_it() -> None:
    backlog = Backlog()
    table = ConnectionTable(10, backlog)
    opening, opened = Idle(1), Idle(1)
    table.add(opening)
    opening.send_limit = 5
    inflow = opening.inflow
    table.replace(opening, opened)
    assert not table.has(opening)
    assert table.has(opened)
    assert (opened.send_limit, opened.inflow, backlog.connections) == (5, inflow, 1)


def test_the_first_window_of_the_peer_applies_to_all_connections() -> None:
    table = ConnectionTable(10, Backlog())
    before, after = Idle(1), Idle(2)
    table.add(before)
    assert before.send_limit == inf
    table.peer_window(100)
    table.peer_window(200)
    table.add(after)
    assert (before.send_limit, after.send_limit) == (100, 100)


async def test_the_release_of_the_last_connection_is_waited_for() -> None:
    table = ConnectionTable(10, Backlog())
    one, another = Idle(1), Idle(2)
    table.add(one)
    table.watch(another)
    cancelled, *waiting = (asyncio.create_task(table.wait_released()) for _ in range(3))
    await asyncio.sleep(0)
    cancelled.cancel()
    table.released(one)
    await asyncio.wait([cancelled])
    assert not any(task.done() for task in waiting)
    table.released(another)
    await asyncio.gather(*waiting)
    await table.wait_released()
