"""Opens the files of recordings on threads, without waiting for a disk that hangs."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Generic, TypeVar

from guacr.errors import GuacrError, RecordingError
from guacr.recording.file_sink import STALLED, AppendedFile
from guacr.recording.files import OWN_MODE, Place, RecordingFile, open_beside, open_file
from guacr.threads import open_stored, store

_Files = TypeVar("_Files", bound=tuple[AppendedFile | None, ...])
log = logging.getLogger("guacr.recording")

OPENING_MAX = 15.0
"""Seconds within which a disk must open the files of a recording."""
OPENING_EACH = 8
"""Recordings that are opened in one directory at a time; they take milliseconds unless the disk
hangs."""


def open_recording(
    place: Place, min_free: int, suffixes: Iterable[str]
) -> tuple[RecordingFile, *tuple[RecordingFile | None, ...]]:
    """Open a recording and the files beside it; those that the system refuses are None."""
    file = open_file(place, min_free=min_free)
    beside: list[RecordingFile | None] = []
    for suffix in suffixes:
        try:
            beside.append(open_beside(place, file, suffix, mode=OWN_MODE))
        except GuacrError as error:
            log.warning("%s%s cannot be written: %s", file.path, suffix, error)
            beside.append(None)
    return file, *beside


class Opener:
    """Opens files, a limited number at a time in each directory of the settings."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        """Those that are being opened, by directory."""

    async def open(self, place: Place, function: Callable[[], _Files]) -> _Files:
        """Open files at a place by a function that blocks. If the caller is cancelled meanwhile, or
        the disk does not answer, they are closed again.

        Raises:
            RecordingError: the disk does not answer.
        """
        root = place.root
        if self.running[root] >= OPENING_EACH:
            raise RecordingError(STALLED)
        self.running[root] += 1
        work = _Work(function)
        opening = open_stored(work.run)
        opening.add_done_callback(partial(self._end, root))
        try:
            async with asyncio.timeout(OPENING_MAX):
                return await asyncio.shield(opening)
        except BaseException as error:
            work.is_abandoned = True
            opening.add_done_callback(_discard)
            if isinstance(error, TimeoutError):
                raise RecordingError(STALLED) from error
            raise

    def _end(self, root: str, opening: object) -> None:
        self.running[root] -= 1
        if not self.running[root]:
            del self.running[root]


class _Work(Generic[_Files]):
    def __init__(self, function: Callable[[], _Files]) -> None:
        self._function = function
        self.is_abandoned = False
        """True if nobody wants the files any more."""

    def run(self) -> _Files:
        """Open the files; blocks."""
        files = self._function()
        if self.is_abandoned:
            _close(files)
            raise RecordingError(STALLED)
        return files


def _discard(opening: asyncio.Future[_Files]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        store(partial(_close, opening.result()))


def _close(files: tuple[AppendedFile | None, ...]) -> None:
    for file in files:
        if file is not None:
            file.close()
