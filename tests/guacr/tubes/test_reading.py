"""Connections that do not take their data, beside others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from guacr.tubes import reading
from guacr.tubes.backlog import WINDOW_FIRST, WINDOW_MAX, Backlog, BacklogLimits
from guacr.tubes.connections import tcp
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.conversation import Conversation, ConversationOptions
from guacr.tubes.events import ConnectionEnded
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import (
    CloseConnection,
    ConnectionOpened,
    OpenConnection,
    Window,
)
from tests.support.conversations import RawPeer, echo, raw_peer, server, talk
from tests.support.sctp_pair import sctp_pair
from tests.support.waiting import until

LIMITS = BacklogLimits(connection=500_000, tube=1_200_000, share=100_000)
STALLED = "does not take its data, for which other connections have to wait"


class Target:
    """A server whose clients get an echo, unless they begin with `s`: nobody reads from those, or
    from all at once when it is told to. `d` gets data without end."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.received = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = await reader.read(1)
        if kind == b"s":
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await self.release.wait()
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            while data := await reader.read(1 << 20):
                self.received += len(data)
        elif kind == b"d":
            while True:
                writer.write(bytes(65536))
                await writer.drain()
        else:
            writer.write(kind)
            await echo(reader, writer)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STALL_MAX", 0.3)
    monkeypatch.setattr(reading, "CHECK", 0.05)


@asynccontextmanager
async def stalled(
    count: int = 1, limits: BacklogLimits | None = None
) -> AsyncIterator[tuple[Target, RawPeer, Conversation]]:
    """`count` connections that nobody reads from, and another one, of a peer without windows."""
    target, last = Target(), count + 1
    async with (
        server(target, receive_buffer=65536) as port,
        raw_peer(FixedTarget("127.0.0.1", port), backlog=Backlog(limits)) as (peer, one),
    ):
        for number in range(1, last + 1):
            peer.send(OpenConnection(number))
            await until(peer.received(ConnectionOpened(number)), "a connection")
        peer.send_frame(last, b"ping")
        await until(lambda: peer.data.get(last) == b"ping", "the echo")
        try:
            yield target, peer, one
        finally:
            target.release.set()


def pour(peer: RawPeer, number: int, pieces: int) -> None:
    """Send data that nobody reads at first, in pieces of 30,000 bytes."""
    for _ in range(pieces):
        peer.send_frame(number, b"s" * 30_000)


async def test_one_that_takes_nothing_does_not_stop_another() -> None:
    async with stalled() as (_, peer, one):
        pour(peer, 1, 250)
        peer.send_frame(2, b" pong")
        await until(lambda: peer.data[2] == b"ping pong", "the other connection")

        connection = one.table.by_number[1]
        assert connection.inflow.size > 2_000_000
        assert connection.backlog() < tcp.WRITE_HIGH + 100_000
        assert not one._channel._paused
        assert not peer.closes(1)


async def test_all_that_has_waited_arrives() -> None:
    async with stalled(limits=LIMITS) as (target, peer, one):
        pour(peer, 1, 600)
        await until(lambda: one._channel._paused, "the pause")
        assert one.table.by_number[1].inflow.size < LIMITS.connection + 200_000
        target.release.set()
        await until(lambda: target.received == 600 * 30_000 - 1, "all of it")

        assert one.table.by_number[1].inflow.size == one.reading._backlog.used == 0
        assert not peer.closes(1)


@pytest.mark.usefixtures("quick")
async def test_one_that_leaves_too_much_is_ended() -> None:
    async with stalled(limits=LIMITS) as (_, peer, one):
        pour(peer, 1, 600)
        await until(lambda: one._channel._paused, "the pause")
        peer.send_frame(2, b" pong")
        await until(lambda: peer.data[2] == b"ping pong", "the other connection")

        assert peer.closes(1) == [CloseConnection(1, CloseReason.TIMEOUT, STALLED)]
        await until(lambda: not one.reading._backlog.used, "the memory")


@pytest.mark.usefixtures("quick")
async def test_the_one_with_most_is_ended_when_the_tube_is_full() -> None:
    async with stalled(4, LIMITS) as (_, peer, one):
        for number in (1, 2, 3, 4):
            while one.table.by_number[number].inflow.size < 200_000 + 30_000 * number:
                pour(peer, number, 1)
                await peer.answered()
        channel = one._channel
        assert not channel._paused
        pour(peer, 1, 8)
        await until(lambda: channel._paused, "the pause")
        peer.send_frame(5, b" pong")
        await until(lambda: peer.data[5] == b"ping pong", "the other connection")

        ended = [number for number in (1, 2, 3, 4, 5) if peer.closes(number)]
        assert len(ended) == 1
        assert peer.closes(ended[0])[0].text == STALLED
        assert one.reading._backlog.used < LIMITS.tube


@pytest.mark.usefixtures("quick")
async def test_a_lone_connection_may_take_its_time() -> None:
    async with stalled(limits=LIMITS) as (target, peer, one):
        peer.send(CloseConnection(2))
        pour(peer, 1, 200)
        await until(lambda: one._channel._paused, "the pause")
        for _ in range(20):  # looks at the connection
            one.reading._check()
            await asyncio.sleep(0.02)
        assert not peer.closes(1)
        target.release.set()
        await until(lambda: target.received == 200 * 30_000 - 1, "all of it")


@pytest.mark.usefixtures("quick")
async def test_another_conversation_of_the_tube_waits_as_well() -> None:
    target, backlog = Target(), Backlog(LIMITS)
    async with server(target, receive_buffer=65536) as port, sctp_pair() as pair:
        peers, conversations = [], []
        for label in ("one", "other"):
            theirs, ours = await pair.channel(label)
            peer = RawPeer(theirs)
            peers.append(peer)
            conversations.append(
                Conversation(
                    ours,
                    peer.events.append,
                    ConversationOptions(is_answerer=True),
                    backend=FixedTarget("127.0.0.1", port),
                    backlog=backlog,
                )
            )
            peer.send(OpenConnection(1))
            await until(peer.received(ConnectionOpened(1)), "the connection")
        pour(peers[0], 1, 600)
        await until(lambda: conversations[0]._channel._paused, "the pause")
        peers[1].send_frame(1, b"pong")
        await until(lambda: peers[1].data.get(1) == b"pong", "the other conversation")
        await until(lambda: peers[0].closes(1), "the end")

        assert peers[0].closes(1)[0].text == STALLED
        target.release.set()
        for one in conversations:
            one.abort()
            await one.wait_closed()


async def test_a_channel_that_its_peer_has_closed_waits_for_a_limited_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "CHECK", 0.05)
    async with stalled(limits=LIMITS) as (_, peer, one):
        peer.send(CloseConnection(2))

        def poured() -> bool:
            pour(peer, 1, 2)
            return one._channel._paused

        await until(poured, "the pause")
        peer.channel.close()
        monkeypatch.setattr(reading, "STALL_MAX", 0.1)
        await until(lambda: one.is_closed, "the end")


# ---- two guacr peers


async def test_a_stalled_download_stops_nothing_else_and_nothing_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "STALL_MAX", 0.1)
    target = Target()
    async with server(target) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        downloads = [await one.connect() for _ in range(3)]
        for reader, writer in downloads:
            reader._limit = 1024  # type: ignore[attr-defined]
            writer.write(b"d")
        await until(lambda: one.answerer.connections == 3, "the downloads")
        far = [one.answerer.table.by_number[number] for number in (1, 2, 3)]
        await until(
            lambda: not any(one.has_credit for one in far), "their windows to be used up", 40
        )

        reader, writer = await one.connect()
        for _ in range(20):
            writer.write(b"e" * 30_000)
            await reader.readexactly(30_000)
        writer.close()
        for number in (1, 2, 3):
            inflow = one.offerer.table.by_number[number].inflow
            assert WINDOW_FIRST < inflow.size <= WINDOW_MAX + 65536
            assert one.answerer.table.by_number[number].backlog() == 0
        assert one.offerer.reading._backlog.used <= 3 * (WINDOW_MAX + 65536)
        assert not one.offerer._channel._paused
        assert all(event.number == 4 for event in one.seen(0, ConnectionEnded))

        before = far[0].sent
        for reader, _ in downloads:
            await reader.readexactly(20_000_000)
        await until(lambda: far[0].sent > before, "more of it")
        for _, writer in downloads:
            writer.transport.abort()


async def test_windows_in_both_directions() -> None:
    async with server(echo) as port, talk(FixedTarget("127.0.0.1", port), delay=0.002) as one:
        reader, writer = await one.connect()
        writer.write(bytes(12_000_000))
        assert len(await reader.readexactly(12_000_000)) == 12_000_000
        writer.close()


@pytest.mark.parametrize("count", [1, 7])
async def test_no_more_is_sent_than_is_granted(count: int) -> None:
    target = Target()
    async with (
        server(target) as port,
        raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one),
    ):
        peer.send(Window(0, 100_000))
        for number in range(1, count + 1):
            peer.send(OpenConnection(number))
            peer.send_frame(number, b"d")
        received = peer.data
        for number in range(1, count + 1):
            await until(lambda: len(received.get(number, b"")) >= 100_000, "the first")  # noqa: B023
        await peer.answered()
        for number in range(1, count + 1):
            assert len(received[number]) < 100_000 + 33_000

        peer.send(Window(1, 500_000), Window(9, 1), Window(1, 20), Window(0, 10_000_000))
        await until(lambda: len(received[1]) >= 500_000, "more")
        await peer.answered()
        assert len(received[1]) < 500_000 + 33_000
        if count > 1:
            assert len(received[2]) < 100_000 + 33_000
        assert one.connections == count


async def test_a_peer_without_windows_is_granted_nothing() -> None:
    target = Target()
    async with server(target) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(1), Window(1, 10))
        pour(peer, 1, 40)
        target.release.set()
        await until(lambda: target.received == 40 * 30_000 - 1, "all of it")

        assert peer.windows == [Window(0, WINDOW_FIRST)]
