"""Frames that take long to encode are made with less effort; lossy areas become exact."""

from __future__ import annotations

import asyncio
import time
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


class SlowExecutor(ThreadPoolExecutor):
    """A thread that is busy with something else for `delay` seconds before each task."""

    delay = 0.0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        def late() -> Any:
            time.sleep(self.delay)
            return fn(*args, **kwargs)

        return super().submit(late)


async def test_frames_are_hurried_for_a_while_after_a_slow_one() -> None:
    surface, display = FrameBuffer(64, 64), Display()
    display.set_surface(surface)
    with SlowExecutor(1) as executor:
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
    moving: bool,
) -> None:
    loop, chance = asyncio.get_running_loop(), np.random.default_rng(1)
    surface, display = FrameBuffer(640, 640), Display()
    display.set_surface(surface)

    def draw(rect: Rect, now: float) -> None:
        noise = chance.integers(0, 256, (rect.height, rect.width, 4), np.uint8)
        surface.blit(rect, noise)
        plan = display.plan(now)
        assert plan is not None
        plan.encode(Encoding())

    begun = loop.time()
    draw(Rect(0, 0, 640, 640), begun - 9.0)
    for step in range(4 if moving else 0):
        draw(Rect(0, 0, 128, 128), begun + step / 100)
    with ThreadPoolExecutor(1) as executor:
        frames = Frames(display, Settings(), executor, lambda error: None)
        frames._refine_now()
        assert frames._refinement is not None
        pause = frames._refinement.when() - loop.time()
        frames.stop()
    least, most = (REFINE_SOON, REFINE_EVERY) if moving else (0.0, REFINE_SOON)
    assert least < pause <= most
