"""The checks once per second: who is silent, who was not heard, and when memory is returned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from guacr import ticker
from guacr.session.registry import SessionRegistry
from guacr.standstill import STANDSTILL
from guacr.ticker import TICK, Ticker
from tests.support.clock import FrozenClock


class Calls:
    """A registry that only notes what the ticker asks of it."""

    def __init__(self) -> None:
        self.checked: list[float] = []
        self.still: list[float] = []
        self.turnover = 7
        self.waiting = 0
        """How many more times there is something to check."""

    def keep_alive(self, now: float) -> bool:
        """Note when sessions are checked."""
        assert len(self.still) <= len(self.checked) + 1
        self.checked.append(now)
        self.waiting = max(self.waiting - 1, 0)
        return self.waiting > 0

    def stood_still(self, seconds: float) -> None:
        """Note for how long nobody was heard; this is known before sessions are checked."""
        self.still.append(seconds)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    return FrozenClock(monkeypatch)


@pytest.fixture
async def calls(clock: FrozenClock) -> AsyncIterator[Calls]:
    calls = Calls()
    service = Ticker(cast(SessionRegistry, calls))
    await service.start()
    await asyncio.sleep(0)  # it waits for its first check
    yield calls
    await service.close()


async def test_a_check_that_comes_in_time_moves_nothing(calls: Calls, clock: FrozenClock) -> None:
    await clock.pass_by(TICK + STANDSTILL / 2)
    for _ in range(2):
        await clock.pass_by(TICK)
    assert len(calls.checked) == 3
    assert calls.still == []


async def test_checks_do_not_drift(calls: Calls, clock: FrozenClock) -> None:
    await clock.pass_by(TICK + STANDSTILL / 2)
    await clock.pass_by(TICK - STANDSTILL / 2)
    assert len(calls.checked) == 2


async def test_a_check_that_comes_late_moves_deadlines_by_its_delay(
    calls: Calls, clock: FrozenClock
) -> None:
    await clock.pass_by(TICK + 17)
    assert calls.still == [pytest.approx(17)]
    await clock.pass_by(TICK)
    assert len(calls.still) == 1, "the next check is in time"
    assert len(calls.checked) == 2


async def test_deadlines_move_before_they_are_checked(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    calls = Calls()
    monkeypatch.setattr(calls, "stood_still", lambda seconds: order.append("moved"))
    monkeypatch.setattr(calls, "keep_alive", lambda now: order.append("checked"))
    service = Ticker(cast(SessionRegistry, calls))
    await service.start()
    await asyncio.sleep(0)
    await clock.pass_by(TICK + 17)
    await service.close()
    assert order == ["moved", "checked"]


async def test_many_checks_let_others_run_in_between(calls: Calls, clock: FrozenClock) -> None:
    calls.waiting = 3
    seen: list[int] = []
    clock.skip(TICK)
    for _ in range(8):
        await asyncio.sleep(0)
        seen.append(len(calls.checked))
    assert {1, 2, 3} <= set(seen)
    assert len(set(calls.checked)) == 1, "they belong to the same second"


async def test_memory_is_looked_at_with_each_check(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    class Trimmer:
        def check(self, turnover: int) -> bool:
            looks.append(turnover)
            return False

    monkeypatch.setattr(ticker, "Trimmer", Trimmer)
    service = Ticker(cast(SessionRegistry, Calls()))
    await service.start()
    await asyncio.sleep(0)
    await clock.pass_by(TICK)
    await clock.pass_by(TICK)
    await service.close()
    assert looks == [7, 7]
