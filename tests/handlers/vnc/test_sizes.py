"""The rules of SetDesktopSize, against a scripted server."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Coroutine
from types import SimpleNamespace
from typing import cast

import pytest

from guacr.api import FrameBuffer, SessionContext, WindowSizes
from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc.rfb import numbers
from handlers.vnc.sizes import DesktopSizes
from tests.support.rfb_server import SIZE, RfbPeer, rfb_server
from tests.support.waiting import until

REQUEST, KEY, POINTER, SET_DESKTOP_SIZE = 3, 4, 5, 251
LENGTHS = {REQUEST: 10, KEY: 8, POINTER: 6}
BY_SERVER, BY_CLIENT = 0, 1
PROHIBITED, OUT_OF_RESOURCES = 1, 2


async def asked(peer: RfbPeer, last: int) -> list[tuple[int, ...]]:
    """Return the sizes that the client requests up to its next message of the type `last`: width,
    height, and for each screen id, x, y, width, height and flags."""
    found: list[tuple[int, ...]] = []
    while True:
        kind = (await peer.read(1))[0]
        if kind == SET_DESKTOP_SIZE:
            width, height, count = struct.unpack(">xHHBx", await peer.read(7))
            screens = await peer.read(16 * count)
            found.append((width, height, *struct.unpack(">" + "IHHHHI" * count, screens)))
        else:
            await peer.read(LENGTHS[kind] - 1)
        if kind == last:
            return found


def layout(peer: RfbPeer, why: int, result: int, size: tuple[int, int], *screens: bytes) -> None:
    """Send an ExtendedDesktopSize."""
    head = struct.pack(">HHHHi", why, result, *size, numbers.EXTENDED_DESKTOP_SIZE)
    peer.rectangle(head, bytes([len(screens), 0, 0, 0]), *screens)


def screen(number: int, flags: int = 0, x: int = 0) -> bytes:
    return struct.pack(">IHHHHI", number, x, 0, *SIZE, flags)


async def start(peer: RfbPeer) -> None:
    await peer.versions(b"003.008", b"003.008")
    await peer.choose(1)
    peer.send(bytes(4))
    await peer.begin()


@pytest.mark.parametrize("number", [0, 0xFFFFFFFF])
async def test_a_size_is_requested_once_the_server_has_said_that_it_can_be(
    daemon: Daemon, number: int
) -> None:
    async def script(peer: RfbPeer) -> None:
        await start(peer)
        assert await asked(peer, KEY) == []
        layout(peer, BY_SERVER, 0, SIZE, screen(number, 0xABCD), screen(7, 1, 64))
        assert await asked(peer, SET_DESKTOP_SIZE) == [(200, 100, number, 0, 0, 200, 100, 0xABCD)]
        layout(peer, BY_CLIENT, 0, (200, 100), screen(number))
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(lambda: client.state.syncs, "the desktop")
        client.size(200, 100)
        client.key(ord("a"))
        await client.wait(lambda: client.canvas.size == (200, 100), "the size")


class Sizes:
    """The sizes of a window, and what is sent for them."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []
        self.surface = FrameBuffer(*SIZE)
        self._tasks: list[asyncio.Task[None]] = []
        session = SimpleNamespace(size=(300, 200), start_task=self._start)
        self.sizes = DesktopSizes(cast("SessionContext", session), self.surface, self._send)

    def _start(self, coroutine: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        self._tasks.append(asyncio.create_task(coroutine, name=name))
        return self._tasks[-1]

    def _send(self, message: bytes) -> None:
        self.sent.append(struct.unpack(">HH", message[2:6]))

    async def until_sent(self, *sizes: tuple[int, int]) -> None:
        await until(lambda: len(self.sent) >= len(sizes), "the requests")
        assert self.sent == list(sizes)

    async def close(self) -> None:
        self.sizes.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def sizes(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sizes]:
    monkeypatch.setattr(WindowSizes.__init__, "__defaults__", (0.0,))
    made = Sizes()
    yield made
    await made.close()


async def test_a_size_from_before_the_screens_is_not_forgotten(sizes: Sizes) -> None:
    sizes.sizes.put(300, 200)
    await asyncio.sleep(0)
    assert not sizes.sent
    sizes.sizes.note_screens(screen(0))
    await sizes.until_sent((300, 200))


async def test_a_refused_size_is_not_requested_again(sizes: Sizes) -> None:
    sizes.sizes.note_screens(screen(0))
    await sizes.until_sent((300, 200))
    sizes.sizes.note_answer(OUT_OF_RESOURCES)
    sizes.sizes.note_screens(screen(0))
    sizes.sizes.put(300, 200)
    sizes.sizes.put(90, 70)
    await sizes.until_sent((300, 200), (90, 70))


async def test_a_server_that_prohibits_it_is_left_alone(sizes: Sizes) -> None:
    sizes.sizes.note_screens(screen(0))
    await sizes.until_sent((300, 200))
    sizes.sizes.note_answer(PROHIBITED)
    sizes.sizes.note_screens(screen(0))
    sizes.sizes.put(90, 70)
    await until(lambda: sizes.sizes.is_closed, "the end of the task")
    assert sizes.sent == [(300, 200)]


async def test_the_servers_own_size_is_not_requested(sizes: Sizes) -> None:
    sizes.surface.resize(300, 200)
    sizes.sizes.note_screens(screen(0))
    sizes.sizes.put(90, 70)
    await sizes.until_sent((90, 70))
