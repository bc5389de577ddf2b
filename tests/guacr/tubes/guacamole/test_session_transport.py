"""The transport alone: the order of calls, and what is counted."""

from __future__ import annotations

import asyncio

from guacr.policy.client import NOBODY
from guacr.protocol.status import Status
from guacr.transport.base import NO_RECEIVER, NoReceiver
from guacr.tubes.guacamole.session_transport import SessionTransport


class Calls:
    """A peer that keeps what it is called with."""

    name = "a peer"
    client = NOBODY
    buffered = 7

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.transport = SessionTransport(self)

    def send(self, data: bytes) -> None:
        self.calls.append(data)

    def end(self, status: Status) -> None:
        self.calls.append(status)
        self.transport.closed()

    def hold(self) -> None:
        self.calls.append("hold")

    def let_go(self) -> None:
        self.calls.append("let go")

    def left(self) -> None:
        self.calls.append("left")


class Session(NoReceiver):
    """A receiver that reads one piece at a time."""

    def __init__(self, transport: SessionTransport) -> None:
        self.received: list[bytes] = []
        self.lost = 0
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.received.append(data)
        self._transport.pause_reading()

    def connection_lost(self) -> None:
        self.lost += 1


async def turn() -> None:
    """Let what was scheduled happen."""
    await asyncio.sleep(0)


async def test_a_pause_holds_even_while_pieces_wait() -> None:
    peer = Calls()
    transport = peer.transport
    session = transport.receiver = Session(transport)
    for piece in (b"a", b"b", b"c"):
        transport.received(piece)
    assert session.received == []
    sizes = [transport.waiting]
    for count in (1, 2, 3):
        transport.resume_reading()
        assert len(session.received) == count - 1
        await turn()
        assert len(session.received) == count
        sizes.append(transport.waiting)
    assert b"".join(session.received) == b"abc"
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4
    assert sizes[-1] == 0
    assert peer.calls == ["let go"]
    transport.resume_reading()
    transport.received(b"d")
    assert session.received[-1] == b"d"


async def test_the_end_is_told_once_and_later() -> None:
    peer = Calls()
    transport = peer.transport
    session = transport.receiver = Session(transport)
    assert transport.buffered == 7
    transport.write(b"3.nop;")
    transport.close(Status.SERVER_BUSY)
    transport.close()
    transport.abort()
    transport.write(b"4.late;")
    assert session.lost == 0
    await turn()
    assert session.lost == 1
    assert peer.calls == [b"3.nop;", Status.SERVER_BUSY, "left"]
    assert transport.receiver is NO_RECEIVER
    assert transport.buffered == 0
    transport.received(b"late")
    transport.closed()
    await turn()
    assert session.lost == 1
    assert session.received == []
