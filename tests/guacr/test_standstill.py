"""Timers after a standstill of the process: what has arrived is read before anybody is too late."""

from __future__ import annotations

import asyncio
import time

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


def later(delay: float) -> tuple[list[float], asyncio.TimerHandle]:
    """A timer, and the times at which it has run."""
    loop = asyncio.get_running_loop()
    ran: list[float] = []
    return ran, loop.call_later(delay, lambda: ran.append(loop.time()))


async def test_timers_are_in_time(clock: FrozenClock) -> None:
    start = clock.now
    short, _ = later(SHORT)
    long, _ = later(10)
    await seconds(clock, 12)
    assert short == [pytest.approx(start + SHORT, abs=0.11)]
    assert long == [pytest.approx(start + 10, abs=0.11)]


async def test_a_timer_that_is_due_meanwhile_waits(clock: FrozenClock) -> None:
    ran, _ = later(10)
    await seconds(clock, 3)
    await clock.pass_by(3600)
    await seconds(clock, GRACE - 0.2)
    assert not ran
    await seconds(clock, 0.4)
    assert len(ran) == 1
    await seconds(clock, 20)
    assert len(ran) == 1


async def test_one_that_is_due_soon_after_waits_too(clock: FrozenClock) -> None:
    ran, _ = later(10)
    await seconds(clock, 3)
    await clock.pass_by(6.9)
    await seconds(clock, GRACE - 0.2)
    assert not ran
    await seconds(clock, 0.4)
    assert len(ran) == 1


async def test_one_that_is_due_long_after_is_in_time(clock: FrozenClock) -> None:
    start = clock.now
    ran, _ = later(10)
    await clock.pass_by(5)
    await seconds(clock, 6)
    assert ran == [pytest.approx(start + 10, abs=0.11)]


async def test_a_second_standstill_makes_it_wait_again(clock: FrozenClock) -> None:
    ran, _ = later(10)
    await clock.pass_by(60)
    await seconds(clock, GRACE / 2)
    await clock.pass_by(60)
    await seconds(clock, GRACE - 0.2)
    assert not ran
    await seconds(clock, 0.4)
    assert len(ran) == 1


async def test_an_overloaded_process_runs_its_timers(clock: FrozenClock) -> None:
    ran, _ = later(10)
    for _ in range(WAITS_MAX):
        await clock.pass_by(60)
        await seconds(clock, GRACE / 2)
        assert not ran
    await clock.pass_by(60)
    await seconds(clock, GRACE / 2)
    assert len(ran) == 1


async def test_it_can_be_cancelled_while_it_waits(clock: FrozenClock) -> None:
    ran, handle = later(10)
    await clock.pass_by(60)
    handle.cancel()
    await seconds(clock, 20)
    assert not ran


async def test_short_timers_are_clocks(clock: FrozenClock) -> None:
    ran, _ = later(SHORT)
    await clock.pass_by(60)
    assert len(ran) == 1


async def test_a_short_delay_is_none(clock: FrozenClock) -> None:
    ran, _ = later(1.2)
    await seconds(clock, 1)
    await clock.pass_by(STANDSTILL)
    assert len(ran) == 1


async def test_what_begins_after_it_is_not_delayed(clock: FrozenClock) -> None:
    clock.skip(60)
    start = clock.now
    ran, _ = later(2)  # before the event loop has noticed
    await seconds(clock, 3)
    assert ran == [pytest.approx(start + 2, abs=0.11)]


async def wait(limit: float) -> None:
    async with asyncio.timeout(limit):
        await asyncio.Future()


async def test_a_time_out_goes_on_where_it_was(clock: FrozenClock) -> None:
    waiting = asyncio.create_task(wait(10))
    await seconds(clock, 3)
    await clock.pass_by(3600)
    await seconds(clock, 6)
    assert not waiting.done()
    await seconds(clock, 1.5)
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_time_out_that_was_almost_due_waits(clock: FrozenClock) -> None:
    waiting = asyncio.create_task(wait(10))
    await seconds(clock, 9.9)
    await clock.pass_by(3600)
    await seconds(clock, GRACE - 0.2)
    assert not waiting.done()
    await seconds(clock, 0.8)
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_time_out_during_which_there_were_several(clock: FrozenClock) -> None:
    waiting = asyncio.create_task(wait(10))
    for _ in range(3):
        await seconds(clock, 3)
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


def test_the_event_loop_of_the_daemon() -> None:
    """uvloop's time cannot be moved: it is held."""
    pytest.importorskip("uvloop")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ran, _ = later(1.1)
        cancelled, handle = later(1.1)
        waiting = asyncio.create_task(wait(1.1))
        await asyncio.sleep(0)
        time.sleep(1.2 + 2 * STANDSTILL)  # noqa: ASYNC251
        resumed = loop.time()
        await asyncio.sleep(GRACE / 2)
        assert not ran
        assert not waiting.done()
        handle.cancel()
        await until(lambda: ran, "the timer")
        assert ran[0] > resumed + GRACE - 0.01
        with pytest.raises(TimeoutError):
            await waiting
        assert not cancelled

    with asyncio.Runner(loop_factory=loop_type()) as runner:
        runner.run(main())
