"""Requests of handlers to their session."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.display.encoder import Quality
from guacr.display.geometry import Rect
from guacr.session.frames import frames
from guacr.session.user import User
from guacr.settings.models import DisplaySettings, Settings
from tests.support.loopback import Bench, frame, session_of, sketch


@pytest.mark.parametrize("lossless", [True, False])
async def test_a_handler_may_forbid_losses(lossless: bool) -> None:
    bench = Bench(Settings(display=DisplaySettings(image_format="jpeg")))
    transport, user = bench.connect()
    await frame(transport)
    transport.acknowledge()
    if lossless:
        session_of(user).context.set_quality(Quality.LOSSLESS)
    noise = np.random.default_rng(1).integers(0, 256, (100, 200, 4), np.uint8)
    transport.received.clear()
    sketch(user).surface.blit(Rect(0, 0, 200, 100), noise)
    session_of(user).context.changed()
    await frame(transport)
    types = {arguments[3] for arguments in transport.all("img")}
    assert types == ({"image/png"} if lossless else {"image/jpeg"})
    await bench.close()


def photo(width: int, height: int) -> NDArray[np.uint8]:
    """Pixels that are worth a JPEG."""
    across, down = np.linspace(0, 100, width), np.linspace(0, 100, height)
    noise = np.random.default_rng(1).integers(0, 50, (height, width, 4))
    return (down[:, None, None] + across[None, :, None] + noise).astype(np.uint8)


async def bytes_of_a_photo(quality: Quality) -> int:
    bench = Bench(Settings(display=DisplaySettings(image_format="jpeg")))
    transport, user = bench.connect()
    await frame(transport)
    transport.acknowledge()
    session_of(user).context.set_quality(quality)
    before = transport.written
    sketch(user).surface.blit(Rect(0, 0, 200, 100), photo(200, 100))
    session_of(user).context.changed()
    await frame(transport)
    await bench.close()
    return transport.written - before


async def test_low_quality_takes_less_of_a_link() -> None:
    low, automatic, lossless = [
        await bytes_of_a_photo(quality)
        for quality in (Quality.LOW, Quality.AUTOMATIC, Quality.LOSSLESS)
    ]
    assert low < automatic / 2 < lossless / 2


def draw(user: User, colour: int) -> None:
    sketch(user).surface.fill(Rect(0, 0, 200, 100), (colour, 0, 0))
    session_of(user).context.changed()


async def test_a_frame_that_is_due_is_made_before_more_is_drawn() -> None:
    bench = Bench(Settings(display=DisplaySettings(frame_rate=60)))
    transport, user = bench.connect()
    transport.replies = True
    await frame(transport)
    for colour in (50, 100, 150):
        await asyncio.sleep(0.05)  # so that one is due
        syncs = len(transport.all("sync"))
        draw(user, colour)
        await session_of(user).context.give_way_to_frame(60)
        assert len(transport.all("sync")) > syncs
    await bench.close()


async def test_nothing_is_drawn_while_a_frame_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "INLINE_COST", 0.0)
    bench = Bench()
    transport, user = bench.connect()
    await frame(transport)
    transport.acknowledge()
    context, held = session_of(user).context, threading.Event()
    bench.executor.submit(held.wait)  # its only thread
    await asyncio.sleep(0.05)  # so that a frame is due
    draw(user, 1)
    await context.give_way_to_frame(60)
    await context.give_way_to_frame(0.001)  # it is being encoded
    waiting = asyncio.create_task(context.give_way_to_frame(60))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    syncs = len(transport.all("sync"))
    held.set()
    async with asyncio.timeout(10):
        await waiting
    assert len(transport.all("sync")) > syncs
    await bench.close()
