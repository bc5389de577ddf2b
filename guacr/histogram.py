"""Durations that are counted where they arise, and read when somebody asks."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0
)  # fmt: skip
"""The upper bounds of all buckets but the last, in seconds; a bound belongs to its bucket."""


class Histogram:
    """Counts durations by size. Only one thread may use it."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        """The number of durations in each bucket; the last has no bound."""
        self.total = 0.0
        """Their sum, in seconds."""

    def observe(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds
