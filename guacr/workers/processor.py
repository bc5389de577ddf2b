"""The share of the time in which another process could run."""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
"""Units of processor time a second in /proc."""


class Processor:
    """Measures how long the main thread of a process could run: not while it is ready to, but
    waits for a processor, as on a machine with too much to do (proc(5), `/proc/pid/stat`).

    Args:
        pid: the process. Where the system does not tell, it is taken to be able to run.
    """

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/task/{pid}/stat")
        self._at = time.monotonic()
        self._used = self._read()[1]

    def share(self) -> float:
        """Return the share of the time since the last call in which it could run, from 0 to 1."""
        now, (is_ready, used) = time.monotonic(), self._read()
        passed, ran = now - self._at, used - self._used
        self._at, self._used = now, used
        if not is_ready or passed <= 0:
            return 1.0
        return min(ran / passed, 1.0)

    def _read(self) -> tuple[bool, float]:
        """Return whether it runs or waits for a processor, and the seconds that it has run."""
        try:
            _, _, text = self._stat.read_text(errors="replace").rpartition(")")
        except OSError:
            return False, 0.0
        state, *numbers = text.split()
        user, system = numbers[10:12]
        return state == "R", (int(user) + int(system)) / _TICKS
