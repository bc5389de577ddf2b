"""Calls an application's callbacks in threads of their own, which may wait as long as they like."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

Job: TypeAlias = Callable[[], object]

QUEUED_MAX = 10_000
"""Jobs that wait for a slow callback; further ones are dropped, which is logged once."""
IDLE = 2.0
"""Seconds without a job after which the thread ends; the next job starts another one."""

log = logging.getLogger("guacr.tubes")


class Dispatcher:
    """Does one job after the other, in a thread that there is while there are jobs.

    Args:
        name: of the thread.
        held: jobs wait for `release`.
    """

    def __init__(self, name: str, *, held: bool = False) -> None:
        self._name = name
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_held = held
        self._is_closed = False
        self._has_dropped = False

    def put(self, job: Job) -> None:
        """Do this after all before it; what it raises is logged."""
        with self._changed:
            if self._is_closed:
                return
            if len(self._jobs) >= QUEUED_MAX:
                self._drop()
                return
            self._jobs.append(job)
            self._wake()

    def release(self) -> None:
        """Begin."""
        with self._changed:
            self._is_held = False
            if self._jobs:
                self._wake()

    def close(self) -> None:
        """Take no more jobs; the thread ends after those that wait."""
        with self._changed:
            self._is_closed = True
            self._is_held = False
            if self._jobs:
                self._wake()
            self._changed.notify()

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, unless this is the thread."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _drop(self) -> None:
        if not self._has_dropped:
            log.warning(
                "a callback of tubes is too slow: %d calls wait, others are dropped", QUEUED_MAX
            )
        self._has_dropped = True

    def _wake(self) -> None:
        if self._is_held:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        else:
            self._changed.notify()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except BaseException:
                log.exception("a callback of tubes has failed")

    def _next(self) -> Job | None:
        """Wait for the next job; None if the thread is to end."""
        with self._changed:
            while not self._jobs:
                if self._is_closed or not (self._changed.wait(IDLE) or self._jobs):
                    self._thread = None
                    return None
            return self._jobs.popleft()
