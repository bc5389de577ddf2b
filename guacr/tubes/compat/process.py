"""The memory and the processor time of this process."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STATM = Path("/proc/self/statm")


def memory() -> int:
    """Return the bytes that are resident in memory; 0 where the system does not say so."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class Processor:
    """Measures the use of processors between two calls."""

    def __init__(self) -> None:
        self._used, self._at = time.process_time(), time.monotonic()

    def utilization(self) -> float:
        """Return the use since the last call in percent of one processor."""
        used, at = time.process_time(), time.monotonic()
        spent, passed = used - self._used, at - self._at
        self._used, self._at = used, at
        return 100 * spent / passed if passed > 0 else 0.0
