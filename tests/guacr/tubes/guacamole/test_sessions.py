"""Connections to sessions of a daemon in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from guacr.daemon import Daemon
from guacr.display.geometry import Rect
from guacr.errors import UpstreamError
from guacr.protocol.instruction import encode
from guacr.protocol.status import Status
from guacr.session.link import Hold
from guacr.session.session import Session
from guacr.settings.models import DisplaySettings, ServerSettings, SessionSettings
from guacr.testing.canvas import Canvas
from guacr.testing.client import GuacClient
from guacr.testing.daemon import LOCAL, local_settings, running_daemon
from guacr.transport.base import NoReceiver
from guacr.tubes.connections.connection import Connection
from guacr.tubes.conversation import Conversation
from guacr.tubes.events import ConversationClosed, Event, GuacdInstruction
from guacr.tubes.guacamole.connect import Request
from guacr.tubes.guacamole.connect_as import ConnectAs
from guacr.tubes.guacamole.opener import Opener
from guacr.tubes.guacamole.session_transport import RECEIVED_MAX, SessionTransport
from guacr.tubes.guacamole.sessions import DaemonBackend, SessionConnection
from guacr.tubes.outlet import LOW_WATER
from guacr.tubes.reasons import CloseReason
from guacr.tubes.settings import ConnectAsSettings
from guacr.tubes.wire.control import (
    CloseConnection,
    ConnectionOpened,
    OpenConnection,
    SendEof,
    Window,
)
from handlers.ssh import SshHandler
from handlers.testcard import TestcardHandler as CardHandler
from tests.support.connect_as import Gateway
from tests.support.conversations import RawPeer, raw_peer, talk
from tests.support.loopback import SketchHandler
from tests.support.openssh import openssh_server, sshd
from tests.support.waiting import until

OPENED = ConnectionOpened(1)
PNG = local_settings(display=DisplaySettings(image_format="png"))
Events = list[Event]


def backend(
    daemon: Daemon,
    parameters: Mapping[str, str] | None = None,
    *,
    protocol: str = "sketch",
    events: Events | None = None,
    connect_as: ConnectAs | None = None,
) -> DaemonBackend:
    tell = (Events() if events is None else events).append
    opener = Opener(Request(protocol, parameters or {}), tell, connect_as)
    return DaemonBackend(daemon.registry, opener)


@asynccontextmanager
async def opened(
    daemon: Daemon, parameters: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[RawPeer, Session]]:
    """A peer with a session."""
    async with raw_peer(backend(daemon, parameters)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(peer.received(OPENED), "the open")
        session = list(daemon.registry.sessions.values())[-1]
        await until(lambda: session.begun, "the handler")
        yield peer, session


async def closed(peer: RawPeer) -> CloseConnection:
    """The only message that closes connection 1."""
    await until(lambda: peer.closes(1), "the close")
    await until(lambda: peer.closes(0), "the end of the conversation")
    (one,) = peer.closes(1)
    return one


def handler_of(session: Session) -> SketchHandler:
    assert isinstance(session.handler, SketchHandler)
    return session.handler


def _connection(session: Session) -> SessionConnection:
    (user,) = session.users
    assert isinstance(user.link.transport, SessionTransport)
    peer = user.link.transport._peer
    assert isinstance(peer, SessionConnection)
    return peer


# ---- opening


async def test_a_session() -> None:
    async with running_daemon(SketchHandler) as daemon:
        given = {
            "Host_Name": "h",
            "level": "7",
            "width": "300",
            "height": "200",
            "image": "a,b",
        }
        async with opened(daemon, given) as (peer, session):
            await until(lambda: b"4.sync," in peer.data.get(1, b""), "a frame")
            assert b"5.ready" not in peer.data[1]
            handler = handler_of(session)
            assert (handler.params.value("hostname"), handler.params.value("level")) == ("h", "7")
            assert handler.surface.size == (300, 200)
            (user,) = session.users
            assert user.image_types == {"a", "b"}
            assert user.link.peer == "tube the label"
            peer.send_frame(1, encode("key", 65, 1) + b"3.ke")
            peer.send_frame(1, b"y,2.65,1.0;")
            await until(lambda: ("key", 65, False) in handler.events, "the key")
            opens = [OPENED.encode() in message for message in peer.messages].index(True)
            data = [message[:4] == b"\0\0\0\1" for message in peer.messages].index(True)
            assert opens < data


@pytest.mark.parametrize(
    ("protocol", "parameters", "text"),
    [
        ("sketch", {"connectionid": "$none"}, "unknown connection"),
        ("sketch", {"level": "x"}, "level"),
        ("sketch", {"width": "99999"}, "size"),
        ("unknown", {}, "unknown"),
    ],
)
async def test_refusals(protocol: str, parameters: dict[str, str], text: str) -> None:
    async with running_daemon(SketchHandler) as daemon:
        serving = backend(daemon, parameters, protocol=protocol)
        async with raw_peer(serving) as (peer, conversation):
            peer.send(OpenConnection(1))
            await until(lambda: peer.closes(1), "the refusal")
            await peer.answered()
            (close,) = peer.closes(1)
            assert close.reason is CloseReason.GUACD_ERROR
            assert close.text.startswith("Guacd sent error 'error' (")
            assert text in close.text
            assert not daemon.registry.sessions
            assert not conversation.is_closed


async def test_joins() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (_, session):
        for read_only, keys in (("true", 0), ("false", 1)):
            given = {"connectionid": session.id, "readonly": read_only}
            async with opened(daemon, given) as (viewer, _):
                await until(lambda: b"4.sync," in viewer.data.get(1, b""), "a frame")
                viewer.send_frame(1, encode("key", 65, 1))
                await viewer.answered()
                assert handler_of(session).events.count(("key", 65, True)) == keys
            await until(lambda: len(session.users) == 1, "the viewer's end")
        assert not session.closed


async def test_supplied_credentials() -> None:
    gateway = Gateway()
    settings = ConnectAsSettings(True, True, gateway.pem)
    async with running_daemon(SketchHandler) as daemon:
        serving = backend(daemon, {"password": "ours"}, connect_as=ConnectAs(settings))
        async with raw_peer(serving) as (peer, _):
            block = gateway.block({"user": {"password": "s3cret"}, "host": "there"})
            for number, body in ((1, block), (2, b"")):
                peer.send(OpenConnection(number, body))
                await until(peer.received(ConnectionOpened(number)), "the open")
            found = [
                (one.handler.params.value("password"), one.handler.params.value("hostname"))
                for one in daemon.registry.sessions.values()
            ]
            assert found == [("s3cret", "there")] * 2
            peer.send(OpenConnection(3, block[:-1]))
            await until(lambda: peer.closes(3), "the refusal")
            assert peer.closes(3)[0].reason is CloseReason.DECRYPTION_FAILED
            assert len(daemon.registry.sessions) == 2


# ---- the ends


async def test_the_peer_closes() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        peer.send(CloseConnection(1, CloseReason.CLIENT))
        await until(lambda: session.closed, "the session's end")
        await until(lambda: any(isinstance(e, ConversationClosed) for e in peer.events), "the end")
        assert peer.closes(1) == []


@pytest.mark.parametrize("how", [SendEof(1), CloseConnection(0, CloseReason.ADMIN_CLOSED)])
async def test_the_peer_ends(how: SendEof | CloseConnection) -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        peer.send(how)
        await until(lambda: session.closed, "the session's end")
        if isinstance(how, SendEof):
            assert await closed(peer) == CloseConnection(1, CloseReason.NORMAL)


async def test_the_peer_vanishes() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        peer.channel.close()
        await until(lambda: session.closed, "the session's end")


async def test_the_session_ends() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        handler_of(session).end.set_result(None)
        assert await closed(peer) == CloseConnection(1, CloseReason.NORMAL, "Guacd disconnect")
        assert peer.data[1].endswith(encode("disconnect"))


async def test_the_session_fails() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        handler_of(session).fail(UpstreamError("the host has gone"))
        assert await closed(peer) == CloseConnection(1, CloseReason.NORMAL)
        assert peer.data[1].endswith(encode("error", "the host has gone", 515))


async def test_a_peer_that_violates_the_protocol() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        peer.send_frame(1, b"garbage;")
        assert await closed(peer) == CloseConnection(1, CloseReason.NORMAL)
        assert b"5.error," in peer.data[1]
        await until(lambda: session.closed, "the session's end")


async def test_the_daemon_ends() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, _):
        await daemon.registry.close()
        assert (await closed(peer)).reason is CloseReason.NORMAL
        assert b"shutting down" in peer.data[1]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda transport: transport.close(), CloseReason.NORMAL),
        (lambda transport: transport.close(Status.SERVER_BUSY), CloseReason.SERVER_REFUSE),
        (lambda transport: transport.close(Status.RESOURCE_CLOSED), CloseReason.GUACD_ERROR),
        (lambda transport: transport.abort(), CloseReason.TIMEOUT),
    ],
)
@pytest.mark.parametrize("is_early", [True, False])
async def test_the_statuses_of_a_transport_that_is_closed(
    end: Callable[[SessionTransport], None], reason: CloseReason, is_early: bool
) -> None:
    lost = []

    class Receiving(NoReceiver):
        def connection_lost(self) -> None:
            lost.append(True)

    class Early:
        async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
            connection = SessionConnection(conversation, number)
            opener = Opener(Request("sketch"), Events().append)
            connection.stream = opener.stream(connection)
            transport = connection.transport
            transport.receiver = Receiving()
            transport.write(encode("nop"))
            if is_early:
                end(transport)
            else:
                asyncio.get_running_loop().call_later(0.01, end, transport)
            return connection

    async with raw_peer(Early()) as (peer, _):
        peer.send(OpenConnection(1))
        assert await closed(peer) == CloseConnection(1, reason)
        assert peer.data[1] == encode("nop")
        await until(lambda: lost, "the receiver's end")
        assert lost == [True]


# ---- pace


async def test_the_session_is_told_when_all_is_sent() -> None:
    buffered = list[int]()
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        connection = _connection(session)
        transport, outlet = connection.transport, connection.conversation.outlet

        class Receiving(NoReceiver):
            def drained(self) -> None:
                buffered.append(transport.buffered)

        peer.channel.pause_reading()
        while transport.buffered < LOW_WATER // 2:
            transport.write(encode("name", "x" * 5000))
            await asyncio.sleep(0)
        transport.receiver = Receiving()
        assert transport.buffered == outlet.buffered < LOW_WATER
        peer.channel.resume_reading()
        await until(lambda: buffered, "the call")
        assert buffered == [0]
        session.close()


async def test_a_session_sends_no_more_than_its_peer_grants() -> None:
    buffered, name = list[int](), encode("name", "x" * 5000)
    connections = list[SessionConnection]()

    class Receiving(NoReceiver):
        def drained(self) -> None:
            buffered.append(connections[0].transport.buffered)

    class Opening:
        async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
            connection = SessionConnection(conversation, number)
            connection.stream = Opener(Request("sketch"), Events().append).stream(connection)
            connection.transport.receiver = Receiving()
            connections.append(connection)
            return connection

    async with raw_peer(Opening()) as (peer, _):
        peer.send(Window(0, 20_000), OpenConnection(1))
        await until(peer.received(OPENED), "the open")
        await peer.answered()
        buffered.clear()
        transport = connections[0].transport
        for _ in range(10):
            transport.write(name)
        await peer.answered()
        assert peer.data[1] == 4 * name
        assert transport.buffered == 6 * len(name)
        peer.send(Window(1, 4 * len(name) + 1), Window(1, 4 * len(name)))
        await until(lambda: peer.data[1] == 5 * name, "another one")
        peer.send(Window(1, 9 * len(name)))
        await until(lambda: peer.data[1] == 9 * name, "more")
        await peer.answered()
        assert not buffered
        peer.send(Window(1, 10 * len(name)))
        await until(lambda: buffered, "the call")
        assert buffered == [0]

        transport.write(name)
        transport.close()
        await closed(peer)
        assert peer.data[1] == 11 * name  # the last words are not lost


async def test_a_session_that_does_not_read_stops_the_peer() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        (user,) = session.users
        connection = _connection(session)
        user.link.hold(Hold.HOST)
        ignored = encode("ignored", "x" * 8000) * 4
        for _ in range(500):
            peer.send_frame(1, ignored)
        peer.send_frame(1, encode("key", 65, 1))
        await until(lambda: connection.conversation._channel._paused, "the pause")
        assert RECEIVED_MAX < connection.backlog() < RECEIVED_MAX + 2 * len(ignored)
        assert peer.channel.buffered
        user.link.release(Hold.HOST)
        await until(lambda: ("key", 65, True) in handler_of(session).events, "the key")
        assert connection.backlog() == 0
        assert connection.inflow.size == 0


async def test_input_waits_until_the_session_reads() -> None:
    async with running_daemon(SketchHandler) as daemon, opened(daemon) as (peer, session):
        (user,) = session.users
        user.link.hold(Hold.HOST)
        peer.send_frame(1, encode("key", 65, 1))
        peer.send_frame(1, b"")
        await peer.answered()
        events = handler_of(session).events
        assert ("key", 65, True) not in events
        user.link.release(Hold.HOST)
        assert ("key", 65, True) not in events
        await until(lambda: ("key", 65, True) in events, "the key")


async def test_a_slow_peer_gets_fewer_frames_and_then_the_last() -> None:
    settings = local_settings(
        server=ServerSettings(hosts=LOCAL, port=0, client_timeout=120.0),
        session=SessionSettings(send_high_water=64 * 1024, stuck_timeout=120.0),
        display=DisplaySettings(image_format="png"),
    )
    chance = np.random.default_rng(1)
    async with (
        running_daemon(SketchHandler, settings=settings) as daemon,
        opened(daemon, {"width": "400", "height": "300", "image": "image/png"}) as (peer, session),
    ):
        handler, outlet = handler_of(session), _connection(session).conversation.outlet
        peer.channel.pause_reading()
        most = still = 0
        while still < 25:  # the window takes some megabytes
            before = outlet.buffered
            picture = chance.integers(0, 255, (300, 400, 4), dtype=np.uint8)
            handler.surface.blit(Rect(0, 0, 400, 300), picture)
            session.context.changed()
            await asyncio.sleep(0.02)
            most = max(most, outlet.buffered)
            still = still + 1 if 0 < outlet.buffered == before else 0
        assert most < 2 * 1024 * 1024
        peer.channel.resume_reading()
        canvas, fed = Canvas(), 0
        while not np.array_equal(canvas.flatten()[..., :3], picture[..., 2::-1]):
            await until(lambda: len(peer.data[1]) > fed, "more")  # noqa: B023
            new = peer.data[1][fed:]
            fed += len(new)
            canvas.feed(new)
            peer.send_frame(1, encode("sync", canvas_time(peer.data[1])))


def canvas_time(stream: bytes) -> str:
    """The time of the last whole `sync`."""
    return stream[stream.rindex(b"4.sync,") :].split(b".")[2].split(b",")[0].decode()


# ---- the picture


async def test_the_picture_is_exact() -> None:
    chance = np.random.default_rng(1)
    async with (
        running_daemon(SketchHandler, settings=PNG) as daemon,
        talk(backend(daemon)) as one,
        GuacClient(*await one.connect()) as client,
    ):
        await client.wait(lambda: client.state.syncs, "a frame")
        (session,) = daemon.registry.sessions.values()
        surface = handler_of(session).surface
        for size in (10, 100, 700):
            part = chance.integers(0, 255, (size, size, 4), dtype=np.uint8)
            surface.blit(Rect(3, 5, size, size), part)
            session.context.changed()
            await until(
                lambda: np.array_equal(
                    client.canvas.flatten()[5 : 5 + size, 3 : 3 + size, :3],  # noqa: B023
                    part[..., 2::-1],  # noqa: B023
                ),
                "the picture",
            )


async def test_the_test_card() -> None:
    events: Events = []
    async with running_daemon(CardHandler) as daemon:
        given = {"noise": "false", "width": "640", "height": "480"}
        serving = backend(daemon, given, protocol="testcard", events=events)
        async with talk(serving) as one, GuacClient(*await one.connect()) as client:
            await client.wait(lambda: client.state.syncs > 10, "frames")
            assert client.canvas.size == (640, 480)
            assert GuacdInstruction("the label", 1, "4.size,1.0,3.640,3.480;") in events


@pytest.mark.skipif(sshd() is None, reason="sshd is not installed")
async def test_ssh() -> None:
    with openssh_server() as server:
        async with running_daemon(SshHandler) as daemon:
            given = {**server.address, "username": server.user, "password": server.password}
            serving = backend(daemon, given, protocol="ssh")
            async with talk(serving) as one, GuacClient(*await one.connect()) as client:
                await client.wait(lambda: client.state.syncs > 1, "frames")
                client.type("printf '\\033]2;it %s\\007' works\n")
                await client.wait(lambda: client.state.name == "it works", "the title")
                client.type("exit\n")
                await client.wait(lambda: client.state.disconnect, "the end")


# ---- nothing is left


def files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_nothing_is_left() -> None:
    async with (
        running_daemon(SketchHandler) as daemon,
        raw_peer(backend(daemon)) as (peer, conversation),
    ):
        peer.send(OpenConnection(1))
        await until(peer.received(OPENED), "the open")
        tasks, before = len(asyncio.all_tasks()), files()
        for number in range(2, 52):
            peer.send(OpenConnection(number))
            await until(peer.received(ConnectionOpened(number)), "the open")
            peer.send(CloseConnection(number) if number % 2 else SendEof(number))
        await until(lambda: len(conversation.table.alive) == 1, "the ends")
        await until(lambda: len(daemon.registry.sessions) == 1, "the sessions' ends")
        await until(lambda: len(asyncio.all_tasks()) <= tasks + 1, "no task more")
        assert files() <= before
