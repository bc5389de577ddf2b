"""A conversation's messages, and peers that send what they should not."""

from __future__ import annotations

import asyncio
import json

import pytest

from guacr.tubes import outlet
from guacr.tubes.backlog import WINDOW_FIRST
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.conversation import Conversation, ConversationOptions
from guacr.tubes.events import (
    NORMAL_EXIT,
    ConnectionEnded,
    ConnectionStarted,
    ConversationClosed,
    ConversationOpened,
)
from guacr.tubes.reasons import CloseReason
from guacr.tubes.sctp import ChannelState
from guacr.tubes.wire import fragments
from guacr.tubes.wire.control import (
    CloseConnection,
    ConnectionOpened,
    MetricsRequest,
    MetricsResponse,
    OpenConnection,
    Ping,
    Pong,
    SendEof,
    Window,
)
from guacr.tubes.wire.fragments import FRAGMENT_MAX, Fragmenter
from guacr.tubes.wire.frames import LENGTH_MAX, encode
from tests.support.conversations import RawPeer, echo, raw_peer, server, talk
from tests.support.sctp_pair import sctp_pair
from tests.support.waiting import free_port, until


async def test_an_answerer_warms_up_the_link() -> None:
    async with raw_peer() as (peer, _):
        await until(lambda: len(peer.controls) == 3, "three pings")

        assert peer.controls == [Ping(0, bytes(1400))] * 3
        assert [len(message) for message in peer.messages[1:]] == [1406 + 17] * 3
        assert peer.events == [ConversationOpened("the label")]


async def test_an_offerer_only_says_first_that_it_knows_windows() -> None:
    async with raw_peer(is_answerer=False) as (peer, _):
        await peer.answered()

        assert len(peer.controls) == 1
        assert peer.windows == [Window(0, WINDOW_FIRST)]


async def test_a_channel_may_wait_for_its_conversation() -> None:
    async with sctp_pair() as pair:
        theirs, ours = await pair.channel("the label")
        peer = RawPeer(theirs)
        ours.pause_reading()
        peer.send(Ping(0, b"early"))
        await until(lambda: ours._held, "the message")
        one = Conversation(ours, peer.events.append, ConversationOptions(is_answerer=True))

        await until(peer.received(Pong(0, b"early")), "the answer")
        one.abort()
        await one.wait_closed()


async def test_pings_are_answered_as_they_are() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(5))
        await until(peer.received(ConnectionOpened(5)), "the connection")
        peer.controls.clear()

        peer.send(Ping(0, b"\0" * 1400), Ping(5, b"12"), Ping(6, b"unknown"), Pong(0, b"pong"))
        peer.send_frame(0, b"\0\1")
        await peer.answered()

        assert peer.controls[:3] == [Pong(0, bytes(1400)), Pong(5, b"12"), Pong(0, b"")]
        assert len(peer.controls) == 4


async def test_metrics_are_answered() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(5), MetricsRequest(b"whatever"))
        await until(
            lambda: any(isinstance(one, MetricsResponse) for one in peer.controls), "the answer"
        )

        response = next(one for one in peer.controls if isinstance(one, MetricsResponse))
        figures = json.loads(response.data)
        assert figures["schema_version"] == 1
        assert figures["active_connections_on_tube"] == 1
        assert figures["bytes"]["messages_received_total"] == 2


async def test_data_that_comes_before_the_backend_is_kept_in_order() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(1))
        for part in (b"one ", b"", b"two ", b"three"):
            peer.send_frame(1, part)
        peer.send(SendEof(1))
        await until(lambda: peer.closes(1), "the end")

        assert peer.data[1] == b"one two three"
        assert peer.controls[3:] == [
            ConnectionOpened(1),
            CloseConnection(1, CloseReason.NORMAL),
        ]


async def test_frames_may_come_byte_by_byte() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        stream = b"".join(
            (
                encode(0, OpenConnection(1).encode(), 0),
                encode(1, b"hello", 0),
                encode(0, SendEof(1).encode(), 0),
            )
        )
        for byte in stream:
            peer.channel.send(bytes([byte]))
        await until(lambda: peer.closes(1), "the end")

        assert peer.data[1] == b"hello"


async def test_connection_0_is_not_opened() -> None:
    opened = []

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)

    async with server(backend) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one):
        peer.send(OpenConnection(0), OpenConnection(1))
        await until(peer.received(ConnectionOpened(1)), "the other connection")

        assert one.connections == 1
        assert ConnectionOpened(0) not in peer.controls


async def test_what_concerns_no_connection_is_ignored() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one):
        peer.send(CloseConnection(7), SendEof(7), ConnectionOpened(7))
        peer.send_frame(7, b"data")
        peer.send_frame(0, b"\x27\x0f of the future")
        peer.send_frame(0, b"\0")
        peer.send(OpenConnection(1), CloseConnection(1, CloseReason.CLIENT))
        peer.send_frame(1, b"data after the end")
        peer.send(SendEof(1), CloseConnection(1))
        await peer.answered()

        assert one.connections == 0
        assert not peer.closes(1)
        assert peer.data == {}


async def test_data_after_the_end_of_data_is_ignored() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(peer.received(ConnectionOpened(1)), "the connection")
        peer.send_frame(1, b"before")
        peer.send(SendEof(1))
        ping = encode(0, Ping(0, b"the same message").encode(), 0)
        peer.channel.send(encode(1, b"after", 0) + ping)
        peer.send(SendEof(1))
        await until(lambda: peer.closes(1), "the end")

        assert peer.data[1] == b"before"
        assert Pong(0, b"the same message") in peer.controls
        assert len(peer.closes(1)) == 1


async def test_an_open_connection_is_not_opened_again() -> None:
    clients = []

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(writer)
        await echo(reader, writer)

    async with server(backend) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(1), OpenConnection(1))
        await until(peer.received(ConnectionOpened(1)), "the connection")
        peer.send(OpenConnection(1))
        peer.send_frame(1, b"still there")
        await until(lambda: peer.data, "the echo")

        assert peer.controls.count(ConnectionOpened(1)) == 2
        assert len(clients) == 1


async def test_a_connection_that_failed_may_be_tried_again() -> None:
    port = free_port()
    async with raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(lambda: peer.closes(1), "the refusal")
        assert peer.closes(1) == [
            CloseConnection(1, CloseReason.CONNECTION_FAILED, "Connection refused (os error 111)")
        ]
        assert peer.events[1:] == [
            ConnectionEnded(
                "the label",
                1,
                CloseReason.CONNECTION_FAILED,
                "Connection refused (os error 111)",
                by_peer=False,
            )
        ]

        running = await asyncio.start_server(lambda reader, writer: writer.close(), None, port)
        peer.send(OpenConnection(1))
        await until(peer.received(ConnectionOpened(1)), "the connection")
        running.close()


async def test_names_that_do_not_exist_are_told() -> None:
    async with raw_peer(FixedTarget("does-not-exist.invalid", 1)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(lambda: peer.closes(1), "the refusal")

        assert "DNS lookup failed" in peer.closes(1)[0].text


async def test_an_offerer_opens_nothing_for_its_peer() -> None:
    async with raw_peer(is_answerer=False) as (peer, _):
        peer.send(OpenConnection(1))
        await until(lambda: peer.closes(1), "the refusal")

        assert peer.closes(1)[0].text == "this end opens no connections"


async def test_the_number_of_connections_is_limited() -> None:
    async with (
        server(echo) as port,
        raw_peer(FixedTarget("127.0.0.1", port), connections_max=3) as (peer, one),
    ):
        for number in range(1, 5):
            peer.send(OpenConnection(number))
        await until(lambda: peer.closes(4), "the refusal")
        assert peer.closes(4) == [
            CloseConnection(4, CloseReason.SERVER_REFUSE, "the limit of 3 connections is reached")
        ]
        await until(peer.received(ConnectionOpened(3)), "the others")

        peer.send(CloseConnection(2))
        await until(lambda: not one.table.is_full, "a free place")
        peer.send(OpenConnection(5))
        await until(peer.received(ConnectionOpened(5)), "another one")


async def test_a_flood_of_opens_costs_no_more_than_the_limit() -> None:
    port = free_port()
    async with raw_peer(FixedTarget("127.0.0.1", port), connections_max=50) as (peer, one):
        highest = 0
        for number in range(1, 2001):
            peer.send(OpenConnection(number))
            if not number % 100:
                await asyncio.sleep(0)
                highest = max(highest, len(one.table.alive))
        await until(lambda: len(peer.controls) == 2003, "an answer to each")

        assert highest <= 50
        assert {type(answer) for answer in peer.controls[3:]} == {CloseConnection}


async def test_a_damaged_frame_ends_its_connection_alone() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(1), OpenConnection(2))
        await until(peer.received(ConnectionOpened(2)), "the connections")
        peer.channel.send(encode(1, b"damaged", 0)[:-1] + b"?" + encode(2, b"whole", 0))
        await until(lambda: 2 in peer.data, "the echo")

        assert peer.closes(1) == [
            CloseConnection(1, CloseReason.PROTOCOL_ERROR, "frame without its terminator")
        ]
        assert not peer.closes(2)


async def test_a_frame_that_is_too_long_ends_the_conversation() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one):
        peer.send(OpenConnection(1))
        await until(peer.received(ConnectionOpened(1)), "the connection")
        peer.channel.send(bytes(12) + (LENGTH_MAX + 1).to_bytes(4))
        await until(lambda: peer.channel.state is ChannelState.CLOSED, "the end of the channel")

        assert one.is_closed
        assert peer.closes(0) == [CloseConnection(0, CloseReason.PROTOCOL_ERROR)]
        assert len(peer.closes(1)) == 1
        closed = peer.events[-1]
        assert isinstance(closed, ConversationClosed)
        assert closed.outcome.startswith("error: Internal error: Oversized frame rejected")


async def test_texts_end_the_conversation_at_most() -> None:
    async with raw_peer() as (peer, one):
        peer.channel.send("a text that is no frame: ä".encode())
        await until(lambda: one.is_closed, "the end")

        assert isinstance(peer.events[-1], ConversationClosed)


async def test_a_conversation_closes_at_once_with_all_connections() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one):
        peer.send(OpenConnection(1), OpenConnection(2))
        await until(peer.received(ConnectionOpened(2)), "the connections")
        peer.send(CloseConnection(0, CloseReason.ADMIN_CLOSED))
        await until(lambda: one.is_closed, "the end")

        await until(lambda: peer.channel.state is ChannelState.CLOSED, "the end of the channel")
        assert [len(peer.closes(number)) for number in (0, 1, 2)] == [0, 1, 1]
        assert peer.closes(1)[0].reason is CloseReason.ADMIN_CLOSED
        assert peer.events[-1] == ConversationClosed(
            "the label", CloseReason.ADMIN_CLOSED, NORMAL_EXIT, by_peer=True
        )
        await one.wait_closed()


async def test_closing_a_conversation_tells_the_peer_everything_once() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one):
        peer.send(OpenConnection(1), OpenConnection(2))
        await until(peer.received(ConnectionOpened(2)), "the connections")
        one.close(CloseReason.ADMIN_CLOSED, "tube_closed")
        one.close()
        await until(lambda: peer.channel.state is ChannelState.CLOSED, "the end of the channel")

        assert peer.controls[-3:] == [
            CloseConnection(0, CloseReason.ADMIN_CLOSED),
            CloseConnection(1, CloseReason.ADMIN_CLOSED),
            CloseConnection(2, CloseReason.ADMIN_CLOSED),
        ]
        assert peer.events[-1] == ConversationClosed(
            "the label", CloseReason.ADMIN_CLOSED, "tube_closed", by_peer=False
        )


async def test_a_close_without_connections_is_followed_by_another_message() -> None:
    async with raw_peer() as (peer, one):
        one.close(CloseReason.NORMAL)
        await until(lambda: peer.channel.state is ChannelState.CLOSED, "the end of the channel")

        assert peer.controls[-2:] == [CloseConnection(0, CloseReason.NORMAL), Ping()]


async def test_a_channel_that_the_peer_closes_ends_the_conversation() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one):
        peer.send(OpenConnection(1))
        await until(peer.received(ConnectionOpened(1)), "the connection")
        peer.channel.close()
        await until(lambda: one.is_closed, "the end")
        await one.wait_closed()

        assert peer.events[-2:] == [
            ConnectionEnded("the label", 1, CloseReason.CONNECTION_LOST, "", by_peer=True),
            ConversationClosed("the label", None, NORMAL_EXIT, by_peer=True),
        ]


async def test_an_opening_connection_can_be_closed() -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    class Backend:
        async def open(self, conversation: object, number: int, body: bytes) -> object:
            asked.set()
            try:
                return await asyncio.Event().wait()
            finally:
                cancelled.set()

    async with raw_peer(Backend()) as (peer, one):  # type: ignore[arg-type]
        peer.send(OpenConnection(1, b"body"))
        await asked.wait()
        peer.send(CloseConnection(1))

        await cancelled.wait()
        assert one.connections == 0


async def test_a_backend_that_fails_is_told_without_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Backend:
        async def open(self, conversation: object, number: int, body: bytes) -> object:
            raise ZeroDivisionError("a secret")

    async with raw_peer(Backend()) as (peer, _):  # type: ignore[arg-type]
        peer.send(OpenConnection(1))
        await until(lambda: peer.closes(1), "the refusal")

        assert peer.closes(1) == [
            CloseConnection(1, CloseReason.ERROR, "internal error: see the log")
        ]
        assert "ZeroDivisionError" in caplog.text


async def test_a_peer_that_only_asks_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "FLOOD_MAX", 4_000_000)
    async with raw_peer() as (peer, one):
        peer.channel.pause_reading()
        for _ in range(400):
            peer.send(Ping(0, bytes(60_000)))
        await until(lambda: one.is_closed, "the end")

        assert one._channel.buffered < 5_000_000
        closed = peer.events[-1]
        assert isinstance(closed, ConversationClosed)
        assert closed.outcome == "error: the peer sends requests, and reads nothing"
        peer.channel.resume_reading()


async def test_fragments_are_put_together_and_made() -> None:
    async with (
        server(echo) as port,
        raw_peer(FixedTarget("127.0.0.1", port), fragmented=True) as (peer, _),
    ):
        peer.send(OpenConnection(1))
        await until(peer.received(ConnectionOpened(1)), "the connection")
        data = bytes(range(256)) * 400
        for part in Fragmenter().cut(encode(1, data, 0)):
            peer.channel.send(part)
        peer.channel.send(b"\1 no valid fragment")
        await until(lambda: len(peer.data.get(1, b"")) == len(data), "the echo")

        assert peer.data[1] == data
        assert max(map(len, peer.messages)) <= FRAGMENT_MAX


async def test_a_peer_that_sends_byte_by_byte() -> None:
    """Every byte of every frame is a message; another connection goes on meanwhile."""
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        peer.send(OpenConnection(2))
        frames = [
            encode(0, OpenConnection(1).encode(), 0),
            encode(1, b"one by one", 0),
            encode(0, Ping(1, b"between").encode(), 0),
            encode(1, b"", 0),
            encode(1, bytes(300), 0),
            encode(0, SendEof(1).encode(), 0),
        ]
        for byte in b"".join(frames):
            peer.channel.send(bytes((byte,)))
        peer.send_frame(2, b"at once")
        await until(lambda: any(peer.closes(1)), "the end")
        await until(lambda: peer.data.get(2) == b"at once", "the other connection")

        assert peer.data[1] == b"one by one" + bytes(300)
        assert Pong(1, b"between") in peer.controls
        assert peer.closes(1)[0].reason is CloseReason.NORMAL


async def test_incomplete_fragments_are_dropped_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the peer sends nothing more."""
    monkeypatch.setattr(fragments, "AGE_MAX", 0.1)
    async with raw_peer(fragmented=True) as (peer, conversation):
        reassembler = conversation.inlet._reassembler
        assert reassembler is not None
        for _ in range(2):
            expired = reassembler.expired
            for number in range(2):
                part, *_ = Fragmenter().cut(encode(1, bytes(50_000), 0))
                peer.channel.send(part[:1] + number.to_bytes(4, "big") + part[5:])
            await until(lambda: reassembler.held, "fragments")
            await until(lambda: reassembler.expired == expired + 2, "the end of fragments")  # noqa: B023
            assert reassembler.held == 0
        peer.channel.send(part)
        await until(lambda: reassembler.held, "a fragment")
        conversation.close()
        assert conversation.inlet._expiry is None


async def test_no_message_is_longer_than_the_peer_accepts() -> None:
    async with (
        server(echo) as port,
        raw_peer(FixedTarget("127.0.0.1", port), message_max=1024) as (peer, _),
    ):
        peer.send(OpenConnection(1), Ping(0, bytes(60_000)))
        peer.send_frame(1, bytes(50_000))
        peer.send_frame(1, bytes(50_000))
        await until(lambda: len(peer.data.get(1, b"")) == 100_000, "the echo")

        assert Pong(0, bytes(60_000)) in peer.controls
        assert max(map(len, peer.messages)) == 1024


async def test_both_ends_tell_what_happens() -> None:
    async with server(echo) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        reader, writer = await one.connect()
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await until(lambda: all(one.seen(end, ConnectionEnded) for end in (0, 1)), "the end")

        for end in (0, 1):
            assert one.events[end] == [
                ConversationOpened("the label"),
                ConnectionStarted("the label", 1),
                ConnectionEnded("the label", 1, CloseReason.NORMAL, "", by_peer=end == 0),
            ]
