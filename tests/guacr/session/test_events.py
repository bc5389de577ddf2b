"""The events that subscribers of sessions receive."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from guacr.errors import UpstreamError
from guacr.protocol.client import ClientInfo
from guacr.protocol.status import Status
from guacr.session.events import (
    Event,
    Events,
    SessionClosed,
    SessionOpened,
    Subscription,
    TransferEnded,
    UserJoined,
    UserLeft,
)
from guacr.session.streams.inputs import InputStream
from guacr.session.target import Target
from guacr.session.user import User
from tests.support.loopback import Bench, SketchHandler, frame, session_of, sketch, until

BROKEN_OFF = "the stream has ended before it was complete"


class Receiver(SketchHandler):
    """Takes files."""

    def open_stream(self, user: User, stream: InputStream) -> None:
        user.transfers.receive(stream, self._take)

    async def _take(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            if piece == b"bad":
                raise UpstreamError("the disk is full")


def pending(subscription: Subscription) -> list[Event]:
    """Those that wait; none does afterwards."""
    events = list(subscription._pending)
    subscription._pending.clear()
    return events


async def test_a_session_from_its_opening_to_its_end() -> None:
    bench = Bench()
    events = bench.registry.events.subscribe()
    info = ClientInfo(width=9, height=9, name="Ann")
    transport, owner = bench.connect(info=info, hostname="example.com")
    _, joiner = bench.connect(session_of(owner).id)
    session = session_of(owner)
    target = Target("example.com")
    assert pending(events) == [
        SessionOpened(session.id, "sketch", target, ""),
        UserJoined(session.id, owner.id, "Ann", "memory", owner=True),
        UserJoined(session.id, joiner.id, "somebody", "memory", owner=False),
    ]
    await frame(transport)
    session.detach(joiner)
    (left,) = pending(events)
    assert left == UserLeft(session.id, joiner.id, joiner.link.traffic, Status.SUCCESS, "")
    sketch(owner).fail(UpstreamError("the host is gone"))
    await until(lambda: session.closed)
    gone, closed = pending(events)
    told = (Status.UPSTREAM_ERROR, "the host is gone")
    assert gone == UserLeft(session.id, owner.id, owner.link.traffic, *told)
    assert isinstance(closed, SessionClosed)
    assert closed == SessionClosed(
        session.id, "sketch", target, closed.seconds, session.traffic, *told
    )
    assert session.traffic == joiner.link.traffic + owner.link.traffic
    await bench.close()


async def test_files_to_a_user() -> None:
    bench = Bench()
    events = bench.registry.events.subscribe()
    transport, user = bench.connect()
    pending(events)
    session = session_of(user).id

    async def send(name: str) -> None:
        async with user.outputs.open_file(name, "text/plain") as stream:
            transport.send("ack", stream.index, "OK", 0)
            await stream.write(b"12345")
            if name == "broken":
                raise UpstreamError("it cannot be read")
            transport.send("ack", stream.index, "OK", 0)

    await send("whole")
    with pytest.raises(UpstreamError):
        await send("broken")
    pipe = user.outputs.open_pipe("pipe", "text/plain")
    await pipe.end()
    refused = user.outputs.open_file("refused", "text/plain")
    transport.send("ack", refused.index, "no room", Status.CLIENT_OVERRUN)
    left = user.outputs.open_file("left", "text/plain")
    assert left.is_open
    session_of(user).detach(user)
    ended = [event for event in pending(events) if isinstance(event, TransferEnded)]
    assert ended == [
        TransferEnded(session, user.id, "whole", 5, incoming=False, error=""),
        TransferEnded(session, user.id, "broken", 5, incoming=False, error=BROKEN_OFF),
        TransferEnded(
            session,
            user.id,
            "refused",
            0,
            incoming=False,
            error="the client stopped the transfer: no room",
        ),
        TransferEnded(session, user.id, "left", 0, incoming=False, error="the client has left"),
    ]
    await bench.close()


async def test_files_from_a_user() -> None:
    bench = Bench(handler=Receiver)
    events = bench.registry.events.subscribe()
    transport, user = bench.connect()
    pending(events)
    for index, blob in enumerate(("AAAA", "YmFk")):
        transport.send("file", index, "text/plain", f"{index}.txt")
        transport.send("blob", index, blob)
        transport.send("end", index)
    transport.send("file", 5, "text/plain", "left.txt")
    await until(lambda: sum(isinstance(one, TransferEnded) for one in events._pending) == 2)
    await asyncio.sleep(0)
    session_of(user).detach(user)
    await bench.close()
    session = session_of(user).id
    ended = [event for event in pending(events) if isinstance(event, TransferEnded)]
    assert ended == [
        TransferEnded(session, user.id, "0.txt", 3, incoming=True, error=""),
        TransferEnded(session, user.id, "1.txt", 3, incoming=True, error="the disk is full"),
        TransferEnded(session, user.id, "left.txt", 0, incoming=True, error="the client has left"),
    ]


async def test_a_subscriber_that_falls_behind_misses_the_oldest() -> None:
    events = Events()
    left = [UserJoined("s", str(number), "", "", owner=False) for number in range(5)]
    with events.subscribe(3) as slow, events.subscribe() as quick:
        for event in left:
            events.publish(event)
        assert [await anext(slow) for _ in range(3)] == left[2:]
        assert [await anext(quick) for _ in range(5)] == left
        assert (slow.missed, quick.missed) == (2, 0)
        waiting = asyncio.create_task(anext(aiter(slow)))
        await asyncio.sleep(0)
        events.publish(left[0])
        assert await waiting == left[0]
    events.publish(left[1])
    assert not pending(slow)
