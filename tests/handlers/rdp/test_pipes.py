"""Static channels as pipes, with a program in a session of xrdp."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest

from guacr.api import OutputStream
from guacr.daemon import Daemon
from guacr.errors import BadRequestError, OverrunError
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from guacr.testing.streams import Stream
from handlers.rdp import pipes as pipes_of_hosts
from handlers.rdp.channel.codec import PART_MAX, ChannelError, Message
from handlers.rdp.channel.pipes import (
    OVERHEAD,
    WINDOW,
    PipeOpened,
    PipeReceived,
    PipeTaken,
    PipeWritten,
)
from handlers.rdp.engine import Engine
from handlers.rdp.pipes import UNSENT_MAX, Pipes, channel_names
from tests.handlers.rdp.sessions import connected, each_engine
from tests.support.waiting import until
from tests.support.xrdp import Xrdp

STREAM = 300


def pipes(client: GuacClient) -> list[Stream]:
    """The open pipes."""
    return [stream for stream in client.canvas.streams if stream.opcode == "pipe"]


def received(client: GuacClient, name: str) -> bytes:
    """What has arrived in the open pipe of a name."""
    return b"".join(stream.data for stream in pipes(client) if stream.args[-1] == name)


def send(client: GuacClient, data: bytes) -> None:
    """Send a blob."""
    client.send("blob", STREAM, b64encode(data).decode())


def acknowledged(client: GuacClient, count: int) -> bool:
    """Return whether so many blobs have been acknowledged."""
    return len(client.state.acks) == count


@each_engine
async def test_both_directions(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters(), static_channels="ECHO, other") as client:
        xrdp.echo(await xrdp.display(), "ECHO", "hello")
        await client.wait(lambda: received(client, "ECHO") == b"hello", "a greeting")
        client.send("pipe", STREAM, "application/octet-stream", "ECHO")
        send(client, b"one")
        await client.wait(lambda: received(client, "ECHO") == b"helloone", "an echo")
        assert [ack[::2] for ack in client.state.acks] == [(STREAM, Status.SUCCESS)]
        sent = b"hello" + b"one"
        for number in range(WINDOW // 6000 + 2):
            part = bytes([number]) * 6000
            send(client, part)
            sent += part
            await client.wait(partial(acknowledged, client, number + 2), "an ack")
        await client.wait(lambda: len(received(client, "ECHO")) >= len(sent), "the rest")
        assert received(client, "ECHO") == sent
        assert received(client, "other") == b""


async def test_all_users_receive(daemon: Daemon, xrdp: Xrdp) -> None:
    async with (
        connected(daemon, xrdp.parameters(), static_channels="ECHO") as client,
        await GuacClient.connect(address(daemon), client.state.ready, {}) as second,
    ):
        await second.wait(lambda: pipes(second), "a pipe")
        xrdp.echo(await xrdp.display(), "ECHO", "hello")
        await client.wait(lambda: received(client, "ECHO") == b"hello", "a greeting")
        await second.wait(lambda: received(second, "ECHO") == b"hello", "a greeting")


@each_engine
async def test_a_host_that_is_quicker_than_the_users(
    daemon: Daemon, xrdp: Xrdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, write = asyncio.Event(), OutputStream.write

    async def write_when_ready(output: OutputStream, data: bytes) -> None:
        await ready.wait()
        await write(output, data)

    monkeypatch.setattr(OutputStream, "write", write_when_ready)
    async with connected(daemon, xrdp.parameters(), static_channels="ECHO") as client:
        display = await xrdp.display()
        greeting, count = "0123456789abcdef" * 1000, 60
        xrdp.echo(display, "ECHO", greeting, count)
        (session,) = daemon.registry.sessions.values()
        pipe = cast(Any, session).handler._pipes._pipes["ECHO"]  # there is no other sign
        await until(lambda: pipe._outstanding >= WINDOW, "the limit")
        ready.set()
        whole = greeting.encode() * count
        await client.wait(lambda: len(received(client, "ECHO")) >= len(whole), "everything")
        assert received(client, "ECHO") == whole


async def test_other_pipes_are_refused(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters(), static_channels="ECHO") as client:
        client.send("pipe", STREAM, "application/octet-stream", "other")
        await client.wait(lambda: client.state.acks, "an ack")
        ((_, sentence, status),) = client.state.acks
        assert status == Status.RESOURCE_NOT_FOUND
        assert "static-channels does not name it" in sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("toolong8", "up to 7 ASCII characters"),
        ("ö", "up to 7 ASCII characters"),
        ("rdpdr", "which guacr uses itself"),
        (",".join(map(str, range(17))), "more than 16 names"),
    ],
)
def test_names_that_cannot_be_used(text: str, sentence: str) -> None:
    with pytest.raises(BadRequestError, match=sentence):
        channel_names(text)


def test_names() -> None:
    assert channel_names("") == []
    assert channel_names(" A,b , A,") == ["A", "b"]


async def test_a_user_who_receives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host does not wait for long, and other users go on."""
    monkeypatch.setattr(pipes_of_hosts, "STUCK_AFTER", 0.05)
    arrived: list[bytes] = []
    aborted, sent = asyncio.Event(), list[Message]()

    async def take(data: bytes) -> None:
        arrived.append(data)

    async def stick(_data: bytes) -> None:
        await asyncio.Event().wait()

    outputs = (
        SimpleNamespace(write=take),
        SimpleNamespace(write=stick, abort=aborted.set),
    )
    session: Any = SimpleNamespace(
        users=[
            User(SimpleNamespace(open_pipe=lambda *_names, output=output: output))
            for output in outputs
        ],
        start_task=lambda work, _name: asyncio.create_task(work),
        log=logging.getLogger(),
    )
    channels = Pipes(session, "A")
    channels.begin(cast(Engine, SimpleNamespace(send=sent.extend)))
    channels.handle(PipeOpened("A"))
    channels.handle(PipeReceived("A", b"one", last=True))
    channels.handle(PipeReceived("A", b"two", last=True))
    await aborted.wait()
    await until(lambda: arrived == [b"one", b"two"], "the rest")
    await until(lambda: sent.count(PipeTaken(3 + OVERHEAD)) == 2, "the host's turn")


class User:
    """A user of a session, as far as pipes know one."""

    def __init__(self, outputs: Any) -> None:
        self.id, self.outputs = "u", outputs


def test_a_worker_that_sends_what_it_must_not() -> None:
    session: Any = SimpleNamespace(users=(), start_task=lambda work, _name: work.close())
    engine: Any = SimpleNamespace(send=lambda _messages: None)
    channels = Pipes(session, "A")
    channels.begin(engine)
    channels.handle(PipeOpened("A"))
    with pytest.raises(ChannelError, match="no channel of this name"):
        channels.handle(PipeReceived("B", b"", last=True))
    with pytest.raises(ChannelError, match="what nobody sent"):
        channels.handle(PipeWritten("A"))
    for _ in range(WINDOW // (PART_MAX + OVERHEAD) + 1):
        channels.handle(PipeReceived("A", bytes(PART_MAX), last=True))
    with pytest.raises(ChannelError, match="exceeds its limit"):
        channels.handle(PipeReceived("A", bytes(PART_MAX), last=True))


def test_a_user_who_sends_single_bytes_to_a_host_that_does_not_read() -> None:
    session: Any = SimpleNamespace(users=())
    engine: Any = SimpleNamespace(send=lambda _messages: None)
    channels, stream = Pipes(session, "A"), SimpleNamespace(kind="pipe", name="A")
    channels.begin(engine)
    channels.handle(PipeOpened("A"))
    user: Any = stream
    channels.accept(user)
    for _ in range(UNSENT_MAX // (OVERHEAD + 1)):
        user.on_blob(b"1")
    with pytest.raises(OverrunError, match="wait for acknowledgements"):
        user.on_blob(b"1")


def test_a_host_that_sends_messages_without_data() -> None:
    session: Any = SimpleNamespace(users=(), start_task=lambda work, _name: work.close())
    engine: Any = SimpleNamespace(send=lambda _messages: None)
    channels, most = Pipes(session, "A"), WINDOW + PART_MAX + OVERHEAD
    channels.begin(engine)
    channels.handle(PipeOpened("A"))
    for _ in range(most // OVERHEAD):
        channels.handle(PipeReceived("A", b"", last=True))
    with pytest.raises(ChannelError, match="exceeds its limit"):
        channels.handle(PipeReceived("A", b"", last=True))
