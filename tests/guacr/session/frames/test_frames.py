"""Frames that take long to encode are made with less effort."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from guacr.display.display import Display
from guacr.display.encoder import Encoding
from guacr.display.framebuffer import FrameBuffer
from guacr.session.frames.frames import HURRY, Frames
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
