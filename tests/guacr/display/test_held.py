"""Pictures that wait until they are whole."""

from __future__ import annotations

import asyncio

import numpy as np

from guacr.display.display import Display
from guacr.display.encoder import Encoding
from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.held import HeldSurface
from guacr.display.layer import FORGET_AFTER
from guacr.display.pixels import Array8
from guacr.protocol.instruction import encode
from guacr.testing.canvas import Canvas
from tests.support.loopback import until

ALL = Rect(0, 0, 200, 100)
LONG = 3600.0
EXACT = Encoding(format="png")


def noise(width: int, height: int) -> Array8:
    """A picture that does not look the same anywhere."""
    return np.random.default_rng(1).integers(0, 256, (height, width, 4), np.uint8)


class Screen:
    """A surface that is held, and a viewer of it."""

    def __init__(self, limit: float = LONG) -> None:
        self.calls = 0
        self.buffer = FrameBuffer(200, 100)
        self.held = HeldSurface(self.buffer, limit, self.called)
        self.display = Display()
        self.display.set_surface(self.held)
        self.viewer = Canvas()

    def called(self) -> None:
        self.calls += 1

    def shows(self, encoding: Encoding = EXACT) -> bool:
        """Send a frame; whether the viewer sees what was drawn then."""
        plan = self.display.plan(0.0)
        if plan is not None:
            self.viewer.feed(plan.encode(encoding) + encode("sync", 1, 1))
        return bool((self.viewer.flatten() == self.buffer.array[..., 2::-1]).all())


async def test_a_picture_is_shown_when_it_is_whole() -> None:
    screen = Screen()
    assert screen.shows()
    screen.held.hold()
    screen.buffer.fill(ALL, (1, 2, 3))
    assert not screen.held.changed
    assert not screen.shows()
    screen.held.hold()
    screen.held.release()
    assert screen.shows()


async def test_the_first_picture_waits_for_nothing() -> None:
    screen = Screen()
    screen.held.hold()
    screen.buffer.fill(ALL, (1, 2, 3))
    assert screen.shows()


async def test_a_host_that_never_finishes_is_not_believed() -> None:
    screen = Screen(limit=0.001)
    assert screen.shows()
    screen.held.hold()
    screen.buffer.fill(ALL, (1, 2, 3))
    await until(lambda: screen.calls == 1)
    assert screen.shows()
    screen.held.hold()
    screen.buffer.fill(ALL, (4, 5, 6))
    assert screen.shows(), "nor is the next picture held"
    screen.held.release()
    screen.held.hold()
    screen.buffer.fill(ALL, (7, 8, 9))
    assert not screen.shows()
    await until(lambda: screen.calls == 2)


async def test_a_held_picture_of_another_size() -> None:
    screen = Screen()
    assert screen.shows()
    screen.held.hold()
    screen.buffer.resize(300, 50)
    screen.held.release()
    await asyncio.sleep(0)
    assert screen.shows()
    assert screen.viewer.size == (300, 50)


async def test_a_new_size_while_it_waits_loses_nothing() -> None:
    screen = Screen()
    assert screen.shows()
    screen.held.hold()
    screen.buffer.resize(300, 160)
    screen.buffer.fill(Rect(0, 0, 300, 160), (40, 90, 140))
    screen.shows()  # the new size
    screen.buffer.fill(Rect(20, 20, 50, 50), (200, 0, 0))
    screen.held.release()
    assert screen.shows()


async def test_viewers_that_come_while_it_waits_miss_nothing() -> None:
    screen = Screen()
    assert screen.shows()
    screen.held.hold()
    screen.buffer.fill(ALL, (40, 90, 140))
    screen.display.skip(0.0)
    full = screen.display.plan_full().encode(EXACT)
    screen.viewer.feed(full + encode("sync", 1, 1))
    screen.buffer.fill(Rect(20, 20, 50, 50), (200, 0, 0))
    screen.held.release()
    assert screen.shows()


async def test_a_copy_while_it_waits_is_carried_out_once() -> None:
    screen = Screen()
    screen.buffer.blit(ALL, noise(200, 100))
    assert screen.shows()
    screen.held.hold()
    screen.buffer.copy_rect(Rect(0, 20, 200, 80), 0, 0)
    screen.display.skip(0.0)
    full = screen.display.plan_full().encode(EXACT)
    screen.viewer.feed(full + encode("sync", 1, 1))
    screen.held.release()
    assert screen.shows()


async def test_who_joins_after_a_long_rest_misses_no_copy() -> None:
    screen = Screen()
    screen.buffer.blit(ALL, noise(200, 100))
    assert screen.shows()
    screen.display.refine(FORGET_AFTER + 1, 1.0)
    screen.held.hold()
    screen.buffer.copy_rect(Rect(0, 20, 200, 80), 0, 0)
    joiner = Canvas()
    joiner.feed(screen.display.plan_full().encode(EXACT) + encode("sync", 1, 1))
    screen.held.release()
    screen.viewer = joiner
    assert screen.shows()


async def test_a_surface_that_only_passes_on_what_is_held_misses_no_copy() -> None:
    screen = Screen()
    screen.display.set_surface(HeldSurface(screen.held, LONG, screen.called))
    screen.buffer.blit(ALL, noise(200, 100))
    assert screen.shows()
    screen.display.refine(FORGET_AFTER + 1, 1.0)
    screen.held.hold()
    screen.buffer.copy_rect(Rect(0, 20, 200, 80), 0, 0)
    joiner = Canvas()
    joiner.feed(screen.display.plan_full().encode(EXACT) + encode("sync", 1, 1))
    screen.held.release()
    screen.viewer = joiner
    assert screen.shows()


async def test_what_rests_while_it_waits_is_not_half_drawn() -> None:
    screen = Screen()
    screen.buffer.resize(300, 300)
    whole, before = Rect(0, 0, 300, 300), noise(300, 300)
    screen.buffer.blit(whole, before)
    assert not screen.shows(Encoding())
    screen.held.hold()
    screen.buffer.fill(whole, (1, 2, 3))
    screen.display.refine(5.0, 1.0)
    screen.shows()
    screen.buffer.blit(whole, before)
    assert screen.shows(), "the viewer has the whole picture, without losses"
    screen.held.release()
    assert screen.shows()


async def test_who_joins_meanwhile_sees_what_the_others_see() -> None:
    screen = Screen()
    assert screen.shows()
    before = screen.viewer.flatten().copy()
    screen.held.hold()
    screen.buffer.fill(Rect(0, 0, 30, 30), (200, 0, 0))
    assert not screen.shows()
    joiner = Canvas()
    joiner.feed(screen.display.plan_full().encode(Encoding()) + encode("sync", 9, 1))
    assert (joiner.flatten() == before).all()
    screen.held.release()
