"""Deadlines expire in time, and not because the process stood still."""

from __future__ import annotations

import asyncio

import pytest

from guacr.deadline import STEP, Deadline, time_limit
from tests.support.clock import FrozenClock


class Calls:
    """Counts calls."""

    def __init__(self) -> None:
        self.count = 0

    def expired(self) -> None:
        self.count += 1


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    return FrozenClock(monkeypatch)


async def seconds(clock: FrozenClock, number: float) -> None:
    """Let time pass while the event loop runs."""
    while number > 0:
        await clock.pass_by(min(number, 0.1))
        number -= 0.1


@pytest.mark.parametrize("after", [0.3, 1.0, 2.5])
async def test_it_expires_once_and_in_time(clock: FrozenClock, after: float) -> None:
    calls = Calls()
    Deadline(after, calls.expired)
    await seconds(clock, after - 0.2)
    assert calls.count == 0
    await seconds(clock, 0.5)
    assert calls.count == 1
    await seconds(clock, 5)
    assert calls.count == 1


@pytest.mark.parametrize("after", [0.3, 1.0, 2.5])
async def test_a_standstill_does_not_count(clock: FrozenClock, after: float) -> None:
    calls = Calls()
    Deadline(after, calls.expired)
    await seconds(clock, after - 0.2)
    await clock.pass_by(3600)
    await clock.pass_by(0)
    assert calls.count == 0, "what arrived meanwhile is read first"
    await seconds(clock, STEP + 0.3)
    assert calls.count == 1


async def test_a_standstill_long_before_the_end_takes_nothing_away(clock: FrozenClock) -> None:
    calls = Calls()
    Deadline(15, calls.expired)
    await clock.pass_by(14)
    await seconds(clock, 13)
    assert calls.count == 0
    await seconds(clock, 2.5)
    assert calls.count == 1


async def test_one_that_is_cancelled_never_expires(clock: FrozenClock) -> None:
    calls = Calls()
    deadline = Deadline(1, calls.expired)
    deadline.cancel()
    deadline.cancel()
    await seconds(clock, 3)
    assert calls.count == 0


async def forever(limit: float) -> None:
    async with time_limit(limit):
        await asyncio.Future()


async def test_a_block_beyond_its_time_limit(clock: FrozenClock) -> None:
    waiting = asyncio.create_task(forever(15))
    await clock.pass_by(0)
    await clock.pass_by(3600)
    await seconds(clock, 13)
    assert not waiting.done(), "a standstill does not count"
    await seconds(clock, 2)
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_block_that_ends_in_time(
    clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with time_limit(1):
        await clock.pass_by(0.5)
    await seconds(clock, 3)
    assert caplog.text == "", "its deadline is cancelled"


async def test_a_block_that_is_cancelled(clock: FrozenClock) -> None:
    waiting = asyncio.create_task(forever(1))
    await clock.pass_by(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
