"""The time by which old data are deleted: a clock that is wrong must not delete them.

If the system's clock is set forward, such as by a bad answer of a time server, that counts only
once it has lasted for `STEADY`. Nothing is deleted by its age until a process has run for so long.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

STEADY = 86_400.0
"""Seconds of the monotonic clock for which the system's clock must have been right."""
LEAP = 3600.0
"""Seconds by which the clock must have been set forward for the log to say so."""
EARLIEST = 1_262_304_000.0
"""The beginning of 2010, before the first release of Guacamole: what is dated earlier was written
while the clock was wrong, and its age is not known."""

log = logging.getLogger("guacr.retention")


class RetentionClock:
    """Tells the time by which data are old.

    Args:
        clock: returns seconds since 1970.
        monotonic: returns seconds that never jump.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._looks: deque[tuple[float, float]] = deque()
        """The monotonic time of each look, and how far the clock was ahead of it."""
        self._has_leapt = False

    def now(self) -> float:
        """Look at the clock, and return the earliest time, in seconds since 1970, that it can be
        according to all looks of the last `STEADY`; 0 if there were none before."""
        passed = self._monotonic()
        ahead = self._clock() - passed
        self._looks.append((passed, ahead))
        while len(self._looks) > 1 and self._looks[1][0] <= passed - STEADY:
            self._looks.popleft()
        least = min(one for _, one in self._looks)
        self._report(ahead - least)
        return least + passed if self._looks[0][0] <= passed - STEADY else 0.0

    def _report(self, seconds: float) -> None:
        has_leapt = seconds > LEAP
        if has_leapt and not self._has_leapt:
            log.warning(
                "the system's clock was set forward by %.0f hours: nothing is deleted for its age "
                "by this time until it has lasted for a day",
                seconds / 3600,
            )
        self._has_leapt = has_leapt
