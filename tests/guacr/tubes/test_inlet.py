"""The frames of a peer that are processed in one turn of the event loop."""

from __future__ import annotations

import asyncio

import pytest

from guacr.tubes import inlet
from guacr.tubes.connections.connection import Connection
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.conversation import Conversation
from guacr.tubes.errors import RefusedError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import ConnectionOpened, MetricsRequest, OpenConnection, Ping
from guacr.tubes.wire.frames import MESSAGE_MAX, encode
from tests.support.conversations import RawPeer, raw_peer, server
from tests.support.waiting import until


class Refusing:
    """A backend that opens nothing.

    Attributes:
        turns: how many connections were asked for in each turn of the event loop.
    """

    def __init__(self) -> None:
        self.turns: list[int] = []
        self._is_counting = False

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """As `Backend.open`."""
        if not self._is_counting:
            self._is_counting = True
            self.turns.append(0)
            asyncio.get_running_loop().call_soon(self._turn_ends)
        self.turns[-1] += 1
        raise RefusedError("no")

    def _turn_ends(self) -> None:
        self._is_counting = False


def control(*messages: OpenConnection | MetricsRequest | Ping) -> bytes:
    """Frames of control messages."""
    return b"".join(encode(0, message.encode(), 0) for message in messages)


async def opened(peer: RawPeer) -> None:
    """Open connection 1."""
    peer.send(OpenConnection(1))
    await until(peer.received(ConnectionOpened(1)), "the connection")


async def test_a_message_of_many_requests_takes_turns() -> None:
    backend = Refusing()
    async with raw_peer(backend) as (peer, _):
        peer.channel.send(control(*map(OpenConnection, range(1, 2001))))
        await until(lambda: peer.closes(2000), "the last refusal")

        assert [len(peer.closes(number)) for number in (1, 1000, 2000)] == [1, 1, 1]
        assert sum(backend.turns) == 2000
        assert max(backend.turns) <= 16


@pytest.mark.parametrize(
    ("frame", "cost"),
    [
        (control(MetricsRequest()), 16),
        (control(Ping(0, b"x")), inlet.CONTROL_COST),
        (encode(9, b"x", 0), 1),
    ],
)
async def test_others_have_turns_between(frame: bytes, cost: int) -> None:
    async with raw_peer() as (peer, one):
        await peer.answered()
        turns = 0

        def count() -> None:
            nonlocal turns
            turns += 1
            if one.inlet._next_turn is not None:
                loop.call_soon(count)

        loop = asyncio.get_running_loop()
        many = MESSAGE_MAX // len(frame)
        one.inlet.receive(frame * many)
        loop.call_soon(count)
        await until(lambda: one.inlet._next_turn is None, "the end of the message")

        assert turns >= many * cost // 256 - 1


@pytest.mark.parametrize("by_peer", [True, False])
async def test_data_arrives_before_the_end(by_peer: bool) -> None:
    got = bytearray()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            got.extend(data)

    sent = bytes(range(250)) * 12
    message = b"".join(encode(1, sent[at : at + 1], 0) for at in range(len(sent)))
    async with server(keep) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one):
        await opened(peer)
        peer.channel.send(message)
        if by_peer:
            peer.channel.close()
        else:
            await until(lambda: one.inlet._next_turn is not None, "the first turn")
            one.close(CloseReason.NORMAL)
        await until(lambda: len(got) == len(sent), "the data")
        assert got == sent


async def test_messages_keep_their_order() -> None:
    got = bytearray()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            got.extend(data)

    sent = bytes(range(256)) * 64
    async with server(keep) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        await opened(peer)
        frames = [encode(1, sent[at : at + 1], 0) for at in range(len(sent))]
        for at in range(0, len(frames), 3000):
            peer.channel.send(b"".join(frames[at : at + 3000]))
        await until(lambda: len(got) == len(sent), "the data")
        assert got == sent
