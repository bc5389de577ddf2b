"""WebSockets: real ones, to a real server."""

import asyncio
import re
import socket
import threading
from collections.abc import AsyncIterator
from time import perf_counter
from typing import cast

import numpy as np
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from guacr.display.geometry import Rect
from guacr.errors import (
    BadRequestError,
    GuacrError,
    NotFoundError,
    OverrunError,
    SessionClosedError,
    UnauthorizedError,
    UpstreamTimeoutError,
)
from guacr.protocol.status import Status
from guacr.protocol.utf16 import in_code_points
from guacr.session.input.reader import Reader
from guacr.session.session import Session
from guacr.session.user import User
from guacr.transport import base, websocket
from guacr.transport.base import NoReceiver
from guacr.transport.websocket import CLOSE_CODES, WebSocketTransport
from guacr.turns import TURN
from tests.support.freed import freed
from tests.support.loopback import SketchHandler
from tests.support.rounds import Rounds
from tests.support.site import Site, Socket, running_site
from tests.support.waiting import until


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as running:
        yield running


def only_session(site: Site) -> Session:
    (session,) = site.bench.registry.sessions.values()
    return session


def only_user(site: Site) -> User:
    (user,) = only_session(site).users
    return user


def handler_of(site: Site) -> SketchHandler:
    return cast(SketchHandler, only_session(site).handler)


def transport_of(site: Site) -> WebSocketTransport:
    return cast(WebSocketTransport, only_user(site).link.transport)


async def opened(site: Site, query: str = "connection=sketch") -> Socket:
    client = await site.connect(query)
    await client.until("sync")
    return client


async def test_the_first_frame_is_the_tunnels_uuid(site: Site) -> None:
    client = await site.connect()
    assert client.socket.protocol == "guacamole"
    await client.next()
    assert re.fullmatch(r"0\.,36\.[0-9a-f-]{36};", client.frames[0])
    assert (await client.until("ready"))[0].startswith("$")


async def test_clients_that_offer_no_protocol_are_served(site: Site) -> None:
    client = await site.connect(protocols=[])
    assert client.socket.protocol is None
    await client.until("ready")


async def test_other_protocols_are_refused(site: Site) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await site.connect(protocols=["chat"])
    assert caught.value.status == 400
    client = await site.connect(protocols=["chat", "guacamole"])
    assert client.socket.protocol == "guacamole"


async def test_nothing_is_compressed(site: Site) -> None:
    client = await site.connect(compress=15)
    assert client.socket.compress == 0
    await client.until("sync")


async def test_tunnel_pings_are_echoed_at_once(site: Site) -> None:
    client = await opened(site)
    await client.send("", "ping", "1700000000000")
    assert await client.until("") == ("ping", "1700000000000")


async def test_each_frame_is_whole(site: Site) -> None:
    client = await opened(site)
    handler = handler_of(site)
    width, height = handler.surface.size
    rng = np.random.default_rng(1)
    for _ in range(5):
        noise = rng.integers(0, 255, (height, width, 4)).astype(np.uint8)
        handler.surface.blit(Rect(0, 0, width, height), noise)
        handler.session.changed()
        await client.send("sync", (await client.until("sync"))[0])
    assert max(len(frame) for frame in client.frames) > 1 << 16  # all three kinds of length
    assert all(frame.endswith(";") for frame in client.frames)


async def test_input_arrives(site: Site) -> None:
    client = await opened(site)
    await client.send("key", 65, 1)
    await until(lambda: ("key", 65, True) in handler_of(site).events, "the key")


async def test_a_title_with_emoji_has_the_same_length_for_everybody(site: Site) -> None:
    client = await opened(site)
    handler_of(site).session.set_name("done 🎉 Zoë")
    await client.until("name")
    assert client.frames[-1] == "4.name,10.done \ufffd Zoë;"


async def test_instructions_counted_in_utf16(site: Site) -> None:
    client = await opened(site)
    await client.socket.send_str("4.pipe,1.1,10.text/plain,2.🎉;")
    await until(lambda: handler_of(site).stream is not None, "the stream")
    stream = handler_of(site).stream
    assert stream is not None
    assert stream.name == "🎉"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFoundError("it is gone"), 1002),
        (UnauthorizedError("no"), 1008),
        (UpstreamTimeoutError("late"), 1011),
        (SessionClosedError("enough"), 1002),
        (OverrunError("too much"), 1009),
        (BadRequestError("wrong"), 1002),
        (GuacrError("a fault"), 1011),
    ],
)
async def test_code_and_reason_of_closing(site: Site, error: GuacrError, code: int) -> None:
    client = await opened(site)
    handler_of(site).fail(error)
    assert await client.closed() == (code, str(int(error.status)))
    assert client.all("error") == [(str(error), str(int(error.status)))]
    assert client.received[-1].opcode == "disconnect"


async def test_a_session_that_ends_closes_normally(site: Site) -> None:
    client = await opened(site)
    handler_of(site).end.set_result(None)
    assert await client.closed() == (1000, "0")
    assert client.all("error") == []


async def test_the_server_waits_for_the_answer_to_its_closing(site: Site) -> None:
    client = await opened(site)
    handler, transport = handler_of(site), transport_of(site)
    events = handler.events
    handler.end.set_result(None)
    await until(lambda: transport._closing is not None, "the closing")
    assert transport._closing is not None
    await transport._closing
    await client.send("key", 65, 1)
    connection = transport._request.transport
    assert connection is not None
    assert not connection.is_closing()
    assert not transport._ended
    assert await client.closed() == (1000, "0")
    await until(lambda: transport._ended, "the end")
    assert connection.is_closing()
    assert ("key", 65, True) not in events


def test_every_status_has_a_code() -> None:
    assert set(CLOSE_CODES) == set(Status)


async def test_a_client_that_leaves(site: Site) -> None:
    client = await opened(site)
    await client.socket.close()
    await until(lambda: not site.bench.registry.sessions, "the end of the session")


async def test_a_client_that_disconnects(site: Site) -> None:
    client = await opened(site)
    await client.send("disconnect")
    assert (await client.closed())[0] == 1000


async def test_a_client_that_vanishes(site: Site) -> None:
    client = await opened(site)
    transport = client.socket._response.connection.transport  # type: ignore[union-attr]
    assert transport is not None
    transport.abort()
    await until(lambda: not site.bench.registry.sessions, "the end of the session")


async def test_messages_beyond_the_limit(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async with running_site(websocket={"max_message": 32768}) as small:
        client = await opened(small)
        await client.socket.send_str("3.nop;" * 5461)  # 32,766 bytes
        await client.send("", "ping", "1")
        assert await client.until("") == ("ping", "1")
        await client.socket.send_str("3.nop;" * 5462)
        assert (await client.closed())[0] == 1009
    assert "closed the WebSocket of 127.0.0.1: its message is too large" in caplog.text


async def test_bytes_are_no_text(site: Site) -> None:
    client = await opened(site)
    await client.socket.send_bytes(b"3.nop;")
    assert await client.closed() == (1003, "783")


async def test_what_is_no_protocol(site: Site) -> None:
    client = await opened(site)
    await client.socket.send_str("GET / HTTP/1.1")
    assert await client.closed() == (1002, "768")


async def test_requests_that_are_no_websocket(site: Site) -> None:
    async with site.http.get(f"{site.origin}/websocket?connection=sketch") as response:
        assert response.status == 400


async def test_buffered_frames_leave_others_their_turn(site: Site) -> None:
    client = await opened(site)
    transport = transport_of(site)
    reader = transport.receiver
    seen: list[int] = []

    class Busy(NoReceiver):
        """Needs twice a turn for a frame."""

        def data_received(self, data: bytes) -> None:
            seen.append(rounds.count)
            end = perf_counter() + 2 * TURN
            while perf_counter() < end:
                pass

    transport.receiver = Busy()
    with Rounds() as rounds:
        for _ in range(8):
            await client.send("nop")
        await until(lambda: len(seen) == 8, "all frames")
    transport.receiver = reader
    assert len(set(seen)) == 8


async def test_long_messages_are_converted_on_a_thread(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await opened(site)
    threads: list[threading.Thread] = []

    def noted(data: bytes) -> bytes:
        threads.append(threading.current_thread())
        return in_code_points(data)

    monkeypatch.setattr(websocket, "in_code_points", noted)
    await client.socket.send_str("4.name,2.😀;" * 1000 + "3.key,2.65,1.1;")
    await client.socket.send_str("4.name,2.😀;3.key,2.66,1.1;")
    await until(lambda: ("key", 66, True) in handler_of(site).events, "both keys")
    keys = [event for event in handler_of(site).events if event[0] == "key"]
    assert keys == [("key", 65, True), ("key", 66, True)]
    assert [thread is threading.main_thread() for thread in threads] == [False, True]


async def test_a_session_that_ends_while_a_message_is_converted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await opened(site)
    session, begun, goes_on = only_session(site), threading.Event(), threading.Event()

    def slow(data: bytes) -> bytes:
        begun.set()
        goes_on.wait(10)
        return data

    monkeypatch.setattr(websocket, "in_code_points", slow)
    await client.socket.send_str("é" * 5000)
    await until(begun.is_set, "the message")
    session.close()
    goes_on.set()
    assert await client.closed() == (1000, "0"), "what is no protocol has not been parsed"


async def test_reading_can_be_paused(site: Site) -> None:
    client = await opened(site)
    handler = handler_of(site)
    handler.session.pause_input()
    await client.send("key", 65, 1)
    only_session(site).users.send(b"4.name,1.x;")
    await client.until("name")
    assert ("key", 65, True) not in handler.events
    handler.session.resume_input()
    await until(lambda: ("key", 65, True) in handler.events, "the key")


async def test_a_paused_session_can_be_closed(site: Site) -> None:
    client = await opened(site)
    session = only_session(site)
    session.context.pause_input()
    session.close()
    assert await client.closed() == (1000, "0")


@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_leaves_a_paused_session(site: Site, politely: bool) -> None:
    client = await opened(site)
    session = only_session(site)
    transport = transport_of(site)
    session.context.pause_input()
    await client.send("key", 65, 1)
    if politely:
        await client.socket.close()
    else:
        client.socket._response.connection.transport.abort()  # type: ignore[union-attr]
    await until(lambda: transport._request.transport is None, "the end of the connection")
    session.users.send(b"3.nop;")
    await until(lambda: session.closed, "the end of the session")


async def test_a_client_that_is_gone_before_its_ping_is_answered(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = await opened(site)
    transport = transport_of(site)
    only_session(site).context.pause_input()
    await client.send("nop")
    await client.socket.ping(b"hello")
    reader = transport._response._reader
    assert reader is not None
    await until(lambda: bool(reader._buffer), "the ping")
    transport.abort()
    await until(lambda: not site.bench.registry.sessions, "the end of the session")
    await until(lambda: transport._ended, "the end")
    assert not any(record.exc_info for record in caplog.records)


FLOOD = (b"4.name,5000." + b"x" * 5000 + b";") * 20


async def flooded(site: Site) -> tuple[Socket, WebSocketTransport]:
    """A client that takes nothing, whose system's buffers are full."""
    client = await opened(site)
    transport = transport_of(site)
    client.socket._response.connection.transport.pause_reading()  # type: ignore[union-attr]
    for _ in range(400):
        if transport.buffered:
            break
        transport.write(FLOOD)
        await asyncio.sleep(0)
    assert transport.buffered
    return client, transport


async def test_writing_to_a_slow_reader_never_waits_and_is_counted(site: Site) -> None:
    _, transport = await flooded(site)
    before = transport.buffered
    transport.write(b"3.nop;" * 1000)
    assert transport.buffered == before + 4 + 6000


async def test_a_slow_reader_that_recovers_is_told_of(site: Site) -> None:
    client, transport = await flooded(site)
    drained = asyncio.Event()
    reader = cast(Reader, transport.receiver)
    own = reader.drained
    Reader.drained, keep = lambda self: drained.set(), Reader.drained  # type: ignore[method-assign]
    try:
        client.socket._response.connection.transport.resume_reading()  # type: ignore[union-attr]
        reading = asyncio.create_task(client.closed())
        async with asyncio.timeout(10):
            await drained.wait()
    finally:
        Reader.drained = keep  # type: ignore[method-assign]
    assert transport.buffered == 0
    own()
    only_session(site).close()
    assert (await reading)[0] == 1000


async def test_a_stuck_reader_is_dropped_within_the_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.transport.websocket.CLOSE_TIMEOUT", 0.2)
    _, transport = await flooded(site)
    session = only_session(site)
    session.close()
    await until(lambda: transport._ended, "the end", timeout=3)
    assert transport.buffered == 0
    transport.write(b"3.nop;")  # nothing happens any more
    transport.close()
    transport.abort()


async def test_a_stuck_reader_that_closes_is_closed_within_the_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.transport.websocket.CLOSE_TIMEOUT", 0.2)
    client, transport = await flooded(site)
    connection = transport._request.transport
    assert connection is not None
    sock = connection.get_extra_info("socket")
    await client.socket._writer.close()
    await until(lambda: sock.fileno() < 0, "the end of the connection")


async def test_closing_twice_is_harmless(site: Site) -> None:
    client = await opened(site)
    transport = transport_of(site)
    transport.close(Status.SESSION_CLOSED)
    transport.close(Status.SUCCESS)
    assert await client.closed() == (1002, "523")


async def test_nothing_is_left_behind(site: Site) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(20):
        client = await opened(site)
        await client.send("disconnect")
        await client.closed()
    await until(lambda: len(asyncio.all_tasks()) <= before + 2, "the end of all tasks")
    assert not site.bench.registry.sessions


@pytest.mark.parametrize("end", ["disconnects", "closes", "vanishes", "is dropped"])
async def test_a_session_leaves_memory_at_once(site: Site, end: str) -> None:
    async with freed(site.bench.registry):
        client = await opened(site)
        if end == "disconnects":
            await client.send("disconnect")
            await client.closed()
        elif end == "closes":
            await client.socket.close()
        elif end == "is dropped":
            transport_of(site).abort()
            await client.closed()
        else:
            connection = client.socket._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.abort()
        del client


async def test_pages_of_other_origins_are_refused(site: Site) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await site.connect(origin="https://evil.example")
    assert caught.value.status == 403
    await opened(site)
    client = await site.connect(origin=site.origin)
    await client.until("ready")


async def test_a_socket_that_never_speaks_http_is_no_session(site: Site) -> None:
    port = int(site.origin.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert not site.bench.registry.sessions


def test_the_time_to_close_is_bounded() -> None:
    assert 0 < base.CLOSE_TIMEOUT <= 10


async def test_control_frames_are_answered(site: Site) -> None:
    client = await site.connect(autoping=False)
    await client.until("sync")
    await client.socket.ping(b"hello")
    message = await client.socket.receive(timeout=5)
    assert (message.type, bytes(message.data)) == (WSMsgType.PONG, b"hello")
