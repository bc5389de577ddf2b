"""Requests of handlers to their session."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.display.encoder import Quality
from guacr.display.geometry import Rect
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


async def test_what_is_drawn_is_taken_by_a_frame() -> None:
    bench = Bench()
    transport, user = bench.connect()
    await frame(transport)
    transport.acknowledge()
    context = session_of(user).context
    await context.until_taken(60)  # at once: nothing has been drawn
    for number in range(3):
        sketch(user).surface.fill(Rect(0, 0, 9, 9), (number, 0, 0))
        context.changed()
        syncs = len(transport.all("sync"))
        async with asyncio.timeout(10):
            await asyncio.gather(context.until_taken(60), context.until_taken(60))
        await frame(transport, syncs)
        transport.acknowledge()
    await bench.close()


async def test_nobody_waits_for_a_frame_for_long() -> None:
    bench = Bench()
    transport, user = bench.connect()
    await frame(transport)
    context = session_of(user).context
    transport.stalled = True
    for number in range(3):
        sketch(user).surface.fill(Rect(0, 0, 200, 100), (number, 0, 0))
        await context.until_taken(0.01)  # nothing has been reported, so no frame is due
    context.changed()
    waiting = asyncio.create_task(context.until_taken(60))
    await asyncio.sleep(0)
    await bench.close()
    async with asyncio.timeout(10):
        await waiting
