"""Connections to a guacd, which is guacr's own daemon or does what a test tells it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from guacr.protocol.instruction import encode
from guacr.session.session import Session
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, running_daemon
from guacr.tubes import outlet
from guacr.tubes.backlog import Backlog, BacklogLimits
from guacr.tubes.connections import tcp
from guacr.tubes.events import ConnectionEnded, ConversationClosed, Event, GuacdInstruction
from guacr.tubes.guacamole import guacd as module
from guacr.tubes.guacamole.connect import Request
from guacr.tubes.guacamole.connect_as import ConnectAs
from guacr.tubes.guacamole.guacd import GuacdBackend
from guacr.tubes.guacamole.opener import Opener
from guacr.tubes.reasons import CloseReason
from guacr.tubes.settings import ConnectAsSettings
from guacr.tubes.wire.control import CloseConnection, ConnectionOpened, OpenConnection, SendEof
from tests.support.connect_as import Gateway
from tests.support.conversations import RawPeer, raw_peer, talk
from tests.support.loopback import SketchHandler
from tests.support.scripted_guacd import GuacdClient, scripted_guacd
from tests.support.waiting import free_port, until

OPENED = ConnectionOpened(1)
LOST = CloseConnection(1, CloseReason.CONNECTION_LOST, "Backend connection closed unexpectedly")
Events = list[Event]


def backend(
    port: int,
    request: Request | None = None,
    events: Events | None = None,
    connect_as: ConnectAs | None = None,
) -> GuacdBackend:
    tell = (Events() if events is None else events).append
    opener = Opener(request or Request("ssh", {"hostname": "h"}), tell, connect_as)
    return GuacdBackend("127.0.0.1", port, opener)


async def closed(peer: RawPeer, number: int = 1) -> CloseConnection:
    """The only message that closes a connection, once the conversation has ended."""
    await until(lambda: peer.closes(number), "the close")
    await until(lambda: peer.closes(0) or number != 1, "the end of the conversation")
    (one,) = peer.closes(number)
    return one


async def refusal(script: Callable[[GuacdClient], Awaitable[None]]) -> CloseConnection:
    """The answer to an open while guacd runs this script."""
    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, conversation):
        peer.send(OpenConnection(1))
        await until(lambda: peer.closes(1), "the close")
        await peer.answered()
        (one,) = peer.closes(1)
        assert not conversation.connections
        assert not conversation.is_closed
        return one


# ---- the handshake


async def test_the_handshake_is_that_of_keeper() -> None:
    sent = asyncio.get_running_loop().create_future()

    async def script(client: GuacdClient) -> None:
        sent.set_result(await client.accept("hostname", "user-name"))
        await client.to_the_end()

    request = Request("ssh", {"hostname": "h", "username": "u"})
    async with scripted_guacd(script) as port, raw_peer(backend(port, request)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(peer.received(OPENED), "the open")
        assert await sent == (
            b"6.select,3.ssh;4.size,4.1024,3.768,2.96;5.audio;5.video;5.image;"
            b"7.connect,13.VERSION_1_5_0,1.h,1.u;"
        )


async def test_bytes_behind_ready_follow_the_open() -> None:
    behind = encode("required", "password") + encode("size", 0, 10, 20)

    async def script(client: GuacdClient) -> None:
        await client.accept(then=behind + b"4.na")
        await client.until(b"name?")
        client.writer.write(b"me,1.x;")
        await client.to_the_end()

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(lambda: peer.data, "data")
        assert peer.data[1] == behind
        opened = [OPENED.encode() in message for message in peer.messages].index(True)
        assert not any(behind in message for message in peer.messages[:opened])
        peer.send_frame(1, b"name?")
        await until(lambda: peer.data[1].endswith(b"4.name,1.x;"), "the rest")


async def test_data_of_the_peer_waits_for_guacd() -> None:
    received = asyncio.get_running_loop().create_future()

    async def script(client: GuacdClient) -> None:
        await client.accept()
        received.set_result(await client.until(b"4.sync,1.1;"))

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, _):
        peer.send(OpenConnection(1))
        peer.send_frame(1, b"3.key,2.6")
        peer.send_frame(1, b"5,1.1;4.sync,1.1;")
        assert (await received).endswith(b"connect,13.VERSION_1_5_0;3.key,2.65,1.1;4.sync,1.1;")


async def test_a_guacd_that_sends_an_error() -> None:
    async def script(client: GuacdClient) -> None:
        await client.until(b";")
        client.send("error", "msg", 519)

    text = """Guacd sent error 'error' (["msg", "519"]) during handshake (expected 'args')"""
    assert await refusal(script) == CloseConnection(1, CloseReason.GUACD_ERROR, text)


async def test_a_guacd_that_ends() -> None:
    async def script(client: GuacdClient) -> None:
        await client.until(b";")
        client.writer.write(b"4.ar")

    text = "EOF during Guacd handshake while waiting for 'args' (incomplete data in buffer)"
    assert await refusal(script) == CloseConnection(1, CloseReason.GUACD_ERROR, text)


async def test_a_guacd_that_resets() -> None:
    async def script(client: GuacdClient) -> None:
        client.writer.transport.abort()

    close = await refusal(script)
    assert close.reason is CloseReason.GUACD_ERROR
    assert close.text.startswith("EOF during Guacd handshake")


async def test_a_guacd_that_is_something_else() -> None:
    async def script(client: GuacdClient) -> None:
        client.writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await client.to_the_end()

    close = await refusal(script)
    assert close.reason is CloseReason.GUACD_ERROR
    assert close.text.startswith("guacd does not speak the Guacamole protocol")


async def test_a_guacd_that_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.HANDSHAKE_TIMEOUT == 10.0
    monkeypatch.setattr(module, "HANDSHAKE_TIMEOUT", 0.2)

    async def script(client: GuacdClient) -> None:
        await client.to_the_end()

    close = await refusal(script)
    assert close == CloseConnection(1, CloseReason.GUACD_ERROR, "Guacd handshake timed out")


async def test_no_guacd() -> None:
    async with raw_peer(backend(free_port())) as (peer, _):
        peer.send(OpenConnection(1))
        text = "Connection refused (os error 111)"
        refused = CloseConnection(1, CloseReason.CONNECTION_FAILED, text)
        await until(peer.received(refused), "the refusal")
        assert peer.closes(1) == [refused]


async def test_a_failed_connection_may_be_tried_again() -> None:
    tries: list[GuacdClient] = []

    async def script(client: GuacdClient) -> None:
        tries.append(client)
        if len(tries) > 1:
            await client.accept()
            await client.to_the_end()

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(lambda: peer.closes(1), "the refusal")
        peer.send(OpenConnection(1))
        await until(peer.received(OPENED), "the open")


async def test_a_peer_that_gives_up_during_the_handshake() -> None:
    ended = asyncio.get_running_loop().create_future()

    async def script(client: GuacdClient) -> None:
        await client.until(b";")
        peer.send(CloseConnection(1, CloseReason.CLIENT))
        try:
            await client.to_the_end()
        finally:
            ended.set_result(None)

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, conversation):
        peer.send(OpenConnection(1))
        await ended
        assert not conversation.connections
        assert not peer.closes(1)


# ---- the ends


async def test_guacd_disconnects() -> None:
    async def script(client: GuacdClient) -> None:
        await client.accept(then=encode("sync", 1) + encode("disconnect") + encode("sync", 2))
        assert (await client.to_the_end()).endswith(b"7.connect,13.VERSION_1_5_0;")

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, conversation):
        peer.send(OpenConnection(1))
        assert await closed(peer) == CloseConnection(1, CloseReason.NORMAL, "Guacd disconnect")
        assert peer.data[1] == encode("sync", 1) + encode("disconnect")
        await conversation.wait_closed()
        ends = [one for one in peer.events if isinstance(one, ConversationClosed)]
        assert [one.reason for one in ends] == [CloseReason.NORMAL]


async def test_guacd_sends_an_error() -> None:
    received = asyncio.get_running_loop().create_future()

    async def script(client: GuacdClient) -> None:
        await client.accept(then=encode("error", "no", 519))
        received.set_result(await client.to_the_end())

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, _):
        peer.send(OpenConnection(1))
        assert await closed(peer) == CloseConnection(1, CloseReason.NORMAL)
        assert peer.data[1] == encode("error", "no", 519)
        assert (await received).endswith(b"7.connect,13.VERSION_1_5_0;")


async def test_guacd_ends_without_a_word() -> None:
    async def script(client: GuacdClient) -> None:
        await client.accept(then=encode("sync", 1) + b"4.syn")

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, conversation):
        peer.send(OpenConnection(1))
        await until(lambda: peer.closes(1), "the close")
        assert not peer.closes(0)  # keeper-pam-webrtc-rs would miss the one before
        assert await closed(peer) == LOST
        assert peer.data[1] == encode("sync", 1)
        assert peer.closes(0) == [CloseConnection(0, CloseReason.CONNECTION_LOST)]
        async with asyncio.timeout(tcp.LINGER / 2):
            await conversation.wait_closed()


async def test_guacd_resets_as_it_is_ready() -> None:
    async def script(client: GuacdClient) -> None:
        client.send("args", "VERSION_1_5_0")
        client.send("ready", "$id")
        sock = client.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()

    for _ in range(20):
        async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, conversation):
            peer.send(OpenConnection(1))
            await until(lambda: peer.closes(1), "the close")
            await peer.answered()
            assert len(peer.closes(1)) == 1
            assert not conversation.connections


async def test_guacd_resets() -> None:
    async def script(client: GuacdClient) -> None:
        await client.accept()
        await client.reader.readexactly(1)
        client.writer.transport.abort()

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(peer.received(OPENED), "the open")
        peer.send_frame(1, b"xy")
        close = await closed(peer)
        assert close.reason is CloseReason.CONNECTION_LOST


async def test_guacd_sends_garbage() -> None:
    async def script(client: GuacdClient) -> None:
        await client.accept(then=encode("sync", 1) + b"garbage")
        assert (await client.to_the_end()).endswith(b"10.disconnect;")

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, _):
        peer.send(OpenConnection(1))
        close = await closed(peer)
        assert close.reason is CloseReason.GUACD_ERROR
        assert "does not speak the Guacamole protocol" in close.text


@pytest.mark.parametrize("reason", [CloseReason.CLIENT, CloseReason.CONNECTION_LOST])
async def test_the_peer_closes(reason: CloseReason) -> None:
    received = asyncio.get_running_loop().create_future()

    async def script(client: GuacdClient) -> None:
        await client.accept()
        received.set_result(await client.to_the_end())

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, conversation):
        peer.send(OpenConnection(1))
        peer.send_frame(1, b"3.nop;")
        await until(peer.received(OPENED), "the open")
        peer.send(CloseConnection(1, reason))
        assert (await received).endswith(b"3.nop;10.disconnect;")
        await conversation.wait_closed()
        assert peer.closes(1) == []


async def test_the_peer_has_no_more_data() -> None:
    async def script(client: GuacdClient) -> None:
        await client.accept()
        assert (await client.to_the_end()).endswith(b"3.nop;")
        client.send("sync", 9)

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, _):
        peer.send(OpenConnection(1))
        peer.send_frame(1, b"3.nop;")
        peer.send(SendEof(1))
        assert await closed(peer) == LOST
        assert peer.data[1] == encode("sync", 9)


async def test_only_the_first_connection_ends_the_conversation() -> None:
    clients: list[GuacdClient] = []

    async def script(client: GuacdClient) -> None:
        clients.append(client)
        await client.accept()
        await client.to_the_end()

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, conversation):
        for number in (1, 2, 3):
            peer.send(OpenConnection(number))
            await until(peer.received(ConnectionOpened(number)), "the open")
        peer.send(CloseConnection(2))
        await peer.answered()
        assert conversation.connections == 2
        clients[0].writer.close()
        assert await closed(peer) == LOST
        assert [one.reason for one in peer.closes(3)] == [CloseReason.CONNECTION_LOST]
        assert peer.closes(2) == []
        ends = [one.number for one in peer.events if isinstance(one, ConnectionEnded)]
        assert ends == [2, 1, 3]


# ---- data


async def test_sizes_are_told() -> None:
    async def script(client: GuacdClient) -> None:
        await client.accept(then=encode("size", 0, 1024, 768))
        client.writer.write(encode("size", 1, 10, 10) + encode("size", "x" * 300))
        client.send("disconnect")

    events: Events = []
    serving = backend(0, events=events)
    async with scripted_guacd(script) as port:
        serving._port = port
        async with raw_peer(serving) as (peer, _):
            peer.send(OpenConnection(1))
            await closed(peer)
    assert events == [
        GuacdInstruction("the label", 1, "4.size,1.0,4.1024,3.768;"),
        GuacdInstruction("the label", 1, "4.size,1.1,2.10,2.10;"),
    ]


async def test_frames_have_whole_instructions() -> None:
    stream = encode("blob", 1, "x" * 5000) * 100 + encode("name", "é😀" * 4000) + encode("sync", 1)

    async def script(client: GuacdClient) -> None:
        await client.accept()
        for start in range(0, len(stream), 7777):
            client.writer.write(stream[start : start + 7777])
            await client.writer.drain()
        await client.to_the_end()

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, _):
        peer.send(OpenConnection(1))
        await until(lambda: len(peer.data.get(1, b"")) == len(stream), "the stream")
        assert peer.data[1] == stream
        payloads = [message[16:-1] for message in peer.messages if message[:4] == b"\0\0\0\1"]
        assert max(map(len, payloads)) <= 32717
        for payload in payloads:
            payload.decode()


async def test_a_slow_peer_stops_guacd() -> None:
    sent = 0
    picture = encode("blob", 1, "x" * 5000) * 10

    async def script(client: GuacdClient) -> None:
        nonlocal sent
        await client.accept()
        while sent < 64 * 1024 * 1024:
            client.writer.write(picture)
            await client.writer.drain()
            sent += len(picture)

    async with scripted_guacd(script) as port, raw_peer(backend(port)) as (peer, conversation):
        peer.channel.pause_reading()
        peer.send(OpenConnection(1))
        seen = -1
        while seen != sent or not sent:  # until it stands still
            seen = sent
            await asyncio.sleep(0.3)
        assert conversation.outlet.buffered < outlet.HIGH_WATER + 64 * 1024
        assert sent < 32 * 1024 * 1024
        peer.channel.resume_reading()
        await until(lambda: sent > seen, "more")


async def test_a_slow_guacd_stops_the_peer() -> None:
    reading = asyncio.Event()

    async def script(client: GuacdClient) -> None:
        await client.accept()
        await reading.wait()
        await client.to_the_end()

    backlog = Backlog(BacklogLimits(connection=tcp.WRITE_HIGH))
    async with (
        scripted_guacd(script) as port,
        raw_peer(backend(port), backlog=backlog) as (peer, conversation),
    ):
        peer.send(OpenConnection(1))
        await until(peer.received(OPENED), "the open")
        for _ in range(300):
            peer.send_frame(1, bytes(30_000))
        connection = conversation.table.by_number[1]
        await until(lambda: conversation._channel._paused, "the pause")
        assert connection.backlog() < tcp.WRITE_HIGH + 64 * 1024
        assert peer.channel.buffered
        reading.set()
        await until(lambda: not peer.channel.buffered, "all of it")


# ---- guacr's own daemon


async def test_a_session_and_who_joins_it() -> None:
    async with running_daemon(SketchHandler) as daemon:
        _, port = address(daemon)
        request = Request("sketch", {"level": "7"})
        async with talk(backend(port, request)) as one, GuacClient(*await one.connect()) as owner:
            await owner.wait(lambda: owner.state.syncs, "a frame")
            (session,) = daemon.registry.sessions.values()
            assert session.handler.params.value("level") == "7"
            await _join(port, session.id, "true", owner, session)
            await _join(port, session.id, "false", owner, session)


async def _join(port: int, name: str, read_only: str, owner: GuacClient, session: Session) -> None:
    request = Request("ssh", {"connectionid": name, "readonly": read_only})
    assert isinstance(session.handler, SketchHandler)
    events = session.handler.events
    async with talk(backend(port, request)) as one, GuacClient(*await one.connect()) as viewer:
        await viewer.wait(lambda: viewer.state.syncs, "a frame")
        viewer.key(65)
        viewer.key(66)
        owner.key(0x61 if read_only == "true" else 0x62)
        last = ("key", 0x61 if read_only == "true" else 0x62, False)
        await until(lambda: last in events, "the owner's key")
        if read_only == "true":
            assert ("key", 65, True) not in events
        else:
            await until(lambda: ("key", 66, False) in events, "the viewer's key")


async def test_supplied_credentials() -> None:
    gateway = Gateway()
    settings = ConnectAsSettings(True, False, gateway.pem)
    async with running_daemon(SketchHandler) as daemon:
        _, port = address(daemon)
        request = Request("sketch", {"password": "ours", "hostname": "h"})
        serving = backend(port, request, connect_as=ConnectAs(settings))
        async with raw_peer(serving) as (peer, _):
            peer.send(OpenConnection(1, gateway.block({"user": {"password": "s3cret"}})))
            await until(peer.received(OPENED), "the open")
            peer.send(OpenConnection(2))
            await until(peer.received(ConnectionOpened(2)), "the second")
            sessions = daemon.registry.sessions.values()
            assert [one.handler.params.value("password") for one in sessions] == ["s3cret"] * 2
            peer.send(OpenConnection(3, b"garbage"))
            await until(lambda: peer.closes(3), "the refusal")
            (close,) = peer.closes(3)
            assert close.reason is CloseReason.DECRYPTION_FAILED
            assert "ConnectAs block is too short" in close.text


async def test_an_unknown_session() -> None:
    async with running_daemon(SketchHandler) as daemon:
        request = Request("sketch", {"connectionid": "$none"})
        async with raw_peer(backend(address(daemon)[1], request)) as (peer, _):
            peer.send(OpenConnection(1))
            await until(lambda: peer.closes(1), "the refusal")
            assert "unknown connection" in peer.closes(1)[0].text


def files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_nothing_is_left() -> None:
    async with running_daemon(SketchHandler) as daemon:
        serving = backend(address(daemon)[1], Request("sketch"))
        async with raw_peer(serving) as (peer, conversation):
            peer.send(OpenConnection(1))
            await until(peer.received(OPENED), "the open")
            await until(lambda: len(asyncio.all_tasks()) > 1, "a start")
            before = files()
            for number in range(2, 52):
                peer.send(OpenConnection(number))
                await until(peer.received(ConnectionOpened(number)), "the open")
                peer.send(CloseConnection(number))
            await until(lambda: len(conversation.table.alive) == 1, "the ends")
            await until(lambda: len(daemon.registry.sessions) == 1, "the sessions' ends")
            await until(lambda: files() <= before, "no file more")
