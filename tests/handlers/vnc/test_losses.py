"""What comes as JPEG becomes exact at rest, and JPEG is accepted while much changes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from guacr.daemon import Daemon
from guacr.display.encoded import EncodedImage
from guacr.display.geometry import Rect
from guacr.display.jpeg import encode_jpeg
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc import losses
from handlers.vnc.losses import GIVE_UP, MUCH, PART, REFUSALS_MAX, REST, WINDOW, Losses
from handlers.vnc.options import client_options, encodings_of
from handlers.vnc.params import VncParams
from handlers.vnc.pointer import Pointer
from handlers.vnc.rfb.events import (
    Copied,
    Drawn,
    Filled,
    Pictured,
    Resized,
    UpdateBegun,
    UpdateEnded,
)
from handlers.vnc.sender import Sender
from handlers.vnc.speed import LARGE
from tests.handlers.vnc.test_session import shows
from tests.support.clock import FrozenClock
from tests.support.xvnc import Desktop, x11vnc

PIXELS = np.zeros((8, 8, 4), np.uint8)
OPTIONS = client_options(VncParams(hostname="h"), 1000)
LOSSLESS = encodings_of(VncParams(hostname="h", force_lossless=True))
DESKTOP = Rect(0, 0, 800, 600)


class Recorder(Sender):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def take(self) -> list[Rect | bool]:
        """Return the rectangles requested since, and whether JPEG is accepted if that was sent."""
        found: list[Rect | bool] = []
        for message in self.sent:
            if message[0] == 2:
                found.append(struct.pack(">i", -27) in message)
            else:
                kind, incremental, *place = struct.unpack(">BBHHHH", message)
                assert (kind, incremental) == (3, 0)
                found.append(Rect(*place))
        self.sent.clear()
        return found


class Server:
    """A server as `Losses` sees it, and a clock."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.sender = Recorder()
        self.pointer = Pointer(lambda _: None)
        self.losses = Losses(self.sender, OPTIONS, self.pointer)
        self.received = 0

    def jpeg(self, rect: Rect) -> None:
        self.losses.note([pictured(rect), UpdateEnded()], self.received)

    async def slowly(self, rect: Rect, *, jpeg: bool, seconds: float = 1.0) -> None:
        """An update that comes over a slow link, in four pieces."""
        self.losses.note([UpdateBegun()], self.received)
        for part in bands(rect, 4):
            await self.clock.pass_by(seconds / 4)
            self.received += LARGE // 4
            if jpeg:
                self.losses.note([pictured(part)], self.received)
            else:
                self.losses.note([Drawn(part, PIXELS)], self.received)
        self.losses.note([UpdateEnded()], self.received)

    def precise(self, rect: Rect) -> None:
        self.losses.note([Drawn(rect, PIXELS), UpdateEnded()], self.received)

    async def rests(self) -> None:
        await self.clock.pass_by(REST + 0.01)


def pictured(rect: Rect) -> Pictured:
    pixels = np.zeros((rect.height, rect.width, 4), np.uint8)
    image = EncodedImage("image/jpeg", encode_jpeg(pixels, 70, "420"), pixels)
    return Pictured(rect.x, rect.y, image)


def bands(rect: Rect, count: int) -> list[Rect]:
    rows = rect.height // count
    return [Rect(rect.x, rect.y + n * rows, rect.width, rows) for n in range(count)]


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(FrozenClock(monkeypatch))


def test_the_quality_is_among_the_options() -> None:
    assert -27 in OPTIONS.encodings


async def test_losses_are_requested_once_more_at_rest(server: Server) -> None:
    spot = Rect(30, 40, 200, 100)
    server.jpeg(spot)
    await server.clock.pass_by(REST / 2)
    server.jpeg(spot)
    await server.clock.pass_by(REST / 2 + 0.01)
    assert server.sender.take() == [], "it still moves"
    await server.rests()
    assert server.sender.take() == [False, spot]
    server.precise(spot)
    await server.rests()
    assert server.sender.take() == []


async def test_a_large_picture_is_requested_in_parts(server: Server) -> None:
    server.jpeg(DESKTOP)
    await server.rests()
    requested: list[Rect] = []
    while len(found := [each for each in server.sender.take() if each is not False]) == 1:
        (part,) = found
        assert isinstance(part, Rect)
        requested.append(part)
        server.losses.note([Filled(part, (1, 2, 3)), UpdateEnded()], 0)
    assert requested[0].area <= PART
    assert max(part.area for part in requested) > PART, "a quick server is asked for more at a time"
    assert sum(part.area for part in requested) == DESKTOP.area


async def test_what_is_near_the_pointer_comes_first(server: Server) -> None:
    server.pointer.move(100, 320, 0)
    server.jpeg(Rect(0, 0, 800, 100))
    server.jpeg(Rect(0, 200, 800, 400))
    await server.rests()
    requested: list[Rect] = []
    while found := [each for each in server.sender.take() if isinstance(each, Rect)]:
        requested += found
        await server.clock.pass_by(0.04)  # neither quick nor slow
        server.precise(found[0])
    assert requested[0] == Rect(0, 280, 800, PART // 800)
    assert sum(part.area for part in requested) == 500 * 800
    away = [max(part.y - 320, 320 - part.bottom, 0) for part in requested]
    assert away == sorted(away)


async def test_a_slow_server_is_asked_for_less_at_a_time(server: Server) -> None:
    server.jpeg(DESKTOP)
    await server.rests()
    _, first = server.sender.take()
    assert isinstance(first, Rect)
    await server.clock.pass_by(0.5)
    server.precise(first)
    (second,) = server.sender.take()
    assert isinstance(second, Rect)
    assert second.area < first.area


async def test_what_belongs_to_another_place_does_not_count(server: Server) -> None:
    server.jpeg(DESKTOP)
    await server.rests()
    server.sender.take()
    server.precise(Rect(0, 500, 800, 100))
    assert server.sender.take() == []


async def test_new_losses_are_waited_for(server: Server) -> None:
    server.jpeg(Rect(0, 0, 200, 200))
    await server.rests()
    assert server.sender.take() == [False, Rect(0, 0, 200, 200)]
    server.jpeg(Rect(200, 0, 200, 200))
    server.precise(Rect(0, 0, 200, 200))
    assert server.sender.take() == []
    await server.rests()
    assert server.sender.take() == [Rect(200, 0, 200, 200)]


async def test_a_little_jpeg_is_no_motion(server: Server) -> None:
    server.jpeg(Rect(0, 0, 200, 200))
    for y in (0, 50, 100, 150):
        await server.clock.pass_by(REST / 3)
        server.jpeg(Rect(0, y, 4, 50))
    assert server.sender.take() == [False, Rect(0, 0, 200, 200)]
    server.jpeg(Rect(500, 50, 4, 50))
    server.precise(Rect(0, 0, 200, 200))
    await server.rests()
    assert server.sender.take() == [Rect(500, 50, 4, 50)]


async def test_losses_that_are_copied(server: Server) -> None:
    server.jpeg(Rect(0, 0, 100, 100))
    server.losses.note([Copied(Rect(50, 50, 300, 300), 450, 350), UpdateEnded()], 0)
    await server.rests()
    server.precise(Rect(0, 0, 100, 100))
    assert server.sender.take() == [False, Rect(0, 0, 100, 100), Rect(450, 350, 50, 50)]


async def test_losses_that_are_copied_while_they_are_requested(server: Server) -> None:
    server.jpeg(DESKTOP)
    await server.rests()
    _, first = server.sender.take()
    assert isinstance(first, Rect)
    server.losses.note([Copied(Rect(0, 0, 800, 500), 0, 100)], 0)
    server.precise(first)
    await server.rests()
    requested = first.area
    while found := server.sender.take():
        (part,) = found
        assert isinstance(part, Rect)
        requested += part.area
        server.precise(part)
    assert requested == DESKTOP.area


async def test_a_server_that_always_sends_jpeg_is_not_asked_for_ever(server: Server) -> None:
    server.jpeg(DESKTOP)
    asked = 0
    for _ in range(REFUSALS_MAX + 3):
        await server.rests()
        for each in server.sender.take():
            if isinstance(each, Rect):
                asked += 1
                server.jpeg(each)
    assert asked == REFUSALS_MAX
    server.precise(DESKTOP)
    server.received += MUCH + 1
    server.precise(DESKTOP)
    assert server.sender.take() == [True]
    server.jpeg(Rect(0, 0, 10, 10))
    await server.rests()
    assert server.sender.take() == [False, Rect(0, 0, 10, 10)], "after motion it is tried again"


async def test_jpeg_is_not_accepted_again_once_it_must_not_be(server: Server) -> None:
    server.jpeg(Rect(0, 0, 10, 10))
    await server.rests()
    server.precise(Rect(0, 0, 10, 10))
    server.losses.change_encodings(LOSSLESS)
    await server.clock.pass_by(WINDOW)
    server.precise(DESKTOP)
    server.received += MUCH + 1
    server.precise(DESKTOP)
    assert server.sender.take() == [False, Rect(0, 0, 10, 10), False]


async def test_jpeg_is_refused_again_after_the_quality_was_changed(server: Server) -> None:
    server.jpeg(Rect(0, 0, 10, 10))
    await server.rests()
    server.precise(Rect(0, 0, 10, 10))
    server.sender.take()
    server.losses.change_encodings(OPTIONS.encodings)
    assert server.sender.take() == [True]
    server.jpeg(Rect(0, 0, 10, 10))
    await server.rests()
    assert server.sender.take() == [False, Rect(0, 0, 10, 10)]


async def test_a_server_that_does_not_send_them_is_not_asked_for_ever(server: Server) -> None:
    server.jpeg(DESKTOP)
    await server.rests()
    for _ in range(REFUSALS_MAX):
        assert server.sender.take()
        server.precise(Rect(790, 590, 10, 10))
        await server.clock.run_for(GIVE_UP + 0.1)
        await server.rests()
    assert server.sender.take() == []
    server.jpeg(Rect(0, 0, 10, 10))
    await server.rests()
    assert server.sender.take() == [Rect(0, 0, 10, 10)]


async def test_losses_are_not_forgotten_while_the_server_hangs(server: Server) -> None:
    server.jpeg(DESKTOP)
    await server.rests()
    _, first = server.sender.take()
    assert isinstance(first, Rect)
    server.precise(Rect(790, 590, 10, 10))  # which was on its way
    for _ in range(10):
        await server.clock.run_for(GIVE_UP + 0.1)
        await server.rests()
    assert server.sender.take() == [first]
    server.precise(first)
    (second,) = server.sender.take()
    assert isinstance(second, Rect)
    assert second.y == first.bottom


async def test_another_size_forgets_the_losses(server: Server) -> None:
    server.jpeg(DESKTOP)
    server.losses.note([Resized(100, 100)], 0)
    await server.rests()
    assert server.sender.take() == [False]


async def test_jpeg_is_accepted_again_while_much_changes(server: Server) -> None:
    server.jpeg(Rect(0, 0, 10, 10))
    await server.rests()
    server.precise(Rect(0, 0, 10, 10))
    server.sender.take()
    for _ in range(4):
        await server.clock.pass_by(WINDOW)
        server.received += MUCH // 2
        server.precise(DESKTOP)
    assert server.sender.take() == [], "text that scrolls"
    server.received += MUCH + 1
    server.precise(DESKTOP)
    assert server.sender.take() == [True]


async def test_a_small_part_of_jpeg_that_never_rests(server: Server) -> None:
    spot = Rect(0, 0, 100, 100)
    server.jpeg(spot)
    for _ in range(REFUSALS_MAX):
        await server.rests()
        assert spot in server.sender.take()
        server.jpeg(spot)
    await server.rests()
    assert server.sender.take() == []


async def test_over_a_slow_link_jpeg_is_accepted_again_once_all_is_precise(server: Server) -> None:
    await server.slowly(DESKTOP, jpeg=True)
    await server.rests()
    changes = []
    while found := server.sender.take():
        for each in found:
            if isinstance(each, Rect):
                server.precise(each)
            else:
                changes.append(each)
    assert changes == [False, True]


async def test_over_a_slow_link_jpeg_is_accepted_again_while_something_else_moves(
    server: Server,
) -> None:
    await server.slowly(DESKTOP, jpeg=True)
    await server.rests()
    assert server.sender.take()[0] is False
    await server.slowly(DESKTOP, jpeg=False)
    assert server.sender.take() == [True]
    await server.rests()
    assert server.sender.take()[0] is False, "it rests again"


async def test_over_a_slow_link_jpeg_is_accepted_again_for_the_answer_to_a_click(
    server: Server,
) -> None:
    await server.slowly(DESKTOP, jpeg=True)
    await server.rests()
    assert server.sender.take()[0] is False
    server.losses.note_input()
    assert server.sender.take() == [True]
    await server.rests()
    assert server.sender.take()[0] is False, "nothing has followed"


async def test_over_a_quick_link_a_click_changes_nothing(server: Server) -> None:
    server.jpeg(DESKTOP)
    await server.rests()
    assert server.sender.take()[0] is False
    server.losses.note_input()
    assert server.sender.take() == []


async def test_what_was_drawn_over_is_not_requested(server: Server) -> None:
    server.jpeg(DESKTOP)
    server.precise(Rect(0, 0, 800, 590))
    await server.rests()
    assert server.sender.take() == [False, Rect(0, 590, 800, 10)]


async def test_an_update_that_arrives_slowly_is_no_rest(server: Server) -> None:
    await server.slowly(DESKTOP, jpeg=True, seconds=8 * REST)
    assert server.sender.take() == []
    await server.rests()
    assert server.sender.take()[0] is False


async def test_a_round_trip_makes_no_part_smaller(server: Server) -> None:
    server.jpeg(DESKTOP)
    await server.rests()
    _, first = server.sender.take()
    assert isinstance(first, Rect)
    await server.clock.pass_by(0.5)
    server.losses.note([UpdateBegun()], 0)
    server.precise(first)
    (second,) = server.sender.take()
    assert isinstance(second, Rect)
    assert second.area > first.area


async def test_nothing_is_requested_after_the_end(server: Server) -> None:
    server.jpeg(DESKTOP)
    server.losses.close()
    await server.rests()
    assert server.sender.take() == []


# ---- real servers


def show_photo(desktop: Desktop, directory: Path) -> None:
    """Show noise, of which only JPEG could make few bytes, in a window of 400x300 pixels."""
    raw = bytearray(desktop.run("xwd", "-root", "-silent"))
    pixels = np.random.default_rng(1).integers(0, 256, 800 * 600 * 4, np.uint8)
    raw[-len(pixels) :] = pixels.tobytes()
    path = directory / "photo.xwd"
    path.write_bytes(raw)
    desktop.start("xwud", "-raw", "-noclick", "-in", str(path))


async def test_a_photo_becomes_exact(
    daemon: Daemon, desktop: Desktop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "REST", 0.1)
    async with await GuacClient.connect(address(daemon), "vnc", desktop.parameters) as client:
        client.mouse(1, 1)
        show_photo(desktop, tmp_path)
        await shows(client, desktop)


async def test_a_photo_of_x11vnc_becomes_exact(
    daemon: Daemon, desktop: Desktop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "REST", 0.1)
    show_photo(desktop, tmp_path)
    async with (
        x11vnc(desktop) as parameters,
        await GuacClient.connect(address(daemon), "vnc", parameters) as client,
    ):
        client.mouse(1, 1)
        await shows(client, desktop)
