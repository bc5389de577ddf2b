"""Servers that do not read, send too much or change their size all the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import randbytes
from struct import pack

import pytest

from guacr.api import Rect
from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from handlers.vnc import VncHandler
from handlers.vnc.desktop import without_outdated_sizes
from handlers.vnc.rfb import clipboard, messages, numbers
from handlers.vnc.rfb.events import Event, Filled, Resized, UpdateEnded
from tests.support.waiting import until

EMPTY_UPDATE = b"\0\0\0\0"


def cut_text(text: bytes) -> bytes:
    return b"\3\0\0\0" + pack(">i", len(text)) + text


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(script: Script) -> AsyncIterator[dict[str, str]]:
    """Run a server whose `script` begins after the handshake; yields the parameters."""

    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            writer.write(b"RFB 003.008\n\1\1\0\0\0\0" + pack(">HH16xI", 640, 480, 0))
            await reader.readexactly(12 + 1 + 1)
            await script(reader, writer)
        writer.close()
        ended.set()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield {"hostname": "127.0.0.1", "port": str(port), "disable-display-resize": "true"}
        await ended.wait()


async def test_fences_of_a_server_that_does_not_read_the_answers(daemon: Daemon) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(EMPTY_UPDATE)
        while True:
            writer.write((b"\xf8\0\0\0\x80\0\0\1\x40" + bytes(64)) * 1000)
            await writer.drain()

    async with (
        server(script) as parameters,
        await GuacClient.connect(address(daemon), "vnc", parameters) as client,
    ):
        await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert "demands answers and does not read them" in sentence
    assert status == Status.UPSTREAM_ERROR


async def test_no_request_and_no_key_is_lost_while_the_server_reads_nothing(
    daemon: Daemon,
) -> None:
    pasted, noticed = asyncio.Event(), asyncio.Event()
    wanted = messages.key(0x7A, False), messages.fence(0, b"fence")
    request = messages.request_update(640, 480, incremental=True)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(EMPTY_UPDATE)
        await pasted.wait()
        writer.write(b"\xf8\0\0\0\x80\0\0\0\x05fence" + EMPTY_UPDATE + cut_text(b"half"))
        await noticed.wait()
        seen = b""
        while not all(message in seen for message in wanted) or seen.count(request) < 2:
            data = await reader.readexactly(1) + await reader.read(1 << 16)
            seen += data.replace(b"x", b"")
        writer.write(cut_text(b"all"))
        await reader.read()

    async with (
        server(script) as parameters,
        await GuacClient.connect(address(daemon), "vnc", parameters) as client,
    ):
        await client.wait(lambda: client.state.syncs, "the desktop")
        for _ in range(12):
            client.clipboard("x" * 1_000_000)
        client.key(0x7A)
        (session,) = daemon.registry.sessions.values()
        await until(lambda: session.context.input_paused, "a pause of the input")
        pasted.set()
        await client.wait(lambda: ("text/plain", b"half") in client.state.clipboards, "the update")
        noticed.set()
        await client.wait(lambda: ("text/plain", b"all") in client.state.clipboards, "all of it")


async def test_a_clipboard_that_is_requested_many_times_is_sent_when_the_server_reads(
    daemon: Daemon,
) -> None:
    text = randbytes(300_000).hex()  # which cannot be compressed to less than half
    flags = clipboard.CAPS | clipboard.REQUEST | clipboard.NOTIFY | clipboard.PROVIDE
    pasted, measured = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(EMPTY_UPDATE)
        writer.write(
            messages.extended_clipboard(flags | 1, pack(">I", 0))[:1].replace(b"\6", b"\3")
        )
        writer.write(messages.extended_clipboard(flags | 1, pack(">I", 0))[1:])
        await pasted.wait()
        request = messages.extended_clipboard(clipboard.REQUEST | clipboard.TEXT)
        writer.write((b"\3" + request[1:]) * 300 + cut_text(b"done"))
        await measured.wait()

    async with (
        server(script) as parameters,
        await GuacClient.connect(address(daemon), "vnc", parameters) as client,
    ):
        await client.wait(lambda: client.state.syncs, "the desktop")
        client.clipboard(text)
        (session,) = daemon.registry.sessions.values()
        handler = session.handler
        assert isinstance(handler, VncHandler)
        remote = handler._server
        assert remote is not None
        await until(lambda: remote.clipboard.contents, "the text")
        pasted.set()
        await client.wait(lambda: client.state.clipboards, "the requests")
        unsent = remote.connection.unsent
        measured.set()
    assert unsent < 4 << 20


@pytest.mark.parametrize("actions", [0, clipboard.ACTIONS])
async def test_a_server_that_announces_its_clipboard_many_times(
    daemon: Daemon, actions: int
) -> None:
    caps = messages.extended_clipboard(clipboard.CAPS | clipboard.TEXT | actions, bytes(4))
    text = "日" * (1 << 20)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = 0
        writer.write(EMPTY_UPDATE)
        while received < len(text):
            received += len(await reader.read(1 << 20))
        reading = asyncio.create_task(reader.read())
        writer.write((b"\3" + caps[1:]) * 200 + cut_text(b"done"))
        await reading

    async with (
        server(script) as parameters,
        await GuacClient.connect(
            address(daemon), "vnc", parameters | {"clipboard-buffer-size": str(4 << 20)}
        ) as client,
    ):
        client.clipboard(text)
        await client.wait(lambda: client.state.clipboards, "the end of it")


async def test_a_desktop_that_changes_its_size_all_the_time(daemon: Daemon) -> None:
    sizes = [(2048, 2047), (2048, 2048)]
    rects = [pack(">HHHHi", 0, 0, *sizes[i % 2], numbers.DESKTOP_SIZE) for i in range(400)]
    storm = pack(">BxH", 0, len(rects)) + b"".join(rects)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(storm + cut_text(b"done"))
        await reader.read()

    async with (
        server(script) as parameters,
        await GuacClient.connect(address(daemon), "vnc", parameters) as client,
    ):
        client.behaviour.paint = False
        await client.wait(lambda: client.state.clipboards, "the end of it")


@pytest.mark.parametrize("message", [EMPTY_UPDATE, bytes([numbers.BELL])])
async def test_a_flood_of_short_messages(daemon: Daemon, message: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reading = asyncio.create_task(reader.read())
        writer.write(EMPTY_UPDATE + message * 20_000 + cut_text(b"done"))
        await reading

    async with (
        server(script) as parameters,
        await GuacClient.connect(address(daemon), "vnc", parameters) as client,
    ):
        await client.wait(lambda: client.state.clipboards, "the end of it")


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_desktop_for_which_there_is_no_memory(at_once: bool) -> None:
    size = pack(">HHHHi", 0, 0, 8192, 8192, numbers.DESKTOP_SIZE)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not at_once:
            writer.write(EMPTY_UPDATE)
            await reader.readexactly(1)
        writer.write(pack(">BxH", 0, 1) + size)
        await reader.read()

    settings = local_settings(session={"max_memory": 16 << 20})
    async with (
        running_daemon(VncHandler, settings=settings) as daemon,
        server(script) as parameters,
        await GuacClient.connect(address(daemon), "vnc", parameters) as client,
    ):
        await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert "a picture of 8192x8192 pixels needs" in sentence
    assert "session.max_memory" in sentence
    assert status == Status.CLIENT_OVERRUN


def test_only_sizes_with_a_picture_are_shown() -> None:
    first, second, third = Resized(1, 1), Resized(2, 2), Resized(3, 3)
    filled = Filled(Rect(0, 0, 1, 1), (0, 0, 0))
    events: list[Event] = [first, UpdateEnded(), second, filled, first, third]
    assert without_outdated_sizes(events) == [UpdateEnded(), second, filled, third]
