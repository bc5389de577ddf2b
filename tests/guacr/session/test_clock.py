"""The frame clock: at once after quiet, never above its rate, and with the viewers' pace."""

import asyncio
import time
from itertools import pairwise

from guacr.session.clock import FrameClock
from tests.support.loopback import until


class Ticks:
    """Counts ticks; `lag` is what the viewers' would be."""

    def __init__(self, rate: int = 50) -> None:
        self.times: list[float] = []
        self.lag = 0.0
        self.sends = True
        self.work = 0.0
        self.clock = FrameClock(rate, self.tick, lambda: self.lag)

    def tick(self) -> bool:
        self.times.append(asyncio.get_running_loop().time())
        time.sleep(self.work)
        return self.sends


async def test_the_first_change_goes_out_at_once() -> None:
    ticks = Ticks()
    ticks.clock.wake()
    ticks.clock.wake()
    assert ticks.times == []
    await asyncio.sleep(0)
    assert len(ticks.times) == 1


async def test_the_next_one_waits_for_its_time() -> None:
    ticks = Ticks()
    ticks.clock.wake()
    await asyncio.sleep(0)
    ticks.clock.wake()
    await until(lambda: len(ticks.times) == 2)
    assert 0.019 <= ticks.times[1] - ticks.times[0] < 0.2


async def test_a_tick_that_sends_nothing_delays_nothing() -> None:
    ticks = Ticks()
    ticks.sends = False
    for number in range(1, 4):
        ticks.clock.wake()
        await asyncio.sleep(0)
        assert len(ticks.times) == number


async def test_what_may_wait_goes_out_with_what_may_not() -> None:
    ticks = Ticks(rate=1)
    ticks.clock.wake_later()
    ticks.clock.viewer_moved()
    await asyncio.sleep(0)
    assert ticks.times == []
    assert ticks.clock.pending
    ticks.clock.wake()
    await asyncio.sleep(0)
    assert len(ticks.times) == 1
    assert not ticks.clock.pending


async def test_what_may_wait_goes_out_by_itself_a_frame_later() -> None:
    ticks = Ticks()
    started = asyncio.get_running_loop().time()
    ticks.clock.wake_later()
    await until(lambda: len(ticks.times) == 1)
    assert ticks.times[0] - started >= 0.019


async def test_lag_slows_it_down_and_an_acknowledgement_lets_it_go() -> None:
    ticks = Ticks()
    ticks.clock.wake()
    await asyncio.sleep(0)
    ticks.lag = 0.3
    ticks.clock.wake()
    ticks.lag = 0.0
    ticks.clock.viewer_moved()
    await until(lambda: len(ticks.times) == 2)
    assert ticks.times[1] - ticks.times[0] < 0.25


async def test_lag_never_stops_it() -> None:
    ticks = Ticks()
    ticks.clock.wake()
    await asyncio.sleep(0)
    ticks.lag = 1000.0
    ticks.clock.wake()
    await until(lambda: len(ticks.times) == 2)
    assert 0.49 <= ticks.times[1] - ticks.times[0] < 2


async def test_while_a_frame_is_made_there_is_no_other() -> None:
    ticks = Ticks()
    ticks.clock.busy = True
    ticks.clock.wake()
    await asyncio.sleep(0.05)
    assert ticks.times == []
    ticks.clock.done()
    await until(lambda: len(ticks.times) == 1)


async def test_stopped_for_good() -> None:
    ticks = Ticks()
    ticks.clock.wake()
    ticks.clock.stop()
    ticks.clock.wake()
    await asyncio.sleep(0.05)
    assert ticks.times == []


async def test_costly_frames_keep_their_distance() -> None:
    ticks = Ticks(rate=1000)
    ticks.work = 0.02
    ticks.clock.wake()
    await asyncio.sleep(0)
    ticks.work = 0.0
    ticks.clock.wake()
    await until(lambda: len(ticks.times) == 2)
    assert 0.11 <= ticks.times[1] - ticks.times[0] < 0.4


async def test_who_has_just_joined_does_not_wait() -> None:
    ticks = Ticks(rate=1)
    ticks.clock.wake()
    await asyncio.sleep(0)
    ticks.clock.wake()
    ticks.clock.hurry()
    await asyncio.sleep(0)
    assert len(ticks.times) == 2


async def test_in_a_flood_frames_are_fewer() -> None:
    ticks = Ticks(rate=1000)
    ticks.work = 0.005
    ticks.clock.wake()
    await asyncio.sleep(0)
    ticks.clock.work = 10.0
    ticks.clock.wake()
    await until(lambda: len(ticks.times) == 2)
    ticks.clock.wake()
    await until(lambda: len(ticks.times) == 3)
    ticks.clock.wake()
    await until(lambda: len(ticks.times) == 4)
    gaps = [later - earlier for earlier, later in pairwise(ticks.times)]
    assert gaps[1] > 0.095, "it was a flood before"
    assert gaps[2] < gaps[1], "and is none now"


async def test_a_key_brings_the_frame_that_a_flood_would_have_put_off() -> None:
    ticks = Ticks(rate=1000)
    ticks.work = 0.01
    ticks.clock.wake()
    await asyncio.sleep(0)
    ticks.clock.work = 10.0
    ticks.clock.wake()
    await until(lambda: len(ticks.times) == 2)
    ticks.clock.wake()
    ticks.clock.attend()
    await until(lambda: len(ticks.times) == 3)
    assert 0.009 < ticks.times[2] - ticks.times[1] < 0.1, "it would have been 0.2"


async def test_a_key_changes_nothing_about_what_may_wait() -> None:
    ticks = Ticks(rate=1)
    ticks.clock.wake_later()
    ticks.clock.attend()
    await asyncio.sleep(0)
    assert ticks.times == []
    assert ticks.clock.pending
