"""A limit of reports in a period, beyond which they are only counted."""

from __future__ import annotations

from collections.abc import Callable


class Quota:
    """Admits so many reports in each period, and counts the others.

    Args:
        most: the reports that are admitted in a period.
        period: its length in seconds; the first begins with the quota, and others with the first
            report after the end of the one before.
        clock: returns seconds on a monotonic scale.
    """

    __slots__ = ("_clock", "_count", "_most", "_period", "_since")

    def __init__(self, most: int, period: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._period = period
        self._clock = clock
        self._since = clock()
        self._count = 0

    def admits(self, on_excess: Callable[[int], None] | None = None) -> bool:
        """Count a report, and return whether it is admitted. If it begins a period, `on_excess` is
        called before with the number of reports that were not admitted in the last one, if any."""
        now = self._clock()
        if now - self._since >= self._period:
            excess = self.take_excess()
            self._since = now
            if excess and on_excess is not None:
                on_excess(excess)
        self._count += 1
        return self._count <= self._most

    def take_excess(self) -> int:
        """Return the number of reports that were not admitted in this period, and begin to count
        anew."""
        excess, self._count = max(0, self._count - self._most), 0
        return excess
