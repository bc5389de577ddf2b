"""Frames that take long to encode are made with less effort; lossy areas become exact."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from guacr.display.display import Display
from guacr.display.encoder import Encoding
from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.session.frames.frames import HURRY, REFINE_EVERY, REFINE_SOON, Frames
from guacr.settings.models import Settings
from tests.support.clock import FrozenClock


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    return FrozenClock(monkeypatch)


class SlowExecutor(ThreadPoolExecutor):
    """A thread that takes `delay` seconds of the clock longer for each task."""

    def __init__(self, clock: FrozenClock) -> None:
        super().__init__(1)
        self.delay = 0.0
        self._clock = clock

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        def late() -> Any:
            self._clock.skip(self.delay)
            return fn(*args, **kwargs)

        return super().submit(late)


async def test_frames_are_hurried_for_a_while_after_a_slow_one(clock: FrozenClock) -> None:
    surface, display = FrameBuffer(64, 64), Display()
    display.set_surface(surface)
    with SlowExecutor(clock) as executor:
        frames = Frames(display, Settings(), executor, lambda error: None)

        async def encode() -> bool:
            surface.array[..., :3] = np.random.default_rng(1).integers(0, 256, (64, 64, 3))
            surface.touch(surface._bounds)
            await frames._encode((display.plan(0.0), None), Encoding(), [], [])
            return frames._encoding([]).hurried

        executor.delay = 2 * HURRY
        assert await encode()
        executor.delay = 0.0
        assert await encode()
        for _ in range(100):
            if not await encode():
                break
        assert not await encode()


@pytest.mark.parametrize("moving", [False, True])
async def test_parts_of_a_picture_become_exact_one_soon_after_another_if_nothing_moves(
    moving: bool, clock: FrozenClock
) -> None:
    chance = np.random.default_rng(1)
    surface, display = FrameBuffer(640, 640), Display()
    display.set_surface(surface)

    def draw(rect: Rect) -> None:
        noise = chance.integers(0, 256, (rect.height, rect.width, 4), np.uint8)
        surface.blit(rect, noise)
        plan = display.plan(clock.now)
        assert plan is not None
        plan.encode(Encoding())

    draw(Rect(0, 0, 640, 640))
    clock.skip(9.0)
    for _ in range(4 if moving else 0):
        clock.skip(0.01)
        draw(Rect(0, 0, 128, 128))
    with ThreadPoolExecutor(1) as executor:
        frames = Frames(display, Settings(), executor, lambda error: None)
        frames._refine_now()
        assert frames._refinement is not None
        pause = frames._refinement.when() - clock.now
        frames.stop()
    assert pause == pytest.approx(REFINE_EVERY if moving else REFINE_SOON)
