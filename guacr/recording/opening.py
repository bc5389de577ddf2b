"""Opens the files of recordings on threads, without waiting for a disk that hangs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from guacr.errors import GuacrError, RecordingError
from guacr.recording.file_sink import STALLED, AppendedFile
from guacr.recording.files import OWN_MODE, Place, RecordingFile, open_beside, open_file
from guacr.threads import open_stored, store

_Files = TypeVar("_Files", bound=tuple[AppendedFile | None, ...])
log = logging.getLogger("guacr.recording")

OPENING_MAX = 15.0
"""Seconds within which a disk must open the files of a recording."""
OPENING_EACH = 8
"""Recordings that are opened in one directory at a time."""
HANGS_AFTER = 2.0
"""Seconds after which the disk counts as hanging if all of them are still being opened, which takes
milliseconds."""


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
    """Opens files, a limited number at a time in each directory of the settings; others wait for
    their turn, unless the disk hangs."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, _Turns] = WeakValueDictionary()

    async def open(self, place: Place, function: Callable[[], _Files]) -> _Files:
        """Open files at a place by a function that blocks. If the caller is cancelled meanwhile, or
        the disk does not answer, they are closed again.

        Raises:
            RecordingError: the disk does not answer.
        """
        root = place.root
        turns = self._turns.get(root) or self._turns.setdefault(root, _Turns())
        if turns.hangs:
            raise RecordingError(STALLED)
        try:
            async with asyncio.timeout(OPENING_MAX):
                await turns.take()
                return await self._open(turns, function)
        except TimeoutError as error:
            raise RecordingError(STALLED) from error

    async def _open(self, turns: _Turns, function: Callable[[], _Files]) -> _Files:
        work = _Work(function)
        opening = open_stored(work.run)
        turns.give_back_after(opening)
        try:
            return await asyncio.shield(opening)
        except BaseException:
            work.is_abandoned = True
            opening.add_done_callback(_discard)
            raise


class _Turns:
    """Whose turn it is in one directory."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(OPENING_EACH)
        self._loop = asyncio.get_running_loop()
        self._since: dict[object, float] = {}
        """When those began that are being opened, on the event loop's clock."""

    @property
    def hangs(self) -> bool:
        """True if nobody's turn has come for long."""
        begun = min(self._since.values(), default=self._loop.time())
        return self._free.locked() and self._loop.time() - begun > HANGS_AFTER

    async def take(self) -> None:
        """Wait for a turn."""
        await self._free.acquire()

    def give_back_after(self, opening: asyncio.Future[_Files]) -> None:
        """End a turn when its files are open, or cannot be opened."""
        self._since[opening] = self._loop.time()
        opening.add_done_callback(self._give_back)

    def _give_back(self, opening: object) -> None:
        del self._since[opening]
        self._free.release()


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
