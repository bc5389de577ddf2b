"""The lag of the event loop is measured while it runs, and what holds it shows."""

import asyncio
import time

import pytest

from guacr.loop_lag import INTERVAL, LoopLag

HELD = 0.2


@pytest.mark.holds_loop(reason="its lag is measured")
async def test_what_holds_the_loop_shows() -> None:
    lag = LoopLag()
    assert lag.recent == 0.0
    await lag.start()
    asyncio.get_running_loop().call_later(INTERVAL * 0.9, time.sleep, HELD)
    async with asyncio.timeout(10):
        while not sum(lag.seconds.counts):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    lag.stop()
    await lag.close()
    assert lag.recent > HELD / 2
    assert lag.seconds.total >= lag.recent
