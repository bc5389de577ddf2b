"""The metrics of the whole daemon."""

from __future__ import annotations

import asyncio
from math import inf

from guacr.control.control import Control
from guacr.metrics.exposition import Format, exposed
from guacr.metrics.snapshots import Snapshot, merge

TIMEOUT = 5.0
"""Seconds within which all processes must have answered."""
FRESH = 1.0
"""Seconds for which an answer is used again, so that requests cost the same however many there
are."""


async def collect(control: Control) -> Snapshot:
    """Return the snapshot of all processes together, with whether the daemon is ready.

    Raises:
        TimeoutError: a process does not answer.
    """
    async with asyncio.timeout(TIMEOUT):
        snapshots, status = await asyncio.gather(control.samples(), control.status())
    return merge(snapshots) | {"guacr_ready": [([], [int(status.is_ready)])]}


class Collector:
    """Collects for Prometheus, at most once per second."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._lock = asyncio.Lock()
        self._snapshot: Snapshot = {}
        self._texts: dict[Format, bytes] = {}
        self._collected_at = -inf

    async def text(self, wanted: Format) -> bytes:
        """Return the metrics in a format.

        Raises:
            TimeoutError: a process does not answer.
        """
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._collected_at >= FRESH:
                self._snapshot, self._texts = await collect(self._control), {}
                self._collected_at = now
            if wanted not in self._texts:
                self._texts[wanted] = await asyncio.to_thread(exposed, self._snapshot, wanted)
            return self._texts[wanted]
