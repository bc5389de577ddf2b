"""A rate limit."""

from __future__ import annotations

import asyncio


class TokenBucket:
    """Lets `rate` things a second pass, and `burst` at once after a rest."""

    __slots__ = ("_at", "_burst", "_rate", "_time", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._time = asyncio.get_running_loop().time
        self._rate = rate
        self._burst = self._tokens = burst
        self._at = self._time()

    def take(self) -> bool:
        """Return whether one more may pass now."""
        now = self._time()
        self._tokens = min(self._tokens + (now - self._at) * self._rate, self._burst)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
