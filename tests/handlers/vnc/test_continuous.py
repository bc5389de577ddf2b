"""Updates that a server sends without requests, if it paces itself by fences."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from guacr.api import SessionContext
from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc.rfb import messages, numbers
from tests.support.rfb_server import SIZE, RfbPeer, rfb_server

END = bytes([numbers.END_OF_CONTINUOUS_UPDATES])
FENCE = bytes([numbers.SERVER_FENCE]) + struct.pack(">3xIB", 1 << 31, 0)
ANSWER = messages.fence(0, b"")
RED, GREEN = b"\0\0\xff\0", b"\0\xff\0\0"


def pixel(colour: bytes) -> bytes:
    return struct.pack(">HHHHi", 0, 0, 1, 1, numbers.RAW) + colour


async def start(peer: RfbPeer) -> None:
    await peer.versions(b"003.008", b"003.008")
    await peer.choose(1)
    peer.send(bytes(4))
    await peer.begin()


async def test_no_update_is_requested_while_the_server_sends_all(daemon: Daemon) -> None:
    enabled = messages.enable_continuous_updates(*SIZE)

    async def script(peer: RfbPeer) -> None:
        await start(peer)
        peer.send(FENCE, END)
        assert await peer.read(len(ANSWER)) == ANSWER
        assert await peer.read(len(enabled)) == enabled
        for colour in (RED, GREEN):
            peer.rectangle(pixel(colour))
        peer.send(FENCE)
        assert await peer.read(len(ANSWER)) == ANSWER  # and no request before it
        size = struct.pack(">HHHHi", 0, 0, 80, 60, numbers.DESKTOP_SIZE)
        peer.rectangle(size)
        again = messages.enable_continuous_updates(80, 60)
        again += messages.request_update(80, 60, incremental=False)
        assert await peer.read(len(again)) == again
        peer.send(END)
        wanted = messages.request_update(80, 60, incremental=True)
        assert await peer.read(len(wanted)) == wanted
        peer.rectangle(pixel(GREEN))
        assert await peer.read(len(wanted)) == wanted
        peer.send(b"\3\0\0\0\0\0\0\4done")
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(lambda: client.state.clipboards, "the end of it")
        await client.wait(lambda: client.canvas.size == (80, 60), "the size")


async def test_updates_are_requested_from_a_server_without_fences(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await start(peer)
        peer.send(END)
        peer.rectangle(pixel(RED))
        wanted = messages.request_update(*SIZE, incremental=True)
        assert await peer.read(len(wanted)) == wanted
        peer.send(b"\3\0\0\0\0\0\0\4done")
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(lambda: client.state.clipboards, "the end of it")


@asynccontextmanager
async def burst(daemon: Daemon, updates: int) -> AsyncIterator[int]:
    """Show a desktop whose server sends so many updates at once; yields the number of frames that
    showed them, once the last has been shown."""

    async def script(peer: RfbPeer) -> None:
        await start(peer)
        await shown.wait()
        for number in range(updates):
            peer.rectangle(pixel(number.to_bytes(2, "little") + b"\xff\0"))
        await peer.ended()

    shown = asyncio.Event()
    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(lambda: client.state.syncs, "the desktop")
        before = client.state.syncs
        shown.set()
        last = [255, *(updates - 1).to_bytes(2, "big")]
        await client.wait(lambda: client.canvas.flatten()[0, 0].tolist() == last, "the last")
        yield client.state.syncs - before


async def test_a_long_burst_does_not_delay_what_follows(daemon: Daemon) -> None:
    async with burst(daemon, 5000) as frames:  # which would be shown in 80 s, one by one
        assert frames < 1000


async def test_a_slow_encoder_does_not_delay_what_follows_a_burst(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_ends(context: SessionContext, limit: float) -> None:
        await asyncio.sleep(max(limit, 0))

    monkeypatch.setattr(SessionContext, "give_way_to_frame", never_ends)
    async with burst(daemon, 500):
        pass
