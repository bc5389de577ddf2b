"""The test card through the whole daemon: clients over TCP see, pixel for pixel, what is drawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import numpy as np
import pytest

from guacr.daemon import Daemon
from guacr.display.framebuffer import FrameBuffer
from guacr.protocol.client import ClientInfo
from guacr.session.registry import Protocols
from guacr.session.session import Session
from guacr.settings import DisplaySettings
from handlers.testcard import TestcardHandler as CardHandler
from handlers.testcard.card import Card
from handlers.testcard.handler import UNSEEN_AFTER, next_tick
from handlers.testcard.layout import Layout
from handlers.testcard.panel import ARM
from handlers.testcard.params import TestcardParams as CardParams
from tests.support.client import GuacClient, Hello
from tests.support.daemon import address, local_settings, running_daemon
from tests.support.loopback import MemoryTransport
from tests.support.waiting import until

HELLO = Hello(width=640, height=480)
PROTOCOLS = {"testcard": CardHandler}
STILL = dict.fromkeys(("scrolling-text", "moving-window", "noise", "clock"), "false")


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    """A daemon that sends pictures without loss."""
    settings = local_settings(display=DisplaySettings(image_format="png"))
    async with running_daemon(settings, Protocols(PROTOCOLS)) as daemon:
        yield daemon


def session_of(daemon: Daemon) -> Session:
    (session,) = daemon.registry.sessions.values()
    return session


def surface_of(daemon: Daemon) -> FrameBuffer:
    """What the card in the only session shows."""
    handler = session_of(daemon).handler
    assert isinstance(handler, CardHandler)
    assert handler.surface is not None
    return handler.surface


def shows(client: GuacClient, surface: FrameBuffer) -> bool:
    """Whether the client's picture is the surface's, pixel for pixel."""
    picture = client.canvas.flatten()
    return picture.shape[:2] == surface.array.shape[:2] and np.array_equal(
        picture, surface.array[..., 2::-1]
    )


def has_size(client: GuacClient, size: tuple[int, int]) -> bool:
    return client.canvas.size == size


async def test_a_client_sees_what_is_drawn(daemon: Daemon) -> None:
    parameters = {"frame-rate": "15"}
    async with await GuacClient.connect(
        address(daemon), "testcard", parameters, hello=HELLO
    ) as client:
        await client.frame()
        assert client.heard.name == "guacr test card"
        assert client.canvas.size == (640, 480)
        seen = set()
        for _ in range(12):
            await client.frame()
            await client.wait(lambda: shows(client, surface_of(daemon)), "the same picture")
            seen.add(client.canvas.flatten().tobytes())
        assert len(seen) > 6
        assert client.canvas.counts["copy"] > 6
        assert client.canvas.opaque()


@pytest.mark.parametrize("version", ["VERSION_1_0_0", "VERSION_1_1_0", "VERSION_1_3_0"])
async def test_clients_of_every_version(daemon: Daemon, version: str) -> None:
    hello = Hello(width=320, height=200, version=version)
    async with await GuacClient.connect(address(daemon), "testcard", STILL, hello=hello) as client:
        await client.frame()
        await client.wait(lambda: shows(client, surface_of(daemon)))


async def test_a_joiner_sees_it_too(daemon: Daemon) -> None:
    place = address(daemon)
    async with await GuacClient.connect(place, "testcard", STILL, hello=HELLO) as owner:
        await owner.frame()
        async with await GuacClient.connect(place, owner.heard.ready) as joiner:
            await joiner.frame()
            assert shows(joiner, surface_of(daemon))


async def test_keys_and_clipboards_are_written_down(daemon: Daemon) -> None:
    async with await GuacClient.connect(address(daemon), "testcard", STILL, hello=HELLO) as client:
        await client.frame()
        client.type("é")
        client.key(0xFF0D, pressed=True)
        client.clipboard("grüße")
        expected = Card(640, 480, CardParams())
        for text in (
            "down 0x00e9  é  LATIN SMALL LETTER E WITH ACUTE",
            "up   0x00e9  é  LATIN SMALL LETTER E WITH ACUTE",
            "down 0xff0d  Return",
            "clipboard of 7 bytes, text/plain: grüße",
        ):
            expected.panel.add(expected.surface, text)
        panel = Layout(640, 480).input
        wanted = expected.surface.pixels(panel).array[..., 2::-1]

        def written() -> bool:
            picture = client.canvas.flatten()
            part = picture[panel.y : panel.bottom, panel.x : panel.right]
            return np.array_equal(part, wanted)

        await client.wait(written, "the lines that were typed")


async def test_the_pointer_is_marked_where_it_is(daemon: Daemon) -> None:
    async with await GuacClient.connect(address(daemon), "testcard", STILL, hello=HELLO) as client:
        await client.frame()
        client.mouse(100, 400)
        await client.wait(lambda: not shows(client, surface_of(daemon)), "the mark")
        marked = np.argwhere(
            (client.canvas.flatten() != surface_of(daemon).array[..., 2::-1]).any(2)
        )
        assert marked.min(axis=0).tolist() == [400 - ARM, 100 - ARM]
        loose = client.canvas.flatten()
        client.mouse(100, 400, 1)
        await client.wait(lambda: not np.array_equal(client.canvas.flatten(), loose), "a button")
        red = (client.canvas.flatten() == (255, 64, 64)).all(axis=2)
        assert red.sum() > 20


async def test_the_card_follows_the_window(daemon: Daemon) -> None:
    async with await GuacClient.connect(
        address(daemon), "testcard", {"frame-rate": "1"}, hello=HELLO
    ) as client:
        await client.frame()
        for size in ((400, 300), (1, 1), (801, 333)):
            client.size(*size)
            await client.wait(partial(has_size, client, size), f"{size}")
            await client.wait(lambda: shows(client, surface_of(daemon)), "the new card")


async def test_jpeg_is_close() -> None:
    settings = local_settings(display=DisplaySettings(image_format="jpeg"))
    async with (
        running_daemon(settings, Protocols(PROTOCOLS)) as daemon,
        await GuacClient.connect(address(daemon), "testcard", STILL, hello=HELLO) as client,
    ):
        await client.frame()
        surface = surface_of(daemon)
        difference = client.canvas.flatten().astype(int) - surface.array[..., 2::-1]
        assert 0 < np.abs(difference).mean() < 12


async def test_what_is_sent_with_losses_becomes_exact_once_it_rests() -> None:
    slowly = {"frame-rate": "1"}
    async with (
        running_daemon(local_settings(), Protocols(PROTOCOLS)) as daemon,
        await GuacClient.connect(address(daemon), "testcard", slowly, hello=HELLO) as client,
    ):
        await client.frame()
        assert not shows(client, surface_of(daemon))
        await client.wait(lambda: shows(client, surface_of(daemon)), "a picture without losses")


async def test_impossible_parameters_are_refused(daemon: Daemon) -> None:
    client = await GuacClient.dial(*address(daemon))
    async with client:
        client.send("select", "testcard")
        await client.wait(lambda: client.heard.args)
        client.introduce({"frame-rate": "61"}, HELLO)
        await client.wait_closed()
        allowed = "parameter frame-rate must be a whole number from 1 to 60, not '61'"
        assert client.heard.errors == [(allowed, 768)]


async def test_the_session_ends_with_its_last_viewer(daemon: Daemon) -> None:
    client = await GuacClient.connect(address(daemon), "testcard", hello=HELLO)
    await client.frame()
    await client.close(politely=True)
    await until(lambda: not daemon.registry.sessions, "the session's end")
    await until(
        lambda: not [t for t in asyncio.all_tasks() if "session" in t.get_name()], "its tasks' end"
    )


async def test_nothing_is_drawn_while_nobody_can_see_it(daemon: Daemon) -> None:
    transport = MemoryTransport()
    info = ClientInfo(width=200, height=150)
    daemon.registry.open("testcard", {"frame-rate": "50"}, info, transport)
    await until(lambda: transport.canvas.counts["sync"] >= 2, "the first pictures")
    transport.stalled = True
    before = b""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 20
    while before != (before := surface_of(daemon).array.tobytes()):
        assert loop.time() < deadline, "drawing goes on"
        await asyncio.sleep(UNSEEN_AFTER)  # whether nothing happens can only be seen in time
    transport.drain()
    await until(lambda: surface_of(daemon).array.tobytes() != before, "drawing again")


@pytest.mark.parametrize(
    ("now", "tick"),
    [(100.0, 100.04), (100.039, 100.04), (100.041, 100.08), (103.5, 103.52)],
)
def test_ticks_are_at_whole_intervals_and_missed_ones_are_left_out(now: float, tick: float) -> None:
    assert next_tick(100.0, now, 25) == pytest.approx(tick)
