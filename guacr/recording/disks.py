"""Directories whose disks may hang, such as those of servers that are gone.

Each directory has threads of its own. If one of them gets no answer, its disk counts as hanging,
and nothing waits for it until it has answered. Everything here blocks, for a limited time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from guacr.errors import RecordingError
from guacr.recording.file_sink import STALLED

PATIENCE = 10.0
"""Seconds within which a disk must answer."""
THREADS_EACH = 4
PART = 1000
"""Results that are fetched at a time."""

_R = TypeVar("_R")

log = logging.getLogger("guacr.recording")


class HangingError(RecordingError):
    """A disk does not answer."""


class Disk:
    """The disk of a directory, or of something else with files.

    Args:
        name: of the directory, for the log.
        patience: seconds within which it must answer; by default `PATIENCE`.
    """

    def __init__(self, name: str | Path, patience: float | None = None) -> None:
        self._name = name
        self._patience = patience
        self._threads = ThreadPoolExecutor(THREADS_EACH, "recordings")
        self._late: set[Future[Any]] = set()

    @property
    def hangs(self) -> bool:
        """True if a call has not been answered yet, although its time is over."""
        return bool(self._late)

    def call(
        self, function: Callable[[], _R], discard: Callable[[_R], object] = lambda result: None
    ) -> _R:
        """Call a function that takes a moment unless the disk hangs, and return its result.
        `discard` is called with a result that comes too late.

        Raises:
            HangingError: the disk hangs.
        """
        if self.hangs:
            raise HangingError(STALLED)
        try:
            work = self._threads.submit(function)
        except RuntimeError:  # it is closed, and its last caller has not finished
            return function()
        try:
            return work.result(PATIENCE if self._patience is None else self._patience)
        except TimeoutError:
            if work.done():  # it is what the disk has answered
                raise
        if not work.cancel():  # it has begun
            if not self._late:
                log.warning("%s: %s", self._name, STALLED)
            self._late.add(work)
            work.add_done_callback(partial(self._answered, discard))
        raise HangingError(STALLED)

    def iterate(self, results: Iterable[_R]) -> Iterator[_R]:
        """Yield results that are made on the disk's threads; raises as `call` does."""
        iterator = iter(results)
        while part := self.call(lambda: list(islice(iterator, PART))):
            yield from part

    def close(self) -> None:
        """End the threads that wait for nothing."""
        self._threads.shutdown(wait=False)

    def _answered(self, discard: Callable[[_R], object], work: Future[_R]) -> None:
        self._late.discard(work)
        if not self._late:
            log.info("%s: its disk answers again", self._name)
        if work.exception() is None:
            discard(work.result())
