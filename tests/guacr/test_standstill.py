"""Timers after a standstill of the process: what has arrived is read before anybody is too late."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from guacr.event_loop import loop_type
from guacr.standstill import GRACE, SHORT, STANDSTILL, WAITS_MAX
from tests.support.clock import FrozenClock
from tests.support.waiting import until


@pytest.fixture(scope="module", autouse=True)
def signals_of_uvloop() -> None:
    """Its first event loop opens a pipe that the process keeps."""
    loop_type()().close()


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    return FrozenClock(monkeypatch)


async def seconds(clock: FrozenClock, number: float) -> None:
    """Let time pass while the event loop runs."""
    for _ in range(round(number * 10)):
        await clock.pass_by(0.1)


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer, and the times at which it has run."""

    ran: list[float]
    handle: asyncio.TimerHandle


def later(delay: float) -> Timer:
    """Start a timer."""
    loop = asyncio.get_running_loop()
    ran: list[float] = []
    return Timer(ran, loop.call_later(delay, lambda: ran.append(loop.time())))


@pytest.fixture
async def timer(clock: FrozenClock) -> Timer:
    """One of 10 seconds."""
    return later(10)


async def wait(limit: float) -> None:
    """Time out."""
    async with asyncio.timeout(limit):
        await asyncio.Future()


@pytest.fixture
async def waiting(clock: FrozenClock) -> AsyncIterator[asyncio.Task[None]]:
    """A task that times out after 10 seconds."""
    task = asyncio.create_task(wait(10))
    await asyncio.sleep(0)
    yield task
    task.cancel()


async def test_timers_are_in_time(clock: FrozenClock, timer: Timer) -> None:
    start = clock.now
    short = later(SHORT)
    await seconds(clock, 12)
    assert short.ran == [pytest.approx(start + SHORT, abs=0.11)]
    assert timer.ran == [pytest.approx(start + 10, abs=0.11)]


async def test_a_timer_that_is_due_meanwhile_waits(clock: FrozenClock, timer: Timer) -> None:
    await seconds(clock, 3)
    await clock.pass_by(3600)
    await seconds(clock, GRACE - 0.2)
    assert not timer.ran
    await seconds(clock, 0.4)
    assert len(timer.ran) == 1
    await seconds(clock, 20)
    assert len(timer.ran) == 1


async def test_one_that_is_due_soon_after_waits_too(clock: FrozenClock, timer: Timer) -> None:
    await seconds(clock, 3)
    await clock.pass_by(6.9)
    await seconds(clock, GRACE - 0.2)
    assert not timer.ran
    await seconds(clock, 0.4)
    assert len(timer.ran) == 1


async def test_one_that_is_due_long_after_is_in_time(clock: FrozenClock, timer: Timer) -> None:
    start = clock.now
    await clock.pass_by(5)
    await seconds(clock, 6)
    assert timer.ran == [pytest.approx(start + 10, abs=0.11)]


async def test_a_second_standstill_makes_it_wait_again(clock: FrozenClock, timer: Timer) -> None:
    await clock.pass_by(60)
    await seconds(clock, GRACE / 2)
    await clock.pass_by(60)
    await seconds(clock, GRACE - 0.2)
    assert not timer.ran
    await seconds(clock, 0.4)
    assert len(timer.ran) == 1


async def test_an_overloaded_process_runs_its_timers(clock: FrozenClock, timer: Timer) -> None:
    for _ in range(WAITS_MAX):
        await clock.pass_by(60)
        await seconds(clock, GRACE / 2)
        assert not timer.ran
    await clock.pass_by(60)
    await seconds(clock, GRACE / 2)
    assert len(timer.ran) == 1


async def test_it_can_be_cancelled_while_it_waits(clock: FrozenClock, timer: Timer) -> None:
    await clock.pass_by(60)
    timer.handle.cancel()
    await seconds(clock, 20)
    assert not timer.ran


async def test_short_timers_are_clocks(clock: FrozenClock) -> None:
    timer = later(SHORT)
    await clock.pass_by(60)
    assert len(timer.ran) == 1


async def test_a_short_delay_is_none(clock: FrozenClock) -> None:
    timer = later(1.2)
    await seconds(clock, 1)
    await clock.pass_by(STANDSTILL)
    assert len(timer.ran) == 1


async def test_what_begins_after_it_is_not_delayed(clock: FrozenClock) -> None:
    clock.skip(60)
    start = clock.now
    timer = later(2)  # before the event loop has noticed
    await seconds(clock, 3)
    assert timer.ran == [pytest.approx(start + 2, abs=0.11)]


async def test_a_time_out_goes_on_where_it_was(
    clock: FrozenClock, waiting: asyncio.Task[None]
) -> None:
    await seconds(clock, 3)
    await clock.pass_by(3600)
    await seconds(clock, 6)
    assert not waiting.done()
    await seconds(clock, 1.5)
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_time_out_that_was_almost_due_waits(
    clock: FrozenClock, waiting: asyncio.Task[None]
) -> None:
    await seconds(clock, 9.9)
    await clock.pass_by(3600)
    await seconds(clock, GRACE - 0.2)
    assert not waiting.done()
    await seconds(clock, 0.8)
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_time_out_during_which_there_were_several(
    clock: FrozenClock, waiting: asyncio.Task[None]
) -> None:
    for _ in range(3):
        await seconds(clock, 2.5)  # up to `BEAT` of a standstill counts as well
        await clock.pass_by(60)
    assert not waiting.done()
    await seconds(clock, 3)
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_block_that_has_ended_meanwhile(clock: FrozenClock) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def ask() -> str:
        async with asyncio.timeout(10):
            return await answer

    asking = asyncio.create_task(ask())
    await clock.pass_by(60)
    answer.set_result("an answer")
    await seconds(clock, 20)
    assert await asking == "an answer"


async def test_a_failure_names_what_the_timer_calls(clock: FrozenClock) -> None:
    found: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: found.append(context["message"]))

    def failing() -> None:
        raise ValueError

    loop.call_later(2, failing)
    await seconds(clock, 3)
    assert len(found) == 1
    assert "failing" in found[0]


@pytest.fixture
def kept_garbage() -> Iterator[None]:
    """Only the test collects garbage, and there is none before it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("kept_garbage")
@pytest.mark.parametrize("standstill", [0, 60])
async def test_timers_that_have_run_leave_no_cycle(clock: FrozenClock, standstill: float) -> None:
    later(10)
    await clock.pass_by(standstill)
    await seconds(clock, 12)
    assert gc.collect() == 0


def test_the_event_loop_of_the_daemon() -> None:
    """uvloop's time cannot be moved: it is held."""
    pytest.importorskip("uvloop")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        timer, cancelled = later(1.1), later(1.1)
        waiting = asyncio.create_task(wait(1.1))
        await asyncio.sleep(0)
        time.sleep(1.2 + 2 * STANDSTILL)  # noqa: ASYNC251
        resumed = loop.time()
        await asyncio.sleep(GRACE / 2)
        assert not timer.ran
        assert not waiting.done()
        cancelled.handle.cancel()
        await until(lambda: timer.ran, "the timer")
        assert timer.ran[0] > resumed + GRACE - 0.01
        with pytest.raises(TimeoutError):
            await waiting
        assert not cancelled.ran

    with asyncio.Runner(loop_factory=loop_type()) as runner:
        runner.run(main())
