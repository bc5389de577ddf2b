"""Opens the files of a recording on a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from guacr.deadline import time_limit
from guacr.errors import GuacrError, RecordingError
from guacr.recording.file_sink import AppendedFile
from guacr.recording.files import OWN_MODE, Place, RecordingFile, open_beside, open_file
from guacr.threads import store

_Files = TypeVar("_Files", bound=tuple[AppendedFile | None, ...])

OPENING_MAX = 15.0
"""Seconds that a disk has for opening files."""

log = logging.getLogger("guacr.recording")


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


async def opened(function: Callable[[], _Files]) -> _Files:
    """Open files on a thread. If that takes too long or the caller is cancelled, they are closed
    again.

    Raises:
        GuacrError: they cannot be opened, or the disk does not answer.
    """
    opening = store(function)
    try:
        async with time_limit(OPENING_MAX):
            return await asyncio.shield(opening)
    except TimeoutError:
        opening.add_done_callback(_discard)
        raise RecordingError(f"the disk has not answered for {OPENING_MAX:g} seconds") from None
    except asyncio.CancelledError:
        opening.add_done_callback(_discard)
        raise


def _discard(opening: asyncio.Future[_Files]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        for file in opening.result():
            if file is not None:
                store(file.close)
