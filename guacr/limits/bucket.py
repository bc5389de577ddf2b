"""Token buckets by name: rates that several sessions share.

There is no clock: times are arguments, in seconds on one monotonic scale.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

BUCKETS_MAX = 100_000
"""Maximum buckets that are kept; beyond it, the one that was used least recently is forgotten."""
DEBT_MAX = 30.0
"""Seconds by which a rate may be exceeded at once, so that nobody waits for hours."""

K = TypeVar("K", bound=Hashable)


class Buckets(Generic[K]):
    """Buckets that hold `burst` seconds of their rate, which is that of the latest call, but at
    least `least` tokens."""

    __slots__ = ("_burst", "_filled", "_least")

    def __init__(self, burst: float, least: float) -> None:
        self._burst = burst
        self._least = least
        self._filled: dict[K, tuple[float, float]] = {}
        """The tokens of those that were used, and the time at which this was their number."""

    def __len__(self) -> int:
        return len(self._filled)

    def has(self, name: K, rate: float, now: float) -> bool:
        """Return whether a bucket holds a token."""
        return self._tokens(name, rate, now) >= 1

    def take(self, name: K, rate: float, now: float, amount: float = 1) -> float:
        """Take tokens, also more than there are; return the seconds until the bucket is no longer
        overdrawn."""
        tokens = max(self._tokens(name, rate, now) - amount, -rate * DEBT_MAX)
        self._filled.pop(name, None)
        self._filled[name] = (tokens, now)
        if len(self._filled) > BUCKETS_MAX:
            del self._filled[next(iter(self._filled))]
        return max(0.0, -tokens / rate)

    def _tokens(self, name: K, rate: float, now: float) -> float:
        most = max(rate * self._burst, self._least)
        tokens, since = self._filled.get(name, (most, now))
        return min(tokens + (now - since) * rate, most)
