"""An event loop whose time a test moves forward, as a suspended machine or a slow peer does."""

from __future__ import annotations

import asyncio

import pytest


class SkippingClock:
    """The running event loop's time, ahead of the real one by what was skipped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._skipped = 0.0
        time = asyncio.get_running_loop().time
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time() + self._skipped)

    def skip(self, seconds: float) -> None:
        """Have so much time pass at once."""
        self._skipped += seconds
