"""An event loop whose time a test moves forward, as a suspended machine or a slow peer does."""

from __future__ import annotations

import asyncio

import pytest

STEP = 0.25
"""Seconds; a process that is late by twice as much counts as having stood still."""


class SkippingClock:
    """The running event loop's time, ahead of the real one by what was skipped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._skipped = 0.0
        time = asyncio.get_running_loop().time
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time() + self._skipped)

    def skip(self, seconds: float) -> None:
        """Have so much time pass at once."""
        self._skipped += seconds


class FrozenClock:
    """The running event loop's time, which passes only when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = asyncio.get_running_loop().time()
        """Seconds, on the event loop's scale."""
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)

    def skip(self, seconds: float) -> None:
        """Have so much time pass within a step of the event loop."""
        self.now += seconds

    async def pass_by(self, seconds: float) -> None:
        """Have so much time pass, and everything happen that is due then."""
        self.skip(seconds)
        for _ in range(3):  # timers are taken up, run, and what they start is run
            await asyncio.sleep(0)

    async def run_for(self, seconds: float) -> None:
        """Have so much time pass in steps, while the process does not stand still."""
        while seconds > STEP:
            await self.pass_by(STEP)
            seconds -= STEP
        await self.pass_by(seconds)
