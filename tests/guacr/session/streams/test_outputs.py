"""Streams towards one user: in order, at the client's pace, and over when the client says so."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Callable

import pytest

from guacr.errors import (
    ClientTimeoutError,
    ClosedError,
    ForbiddenError,
    GuacrError,
    TooManyError,
)
from guacr.protocol.instruction import encode_blobs
from guacr.protocol.status import Status
from guacr.session.streams import outputs
from guacr.session.streams.outputs import (
    ACK_TIMEOUT,
    BLOBS_AT_ONCE,
    OUTPUTS_MAX,
    REASON_MAX,
    OutputStream,
)
from guacr.session.streams.window import WINDOW_MAX, WINDOW_MIN
from guacr.session.user import User
from tests.support.clock import SkippingClock
from tests.support.loopback import Bench, MemoryTransport, session_of, until

BLOB = 6048
DATA = bytes(range(256)) * 1000


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> SkippingClock:
    return SkippingClock(monkeypatch)


class Desk:
    """One user, and a file that is being sent to it."""

    def __init__(self, bench: Bench) -> None:
        self.transport: MemoryTransport
        self.user: User
        self.transport, self.user = bench.connect()
        self.stream = self.user.outputs.open_file("a.bin", "application/octet-stream")
        self.acked = 0

    def blobs(self, index: int | None = None) -> list[bytes]:
        wanted = str(self.stream.index if index is None else index)
        return [b64decode(data) for at, data in self.transport.all("blob") if at == wanted]

    @property
    def sent(self) -> int:
        """Blobs of the file so far."""
        index = str(self.stream.index)
        return sum(at == index for at, _ in self.transport.all("blob"))

    def ack(self, status: int = 0, message: str = "OK", index: int | None = None) -> None:
        self.acked += 1
        self.transport.send("ack", self.stream.index if index is None else index, message, status)

    def send(self, data: bytes) -> asyncio.Task[None]:
        async def whole() -> None:
            await self.stream.write(data)
            await self.stream.end()

        return asyncio.create_task(whole())

    async def take_all(self, task: asyncio.Task[None]) -> None:
        """Acknowledge each blob, as guacamole-common-js does."""

        def go_on() -> bool:
            if self.sent > self.acked - 1:
                self.ack()
            return task.done()

        await until(go_on)
        await task


async def settle() -> None:
    """Let tasks run until there is nothing more for them to do."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_file_arrives_whole_in_blobs(bench: Bench) -> None:
    desk = Desk(bench)
    task = desk.send(DATA)
    await settle()
    assert desk.transport.all("file") == [("0", "application/octet-stream", "a.bin")]
    assert desk.blobs() == [], "the client has not yet said that it takes it"
    desk.ack()
    await desk.take_all(task)
    assert b"".join(desk.blobs()) == DATA
    assert {len(blob) for blob in desk.blobs()[:-1]} == {BLOB}
    assert desk.transport.all("end")[-1] == ("0",)


async def test_no_more_is_sent_than_the_window_allows(bench: Bench) -> None:
    desk = Desk(bench)
    task = desk.send(bytes(BLOB * 3 * WINDOW_MAX))
    desk.ack()
    await settle()
    assert len(desk.blobs()) == WINDOW_MIN
    desk.ack()
    await settle()
    assert len(desk.blobs()) == WINDOW_MIN + 2, "in time: one for the one that left, and one more"
    for taken in range(2, 2 * WINDOW_MAX):
        desk.ack()
        await settle()
        assert desk.sent - taken <= WINDOW_MAX
    await desk.take_all(task)


async def test_the_end_waits_for_the_last_acknowledgement(bench: Bench) -> None:
    desk = Desk(bench)
    task = desk.send(b"short")
    desk.ack()
    await settle()
    assert ("0",) in desk.transport.all("end")
    assert not task.done()
    desk.ack()
    await task


async def test_an_empty_file_ends_once_it_is_taken(bench: Bench) -> None:
    desk = Desk(bench)
    task = desk.send(b"")
    await settle()
    assert ("0",) not in desk.transport.all("end")
    desk.ack()
    await task
    assert desk.transport.all("end")[-1] == ("0",)


@pytest.mark.parametrize("acks", [0, 1, 2])
async def test_a_client_may_refuse_at_any_time(bench: Bench, acks: int) -> None:
    desk = Desk(bench)
    task = desk.send(DATA)
    for _ in range(acks):
        desk.ack()
        await settle()
    desk.ack(int(Status.CLIENT_FORBIDDEN), "the disk is full" + "!" * 1000)
    with pytest.raises(ForbiddenError, match="the disk is full") as raised:
        await task
    assert raised.value.status == Status.CLIENT_FORBIDDEN
    assert len(str(raised.value)) < REASON_MAX + 60
    sent = len(desk.blobs())
    with pytest.raises(ForbiddenError):
        await desk.stream.write(b"more")
    assert len(desk.blobs()) == sent
    assert desk.transport.closed_with is None


async def test_a_status_that_is_none_of_the_protocols(bench: Bench) -> None:
    desk = Desk(bench)
    desk.ack(99_999, "")
    with pytest.raises(GuacrError, match="no reason given"):
        await desk.stream.write(b"x")


@pytest.mark.parametrize("acks", [0, 1])
async def test_a_client_that_leaves(bench: Bench, acks: int) -> None:
    desk = Desk(bench)
    task = desk.send(DATA)
    await settle()
    for _ in range(acks):
        desk.ack()
        await settle()
    desk.transport.send("disconnect")
    with pytest.raises(ClosedError, match="left"):
        await task
    with pytest.raises(ClosedError, match="left"):
        desk.user.outputs.open_file("late", "text/plain")


@pytest.mark.parametrize("acks", [0, 1])
async def test_a_client_that_never_acknowledges(
    bench: Bench, acks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "ACK_TIMEOUT", 0.05)
    desk = Desk(bench)
    task = desk.send(DATA)
    for _ in range(acks):
        desk.ack()
    with pytest.raises(ClientTimeoutError, match=r"0\.05 seconds"):
        await task
    assert len(desk.blobs()) == acks * WINDOW_MIN
    assert desk.transport.all("end")[-1] == ("0",)
    assert desk.transport.closed_with is None, "the session goes on"


async def test_after_a_standstill_what_came_is_read_first(
    bench: Bench, clock: SkippingClock
) -> None:
    desk = Desk(bench)
    task = desk.send(b"short")
    desk.ack()
    await settle()
    clock.skip(ACK_TIMEOUT + 2)
    asyncio.get_running_loop().call_later(0.02, desk.ack)
    await task
    assert ("0",) in desk.transport.all("end")


async def test_a_client_that_cannot_be_heard_is_not_late(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "ACK_TIMEOUT", 0.01)
    desk = Desk(bench)
    late = asyncio.Event()
    monkeypatch.setattr(OutputStream, "_late", counted(OutputStream._late, late))
    session_of(desk.user).context.pause_input()
    task = desk.send(b"data")
    await late.wait()
    assert not task.done()
    session_of(desk.user).context.resume_input()
    desk.ack()
    await desk.take_all(task)


def counted(
    function: Callable[[OutputStream], None], called: asyncio.Event
) -> Callable[[OutputStream], None]:
    """The function, which tells when it has been called."""

    def call(stream: OutputStream) -> None:
        function(stream)
        called.set()

    return call


async def test_frames_go_first(bench: Bench) -> None:
    desk = Desk(bench)
    task = desk.send(DATA)
    desk.transport.stalled = True
    desk.user.send(b"3.nop;")
    desk.ack()
    await settle()
    assert desk.transport.buffered == len(b"3.nop;"), "nothing is put behind what waits"
    desk.transport.drain()
    await desk.take_all(task)
    assert b"".join(desk.blobs()) == DATA


async def test_a_pipe_needs_no_acknowledgements(bench: Bench) -> None:
    desk = Desk(bench)
    pipe = desk.user.outputs.open_pipe("log", "text/plain")
    assert desk.transport.all("pipe") == [("2", "text/plain", "log")]
    await pipe.write(DATA)
    await pipe.end()
    assert b"".join(desk.blobs(2)) == DATA
    refused = desk.user.outputs.open_pipe("log", "text/plain")
    desk.ack(int(Status.UNSUPPORTED), "no pipes here", refused.index)
    with pytest.raises(GuacrError, match="no pipes here") as raised:
        await refused.write(b"x")
    assert raised.value.status == Status.UNSUPPORTED


async def test_a_pipe_waits_for_the_transport(bench: Bench) -> None:
    desk = Desk(bench)
    pipe = desk.user.outputs.open_pipe("log", "text/plain")
    desk.transport.stalled = True
    task = asyncio.create_task(pipe.write(DATA))
    await settle()
    assert desk.transport.buffered == len(encode_blobs(pipe.index, DATA[: BLOBS_AT_ONCE * BLOB]))
    desk.transport.drain()
    await task


async def test_bodies_name_their_object(bench: Bench) -> None:
    desk = Desk(bench)
    desk.user.outputs.open_body(7, "/a", "text/plain", file="/a")
    assert desk.transport.all("body") == [("7", "2", "text/plain", "/a")]


async def test_as_a_context_manager(bench: Bench) -> None:
    desk = Desk(bench)
    desk.ack()
    desk.ack()

    async def send_half() -> None:
        async with desk.stream as stream:
            await stream.write(b"data")
            raise ValueError("the file broke")

    with pytest.raises(ValueError, match="the file broke"):
        await send_half()
    assert desk.transport.all("end")[-1] == ("0",)
    ends = len(desk.transport.all("end"))
    desk.stream.abort()
    assert len(desk.transport.all("end")) == ends, "one end is enough"
    with pytest.raises(ClosedError, match="ended"):
        await desk.stream.write(b"more")


async def test_cancelling_the_end_frees_the_index(bench: Bench) -> None:
    desk = Desk(bench)
    task = asyncio.create_task(desk.stream.end())
    await settle()
    task.cancel()
    await asyncio.wait([task])
    assert desk.transport.all("end")[-1] == ("0",)
    with pytest.raises(ClosedError):
        await desk.stream.write(b"x")


async def test_streams_are_bounded_and_indices_come_again(bench: Bench) -> None:
    desk = Desk(bench)
    open_file = desk.user.outputs.open_file
    streams = [desk.stream, *(open_file("a", "text/plain") for _ in range(OUTPUTS_MAX - 1))]
    assert [stream.index for stream in streams] == list(range(0, 2 * OUTPUTS_MAX, 2))
    with pytest.raises(TooManyError, match=str(OUTPUTS_MAX)):
        open_file("a", "text/plain")
    streams[5].abort()
    assert open_file("a", "text/plain").index == 10


async def test_late_acknowledgements_are_not_taken_for_the_next_stream(bench: Bench) -> None:
    desk = Desk(bench)
    desk.stream.abort()
    assert desk.user.outputs.open_file("b", "text/plain").index == 2


async def test_acknowledgements_of_other_streams_are_ignored(bench: Bench) -> None:
    desk = Desk(bench)
    for index in ("1", "2", "-2", "1024", "99999999"):
        desk.transport.send("ack", index, "no", 768)
    assert desk.transport.closed_with is None
    desk.ack()
    await desk.take_all(desk.send(b"data"))
