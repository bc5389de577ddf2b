"""The pace of requests for other sizes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from guacr.api import SessionContext
from handlers.rdp.channel.messages import Layout, Painted, Resizable, Sized
from handlers.rdp.desktop import Desktop
from handlers.rdp.params import RdpParams
from handlers.rdp.resizing import ANSWER_TIMEOUT, FIRST_TIMEOUT, REST, Resizing
from tests.support.clock import FrozenClock

PAINTED = Painted.of(1, [(0, 0, 8, 8)])
LIMITS = Resizable(1, 8192, 8192)


class Window:
    """What `Resizing` knows of a session, its window and its desktop."""

    size = (1000, 700)
    owner_info = type("Owner", (), {"dpi": 96})
    log: Any = None


class Host:
    """Requests that have arrived, and the clock of all who wait."""

    def __init__(self, clock: FrozenClock, limits: Resizable | None) -> None:
        window: Any = Window()
        self.resizing = Resizing(
            cast(SessionContext, window), RdpParams(disable_scaling=True), cast(Desktop, window)
        )
        self.requested: list[tuple[int, int]] = []
        self.clock = clock
        self.resizing.handle(Sized(*window.size))
        self.task = asyncio.create_task(self.resizing.follow(self._note, limits))

    def _note(self, layout: Layout) -> None:
        self.requested.append((layout.width, layout.height))

    async def wait(self, seconds: float = 0.0) -> None:
        for part in (0.0, seconds, 0.0):
            await self.clock.run_for(part)


@asynccontextmanager
async def host(
    monkeypatch: pytest.MonkeyPatch, limits: Resizable | None = LIMITS
) -> AsyncIterator[Host]:
    found = Host(FrozenClock(monkeypatch), limits)
    await found.wait()
    try:
        yield found
    finally:
        found.task.cancel()
        monkeypatch.undo()
        await asyncio.wait([found.task])


async def test_nothing_is_requested_before_something_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with host(monkeypatch) as found:
        found.resizing.put(800, 600)
        await found.wait(FIRST_TIMEOUT - 1)
        assert not found.requested
        found.resizing.put(900, 500)
        found.resizing.handle(PAINTED)
        await found.wait(REST / 2)
        assert not found.requested
        await found.wait(REST)
        assert found.requested == [(900, 500)]


async def test_one_request_at_a_time_and_the_last_size(monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(monkeypatch) as found:
        found.resizing.handle(PAINTED)
        await found.wait(REST)
        found.resizing.put(800, 600)
        await found.wait()
        assert found.requested == [(800, 600)]
        for height in range(500, 600):
            found.resizing.put(900, height)
        found.resizing.handle(PAINTED)  # in the previous size
        await found.wait(ANSWER_TIMEOUT - 1)
        found.resizing.handle(Sized(800, 600))
        await found.wait(0.5)
        assert found.requested == [(800, 600)]
        found.resizing.handle(PAINTED)
        await found.wait(REST)
        assert found.requested == [(800, 600), (900, 599)]


async def test_a_host_that_never_draws_or_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(monkeypatch) as found:
        found.resizing.put(800, 600)
        await found.wait(FIRST_TIMEOUT)
        await found.wait(REST)
        assert found.requested == [(800, 600)]
        found.resizing.put(900, 500)
        await found.wait(ANSWER_TIMEOUT)
        await found.wait(REST)
        assert found.requested == [(800, 600), (900, 500)]


async def test_another_connection_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(monkeypatch, None) as found:
        found.resizing.put(800, 600)
        await found.wait()
        assert found.requested == [(800, 600)]
