"""Connections that the application serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from guacr.tubes import outlet
from guacr.tubes.connections import handler as module
from guacr.tubes.connections.handler import (
    Data,
    Ended,
    EndOfData,
    Handler,
    HandlerEvent,
    Opened,
)
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.errors import TubeError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import (
    CloseConnection,
    ConnectionOpened,
    OpenConnection,
    SendEof,
    Window,
)
from guacr.tubes.wire.frames import LENGTH_MAX
from tests.support.conversations import RawPeer, Talk, echo, raw_peer, server, talk
from tests.support.waiting import until


class Application:
    """A handler, and what it was told."""

    def __init__(self) -> None:
        self.events: list[HandlerEvent] = []
        self.batches = 0
        self.handler = Handler(self._on_events)

    def _on_events(self, events: list[HandlerEvent]) -> None:
        assert events
        self.batches += 1
        self.events += events

    def received(self, number: int) -> int:
        """Count what a connection has received."""
        return sum(
            len(event.payload)
            for event in self.events
            if isinstance(event, Data) and event.number == number
        )

    def data(self, number: int) -> bytes:
        """What a connection has received."""
        return b"".join(
            event.payload
            for event in self.events
            if isinstance(event, Data) and event.number == number
        )


@asynccontextmanager
async def offering(port: int) -> AsyncIterator[tuple[Application, Talk]]:
    """An application that offers, with a target at the other end."""
    one = Application()
    async with talk(FixedTarget("127.0.0.1", port), listener=one.handler) as ends:  # type: ignore[arg-type]
        yield one, ends


@asynccontextmanager
async def facing(*, is_answerer: bool) -> AsyncIterator[tuple[Application, RawPeer]]:
    """An application, and a raw peer."""
    one = Application()
    backend = one.handler if is_answerer else None
    async with raw_peer(backend, is_answerer=is_answerer, listener=one.handler) as (peer, _):  # type: ignore[arg-type]
        await peer.answered()
        peer.controls.clear()
        yield one, peer


async def test_an_application_connects_sends_and_receives() -> None:
    async with server(echo) as port, offering(port) as (one, _):
        one.handler.connect(5)
        one.handler.send(5, b"hello")
        one.handler.end_of_data(5)
        await until(lambda: len(one.events) == 3, "the events")

        assert one.events == [
            Opened(5),
            Data(5, b"hello"),
            Ended(5, CloseReason.NORMAL, ""),
        ]


async def test_large_data_is_split_and_waits_for_room() -> None:
    async with server(echo) as port, offering(port) as (one, ends):
        one.handler.connect(1)
        data = bytes(range(256)) * 40_000
        one.handler.send(1, data)
        assert one.handler.queued > 9_000_000
        assert ends.offerer.buffered <= outlet.HIGH_WATER + module.PIECE + 1000
        one.handler.send(1, b"end")
        await one.handler.drain()
        assert one.handler.queued == 0
        await until(lambda: len(one.data(1)) == len(data) + 3, "the echo")

        assert one.data(1) == data + b"end"


async def test_the_peer_opens() -> None:
    async with facing(is_answerer=True) as (one, peer):
        peer.send(OpenConnection(7))
        peer.send_frame(7, b"first")
        peer.send_frame(7, b"second")
        peer.send(SendEof(7), SendEof(7))
        peer.send_frame(7, b"too late")
        await until(lambda: len(one.events) == 3, "the first events")
        peer.send(SendEof(7))
        await peer.answered()
        peer.controls.pop()
        assert one.events == [Opened(7), Data(7, b"firstsecond"), EndOfData(7)]
        assert one.batches < 3

        one.handler.send(7, b"answer")
        one.handler.disconnect(7, CloseReason.ADMIN_CLOSED)
        await until(lambda: peer.closes(7), "the end")
        assert peer.data == {7: b"answer"}
        assert peer.controls == [
            ConnectionOpened(7),
            CloseConnection(7, CloseReason.ADMIN_CLOSED),
        ]
        assert len(one.events) == 3  # nothing is told of what the application does itself


async def test_a_block_is_sent_with_the_opening() -> None:
    async with facing(is_answerer=False) as (one, peer):
        one.handler.connect(3, b"a block")
        await until(peer.received(OpenConnection(3, b"a block")), "the opening")

        peer.send(CloseConnection(3, CloseReason.GUACD_ERROR, "a text"))
        await until(lambda: one.events, "the end")
        assert one.events == [Ended(3, CloseReason.GUACD_ERROR, "a text")]


async def test_data_may_overtake_the_opening() -> None:
    async with facing(is_answerer=False) as (one, peer):
        one.handler.connect(3)
        peer.send_frame(3, b"early")
        peer.send(ConnectionOpened(3))
        await peer.answered()

        assert one.events == [Opened(3), Data(3, b"early")]


async def test_an_end_of_data_may_overtake_the_opening() -> None:
    async with facing(is_answerer=False) as (one, peer):
        one.handler.connect(3)
        peer.send(SendEof(3), ConnectionOpened(3))
        await peer.answered()

        assert one.events == [Opened(3), EndOfData(3)]


async def test_numbers_are_checked() -> None:
    async with facing(is_answerer=False) as (one, _):
        one.handler.connect(1)
        for number in (0, 1, 2**32, -1):
            with pytest.raises(TubeError, match="choose another number"):
                one.handler.connect(number)


async def test_the_number_of_connections_is_limited() -> None:
    one = Application()
    async with talk(None, listener=one.handler, connections_max=1):  # type: ignore[arg-type]
        one.handler.connect(1)
        with pytest.raises(TubeError, match="the limit of 1 connections is reached"):
            one.handler.connect(2)


async def test_what_is_queued_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUED_MAX", 20_000_000)
    async with facing(is_answerer=False) as (one, peer):
        peer.channel.pause_reading()
        with pytest.raises(TubeError, match="Handler payload exceeds maximum frame length"):
            one.handler.send(1, bytes(LENGTH_MAX + 1))
        one.handler.send(1, bytes(LENGTH_MAX))
        with pytest.raises(TubeError, match="too much data is queued"):
            one.handler.send(1, bytes(LENGTH_MAX))


async def test_an_application_that_pauses_stops_the_backend() -> None:
    sent = 0

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < 20_000_000:
            writer.write(bytes(65536))
            await writer.drain()
            sent += 65536

    async with server(backend) as port, offering(port) as (one, ends):
        one.handler.connect(1)
        await until(lambda: one.received(1) > 0, "the first data")
        one.handler.pause(1)
        before = one.received(1)
        far = ends.answerer.table.by_number[1]
        await until(lambda: not far.has_credit, "the far end to use up its window")
        assert one.received(1) <= before + 500_000  # what had arrived in the same turn
        assert sent < 15_000_000

        one.handler.proceed(1)
        await until(lambda: one.received(1) >= 20_000_000, "the rest")


async def test_a_connection_that_may_not_send_stops_no_other() -> None:
    async with facing(is_answerer=False) as (one, peer):
        peer.send(Window(0, 100_000))
        await peer.answered()
        one.handler.connect(1)
        one.handler.connect(2)
        for number in (1, 2):
            one.handler.send(number, bytes(1_000_000))
            one.handler.end_of_data(number)
        peer.send(Window(2, 1_000_000))
        await until(peer.received(SendEof(2)), "the other connection")

        assert len(peer.data[2]) == 1_000_000
        assert 100_000 <= len(peer.data[1]) < 100_000 + module.PIECE + 33_000
        assert one.handler.queued == 1_000_000 - len(peer.data[1])
        peer.send(Window(1, 1_000_000))
        await until(peer.received(SendEof(1)), "the rest")
        assert len(peer.data[1]) == 1_000_000
        await one.handler.drain()


async def test_what_is_queued_for_one_connection_is_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CONNECTION_QUEUED_MAX", 2_000_000)
    async with facing(is_answerer=False) as (one, peer):
        peer.send(Window(0, 0))
        await peer.answered()
        one.handler.connect(1)
        one.handler.connect(2)
        one.handler.send(1, bytes(2_000_000))
        with pytest.raises(TubeError, match="too much data is queued for connection 1"):
            one.handler.send(1, b"x")
        one.handler.send(2, b"x")

        assert one.handler.queued == 2_000_001
        peer.send(CloseConnection(1, CloseReason.CLIENT), CloseConnection(2, CloseReason.CLIENT))
        await one.handler.drain()
        assert one.handler.queued == 0


async def test_a_conversation_that_ends_tells_the_application() -> None:
    async with facing(is_answerer=False) as (one, peer):
        one.handler.connect(1)
        one.handler.send(1, bytes(3_000_000))
        peer.send(CloseConnection(0, CloseReason.ADMIN_CLOSED))
        await until(lambda: one.events, "the end")
        await one.handler.drain()

        assert one.events == [Ended(1, CloseReason.ADMIN_CLOSED, "")]
        with pytest.raises(TubeError, match="not open"):
            one.handler.send(1, b"more")
        one.handler.disconnect(1, CloseReason.NORMAL)
