"""The test card through the whole daemon: clients over TCP see, pixel for pixel, what is drawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import numpy as np
import pytest

from guacr.daemon import Daemon
from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.protocol.client import ClientInfo
from guacr.session.session import Session
from guacr.settings.models import DisplaySettings
from guacr.testing.client import GuacClient, Hello
from guacr.testing.daemon import address, local_settings, running_daemon
from handlers.testcard import TestcardHandler as CardHandler
from handlers.testcard.card import Card
from handlers.testcard.handler import UNSEEN_AFTER, next_tick
from handlers.testcard.layout import Layout
from handlers.testcard.panel import ARM
from handlers.testcard.params import TestcardParams as CardParams
from tests.support.loopback import MemoryTransport
from tests.support.waiting import until

HELLO = Hello(width=640, height=480)
STILL = dict.fromkeys(("scrolling-text", "moving-window", "noise", "clock"), "false")


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    """A daemon that sends pictures without loss."""
    settings = local_settings(display=DisplaySettings(image_format="png"))
    async with running_daemon(CardHandler, settings=settings) as daemon:
        yield daemon


def session_of(daemon: Daemon) -> Session:
    (session,) = daemon.registry.sessions.values()
    return session


def surface_of(daemon: Daemon) -> FrameBuffer:
    """Return the surface of the card in the only session."""
    handler = session_of(daemon).handler
    assert isinstance(handler, CardHandler)
    assert handler.surface is not None
    return handler.surface


def shows(client: GuacClient, surface: FrameBuffer) -> bool:
    """Return whether the client's picture equals the surface's, pixel for pixel."""
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
        assert client.state.name == "guacr test card"
        assert client.canvas.size == (640, 480)
        seen = set()
        for _ in range(12):
            await client.frame()
            await client.wait(lambda: shows(client, surface_of(daemon)), "the same picture")
            seen.add(client.canvas.flatten().tobytes())
        assert len(seen) > 6
        assert client.canvas.counts["copy"] > 6
        assert client.canvas.opaque()


@pytest.mark.parametrize("motion", ["scroll", "photo", "noise"])
async def test_a_picture_that_moves_as_a_whole(daemon: Daemon, motion: str) -> None:
    parameters = {"frame-rate": "5", "motion": motion}
    async with await GuacClient.connect(
        address(daemon), "testcard", parameters, hello=HELLO
    ) as client:
        await client.frame()
        seen: set[bytes] = set()
        while len(seen) < 3:  # some frames only make the last picture exact
            await client.frame()
            await client.wait(lambda: shows(client, surface_of(daemon)), "the same picture")
            seen.add(client.canvas.flatten().tobytes())
        assert bool(client.canvas.counts["copy"]) == (motion == "scroll")


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
        async with await GuacClient.connect(place, owner.state.ready) as joiner:
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
        wanted = expected.surface.pixels(panel).bgrx().array[..., 2::-1]

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


async def test_fingers_are_marked_until_they_leave(daemon: Daemon) -> None:
    async with await GuacClient.connect(address(daemon), "testcard", STILL, hello=HELLO) as client:
        await client.frame()
        assert [r.args for r in client.history if r.opcode == "set"] == [("0", "multi-touch", "10")]
        base = client.canvas.layers
        for finger, x in ((3, 100), (4, 300), (3, 120)):
            client.touch(finger, x, 200, radius=(40, 30))
        await client.wait(lambda: len(client.canvas.layers) == len(base) + 2, "two marks")
        place = Rect(120 - 40, 200 - 30, 80, 60)

        def frames() -> bool:
            red = (client.canvas.flatten() == (255, 64, 64)).all(axis=2)
            inside = red[place.y : place.bottom, place.x : place.right]
            return bool(inside[0].all() and inside[:, -1].all() and not inside[10:50, 10:70].any())

        await client.wait(frames, "a frame around the finger")
        for finger in (3, 4):
            client.touch(finger, 100, 200, force=0, radius=(40, 30))
        await client.wait(lambda: client.canvas.layers == base, "no marks")


async def test_a_tone_is_played(daemon: Daemon) -> None:
    parameters = STILL | {"sound": "tone"}
    async with await GuacClient.connect(
        address(daemon), "testcard", parameters, hello=HELLO
    ) as client:
        played = bytearray()

        def some() -> bool:
            for stream in client.canvas.streams:
                if stream.opcode == "audio":
                    played[:] = stream.data
            return len(played) > 20_000

        await client.wait(some, "sound")
        samples = np.frombuffer(bytes(played[:17_640]), "<i2").reshape(-1, 2)  # a tenth of a second
        assert (samples[:, 0] == samples[:, 1]).all()
        strengths = np.abs(np.fft.rfft(samples[:, 0]))
        assert int(strengths.argmax()) * 10 == 440
        assert 3000 < samples.max() < 3500


async def test_the_level_of_a_microphone_is_shown(daemon: Daemon) -> None:
    loud = np.full(5000, 0x4000, "<i2").tobytes()
    parameters = STILL | {"microphone": "true"}
    expected = Card(640, 480, CardParams())
    for text in ("microphone -6 dB", "microphone off"):
        expected.panel.add(expected.surface, text)
    panel = Layout(640, 480).input
    rows = np.s_[panel.y : panel.bottom, panel.x : panel.right]
    lines = expected.surface.array[..., 2::-1][rows]
    async with await GuacClient.connect(
        address(daemon), "testcard", parameters, hello=HELLO
    ) as client:
        await client.frame()
        client.stream("audio", "audio/L16;rate=8000,channels=1", data=loud)
        await client.wait(lambda: np.array_equal(client.canvas.flatten()[rows], lines), "the level")
        assert client.state.acks[0][2] == 0


async def test_microphones_are_refused_unless_they_are_asked_for(daemon: Daemon) -> None:
    async with await GuacClient.connect(address(daemon), "testcard", STILL, hello=HELLO) as client:
        await client.frame()
        client.send("audio", 0, "audio/L16;rate=8000,channels=1")
        await client.wait(lambda: client.state.acks, "an answer")
        assert client.state.acks[0][2] == 256


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
        running_daemon(CardHandler, settings=settings) as daemon,
        await GuacClient.connect(address(daemon), "testcard", STILL, hello=HELLO) as client,
    ):
        await client.frame()
        surface = surface_of(daemon)
        difference = client.canvas.flatten().astype(int) - surface.array[..., 2::-1]
        assert 0 < np.abs(difference).mean() < 12


async def test_what_is_sent_with_losses_becomes_exact_once_it_rests() -> None:
    slowly = {"frame-rate": "1"}
    async with (
        running_daemon(CardHandler) as daemon,
        await GuacClient.connect(address(daemon), "testcard", slowly, hello=HELLO) as client,
    ):
        await client.frame()
        assert not shows(client, surface_of(daemon))
        await client.wait(lambda: shows(client, surface_of(daemon)), "a picture without losses")


async def test_impossible_parameters_are_refused(daemon: Daemon) -> None:
    client = await GuacClient.dial(*address(daemon))
    async with client:
        client.send("select", "testcard")
        await client.wait(lambda: client.state.args)
        client.answer_args({"frame-rate": "61"}, HELLO)
        await client.wait_closed()
        allowed = "parameter frame-rate must be a whole number from 1 to 60, not '61'"
        assert client.state.errors == [(allowed, 768)]


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
