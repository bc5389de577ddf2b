"""The frame clock: at once after quiet, never above its rate, and with the viewers' pace."""

import asyncio

import pytest

from guacr.session.frames import clock
from guacr.session.frames.clock import LAG_MAX, FrameClock
from tests.support.clock import FrozenClock


class Ticks:
    """Counts ticks; `lag` is what the viewers' would be, `work` how long each tick takes."""

    def __init__(self, time: FrozenClock, rate: int) -> None:
        self.count = 0
        self.lag = 0.0
        self.sends = True
        self.work = 0.0
        self.time = time
        self.clock = FrameClock(rate, self.tick, lambda: self.lag)

    def tick(self) -> bool:
        self.count += 1
        self.time.skip(self.work)
        return self.sends

    async def after(self, seconds: float) -> int:
        """Return the number of frames once this time has passed."""
        await self.time.pass_by(seconds)
        return self.count


@pytest.fixture
async def time(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    time = FrozenClock(monkeypatch)
    monkeypatch.setattr(clock, "perf_counter", lambda: time.now)
    return time


@pytest.fixture
async def ticks(request: pytest.FixtureRequest, time: FrozenClock) -> Ticks:
    """50 a second, or as many as a test says."""
    return Ticks(time, getattr(request, "param", 50))


SLOW = pytest.mark.parametrize("ticks", [1], indirect=True)
FAST = pytest.mark.parametrize("ticks", [1000], indirect=True)


async def test_the_first_change_goes_out_at_once(ticks: Ticks) -> None:
    ticks.clock.wake()
    ticks.clock.wake()
    assert ticks.count == 0
    assert await ticks.after(0) == 1


async def test_the_next_one_waits_for_its_time(ticks: Ticks) -> None:
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.wake()
    assert await ticks.after(0.019) == 1
    assert await ticks.after(0.002) == 2


async def test_a_tick_that_sends_nothing_delays_nothing(ticks: Ticks) -> None:
    ticks.sends = False
    for number in range(1, 4):
        ticks.clock.wake()
        assert await ticks.after(0) == number


async def test_a_costly_look_that_finds_nothing_is_not_taken_again_at_once(ticks: Ticks) -> None:
    ticks.clock.cost_factor = 6.0
    ticks.sends = False
    ticks.work = 0.01
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.wake()
    assert await ticks.after(0.045) == 1
    assert await ticks.after(0.01) == 2
    ticks.clock.note_key()
    ticks.clock.wake()
    assert await ticks.after(0) == 3, "somebody waits for it"


@SLOW
async def test_what_may_wait_goes_out_with_what_may_not(ticks: Ticks) -> None:
    ticks.clock.wake_later()
    ticks.clock.viewer_moved()
    assert await ticks.after(0) == 0
    assert ticks.clock.pending
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    assert not ticks.clock.pending


async def test_what_may_wait_goes_out_by_itself_a_frame_later(ticks: Ticks) -> None:
    ticks.clock.wake_later()
    assert await ticks.after(0.019) == 0
    assert await ticks.after(0.002) == 1


async def test_lag_slows_it_down_and_an_acknowledgement_lets_it_go(ticks: Ticks) -> None:
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.lag = 0.3
    ticks.clock.wake()
    assert await ticks.after(0.1) == 1
    ticks.lag = 0.0
    ticks.clock.viewer_moved()
    assert await ticks.after(0) == 2


async def test_lag_never_stops_it(ticks: Ticks) -> None:
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.lag = 1000.0
    ticks.clock.wake()
    await ticks.time.run_for(LAG_MAX - 0.01)
    assert ticks.count == 1
    assert await ticks.after(0.02) == 2


async def test_while_a_frame_is_made_there_is_no_other(ticks: Ticks) -> None:
    ticks.clock.busy = True
    ticks.clock.wake()
    assert await ticks.after(1000) == 0
    ticks.clock.done()
    assert await ticks.after(0) == 1


async def test_stopped_for_good(ticks: Ticks) -> None:
    ticks.clock.wake()
    ticks.clock.stop()
    ticks.clock.wake()
    assert await ticks.after(1000) == 0


@FAST
@pytest.mark.parametrize("factor", [2.0, 6.0])
async def test_costly_frames_keep_their_distance(ticks: Ticks, factor: float) -> None:
    ticks.clock.cost_factor = factor
    ticks.work = 0.015
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.wake()
    assert await ticks.after(factor * 0.015 - 0.016) == 1
    assert await ticks.after(0.002) == 2


@SLOW
async def test_who_has_just_joined_does_not_wait(ticks: Ticks) -> None:
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.wake()
    ticks.clock.run_soon()
    assert await ticks.after(0) == 2


async def flooded(ticks: Ticks) -> None:
    """Two frames that took 10 ms each; before the second the host sent very much."""
    ticks.work = 0.01
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.work = 10.0
    ticks.clock.wake()
    assert await ticks.after(0.001) == 2
    ticks.clock.wake()


@FAST
async def test_in_a_flood_frames_are_fewer(ticks: Ticks) -> None:
    await flooded(ticks)
    assert await ticks.after(0.189) == 2
    assert await ticks.after(0.002) == 3
    ticks.clock.wake()
    assert await ticks.after(0.001) == 4, "it is over"


@FAST
async def test_a_key_brings_the_frame_that_a_flood_would_have_put_off(ticks: Ticks) -> None:
    await flooded(ticks)
    assert await ticks.after(0.05) == 2
    ticks.clock.note_key()
    assert await ticks.after(0) == 3


async def test_a_few_frames_after_a_key_are_quick(ticks: Ticks) -> None:
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.note_key()
    for number in range(2, 5):
        ticks.clock.wake()
        assert await ticks.after(0.004) == number - 1
        assert await ticks.after(0.0011) == number
    ticks.clock.wake()
    assert await ticks.after(0.019) == 4, "then the usual rate applies"
    assert await ticks.after(0.002) == 5


async def test_a_key_hurries_no_frame_that_comes_later(ticks: Ticks) -> None:
    ticks.clock.note_key()
    assert await ticks.after(clock.ATTENTION + 0.01) == 0
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.wake()
    assert await ticks.after(0.019) == 1


async def test_after_a_key_expensive_frames_keep_their_distance(ticks: Ticks) -> None:
    ticks.clock.cost_factor = 6.0
    ticks.work = 0.0015
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.note_key()
    ticks.clock.wake()
    assert await ticks.after(0.007) == 1
    assert await ticks.after(0.001) == 2


async def test_after_a_key_a_slow_viewer_sets_the_pace(ticks: Ticks) -> None:
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.lag = 0.3
    ticks.clock.note_key()
    ticks.clock.wake()
    assert await ticks.after(0.29) == 1


async def test_a_key_does_not_make_a_flood_quicker(ticks: Ticks) -> None:
    ticks.clock.wake()
    assert await ticks.after(0) == 1
    ticks.clock.work = 10.0
    ticks.clock.wake()
    assert await ticks.after(0.021) == 2
    ticks.clock.note_key()
    ticks.clock.wake()
    assert await ticks.after(0.019) == 2
    assert await ticks.after(0.002) == 3


@SLOW
async def test_a_key_changes_nothing_about_what_may_wait(ticks: Ticks) -> None:
    ticks.clock.wake_later()
    ticks.clock.note_key()
    assert await ticks.after(0) == 0
    assert ticks.clock.pending


async def test_frames_of_many_sessions_leave_the_loop_to_others(time: FrozenClock) -> None:
    """Those that are due at the same time follow each other in order, in turns of 5 ms; those that
    somebody waits for do not wait."""
    sessions = [Ticks(time, 50) for _ in range(10)]
    for one in sessions:
        one.work = 0.002
        one.clock.wake()
    sessions[-1].clock.note_key()
    await asyncio.sleep(0)
    assert [one.count for one in sessions] == [1] * 3 + [0] * 6 + [1]
    sessions[3].clock.wake()
    sessions[3].clock.viewer_moved()  # neither loses its place
    sessions[4].clock.stop()
    sessions[8].clock.note_key()
    await asyncio.sleep(0)
    assert [one.count for one in sessions] == [1, 1, 1, 1, 0, 1, 1, 0, 1, 1]
    for _ in range(3):
        await asyncio.sleep(0)
    assert [one.count for one in sessions] == [1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
    assert not any(one.clock.pending for one in sessions if one is not sessions[4])
