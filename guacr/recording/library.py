"""The recordings in the directories of an operator: which there are, and their contents.

Everything here blocks, and runs on a thread.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Lock

from typing_extensions import Buffer, override

from guacr.errors import BadRequestError, NotFoundError, shorten
from guacr.recording.directories import (
    Directory,
    directories_of,
    files,
    inner_directories,
    open_below,
    places,
)
from guacr.recording.files import failure
from guacr.recording.journal_library import JournalLibrary, is_in_journal
from guacr.recording.listed import Listed
from guacr.recording.locks import is_locked
from guacr.recording.scan import PART, Map, Scanner
from guacr.recording.search import Found, Line, search
from guacr.recording.ttyrec import SUFFIX, read_ttyrec

LISTED_MAX = 10_000
"""Maximum recordings of a list: the newest."""
FILES_MAX = 1_000_000
"""Maximum files that are considered for a list."""
END = 64 << 10
"""Bytes at the end of a recording in which its last time is looked for."""
FIRST_MAX = 2 << 20
"""Maximum bytes of a first picture, after which comes the first time."""
EPOCH = 1_000_000_000_000
"""Milliseconds from which on a clock counts since 1970: in 2001."""

SCANS_MAX = 8
"""Scans that are kept, so that one of a session that is still running is continued."""

_BEGINNING = re.compile(rb"\d{1,2}\.[a-z]+[,;]")
_OPCODE = re.compile(rb"(\d{1,2})\.([a-z]+)[,;]")
_SYNC = re.compile(rb";?4\.sync,\d+\.(\d{1,15})[,;]")


class Library:
    """Recordings below `directories`, and in a journal; `guacr.recording.directories` says which
    names they have. Links are not followed: others might be able to put them there."""

    def __init__(self, directories: Iterable[Path], journal: JournalLibrary | None = None) -> None:
        self._paths = tuple(directories)
        self._journal = journal
        self._scans: dict[tuple[str, int, int], _Scan] = {}
        """By name, device and inode; only the newest are kept."""
        self._scanning = Lock()

    def close(self) -> None:
        """Delete temporary files."""
        if self._journal is not None:
            self._journal.close()

    def listing(
        self, may_see: Callable[[str], bool] = lambda name: True
    ) -> tuple[list[Listed], str]:
        """Return the recordings whose names may be seen, the newest first, and a sentence about
        others; empty if there are none."""
        found = self.recordings(may_see)
        if self._journal is None:
            return found, ""
        more, note = self._journal.listing(may_see)
        newest = sorted((*found, *more), key=lambda listed: listed.begun, reverse=True)
        return newest[:LISTED_MAX], note

    def recordings(self, may_see: Callable[[str], bool] = lambda name: True) -> list[Listed]:
        """Return those in the directories."""
        directories = directories_of(self._paths)
        found = islice(_listed_by(directories, may_see), LISTED_MAX)
        return sorted(found, key=lambda one: one.begun, reverse=True)

    def open(self, name: str) -> int:
        """Return a descriptor of a recording, to read it.

        Raises:
            NotFoundError: there is none of that name.
            RecordingError: the disk cannot read it.
        """
        if self._journal is None or not is_in_journal(name):
            return self._open(name)
        descriptor = self._journal.open(name)
        if _is_recording_or_closed(descriptor):
            return descriptor
        raise _unknown(name)

    def _open(self, name: str, suffix: str = "") -> int:
        """Open a recording in the directories, or the file with a suffix beside it."""
        for directory, parts in places(directories_of(self._paths), name):
            descriptor = _opened_recording(directory, parts)
            if descriptor is None:
                continue
            if not suffix:
                return descriptor
            os.close(descriptor)
            with suppress(OSError, ValueError):
                return open_below(directory, [*parts[:-1], parts[-1] + suffix])
            break
        raise _unknown(name)

    def map(self, name: str) -> Map:
        """Return the course of a recording, up to the end that it has now.

        Raises:
            NotFoundError: there is none of that name.
            RecordingError: the disk cannot read it.
        """
        descriptor = self.open(name)
        try:
            with self._scanning:
                return self._scan(name, descriptor)
        finally:
            os.close(descriptor)

    def _scan(self, name: str, descriptor: int) -> Map:
        status = os.fstat(descriptor)
        key = (name, status.st_dev, status.st_ino)
        scan = self._scans.pop(key, None)
        if scan is None or scan.read > status.st_size:
            scan = _Scan()
        scan.scanner.map.is_running = self._is_running(name, descriptor)
        scan.advance(descriptor)
        if self._journal is not None and is_in_journal(name):
            scan.scanner.map.damage = scan.scanner.map.damage or self._journal.damage(name)
        self._scans[key] = scan
        if len(self._scans) > SCANS_MAX:
            del self._scans[next(iter(self._scans))]
        return scan.scanner.map

    def _is_running(self, name: str, descriptor: int) -> bool:
        if self._journal is not None and is_in_journal(name):
            return self._journal.is_running(name)
        return is_locked(descriptor)

    def search(self, name: str, text: str) -> Found:
        """Return the lines of a recorded terminal that contain a text, with milliseconds since the
        begin; none if it has no text.

        Raises:
            NotFoundError: there is no recording of that name.
        """
        start = self.map(name).start
        with suppress(NotFoundError), _opened(self._open_text(name)) as file:
            found = search(read_ttyrec(file), text)
            lines = [Line(max(line.time - start, 0), line.text) for line in found.lines]
            return Found(lines, None if found.until is None else max(found.until - start, 0))
        return Found([], None)

    def has_text(self, name: str) -> bool:
        """Return whether the text of a terminal was recorded."""
        with suppress(NotFoundError):
            if self._journal is not None and is_in_journal(name):
                return self._journal.has_text(name)
            os.close(self._open_text(name))
            return True
        return False

    def _open_text(self, name: str) -> int:
        if self._journal is not None and is_in_journal(name):
            return self._journal.open_text(name)
        return self._open(name, SUFFIX)


class _Scan:
    def __init__(self) -> None:
        self.scanner = Scanner()
        self.read = 0

    def advance(self, descriptor: int) -> None:
        found = self.scanner.map
        try:
            while not found.damage and (data := os.pread(descriptor, PART, self.read)):
                self.read += len(data)
                self.scanner.feed(data)
        except BadRequestError as error:
            found.damage = str(error)
        except OSError as error:
            raise failure(error) from error


class _Contents(io.RawIOBase):
    """Reads a file from its begin, whatever the place that its descriptor shares with others."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._read = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        data = os.pread(self._descriptor, len(view), self._read)
        view[: len(data)] = data
        self._read += len(data)
        return len(data)

    @override
    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _opened(descriptor: int) -> io.BufferedReader:
    return io.BufferedReader(_Contents(descriptor), END)


def _listed_by(directories: list[Directory], may_see: Callable[[str], bool]) -> Iterator[Listed]:
    """Yield the recordings that may be seen, the one that was changed last first."""
    marks = {one.mark for one in directories}
    candidates = _candidates(directories, may_see)
    newest = (
        (time, plain, number)
        for plain, found in candidates.items()
        for number, (_, _, time) in enumerate(found)
    )
    for _, plain, number in sorted(newest, reverse=True):
        before, (directory, path, _) = candidates[plain][:number], candidates[plain][number]
        if not _is_seen(plain, directory, may_see):
            continue
        is_taken = plain[-len(directory.mark) :] in marks or any(
            listed(plain, other) for _, other, _ in before
        )
        name = plain + directory.mark if is_taken else plain
        one = listed(name, path) if may_see(name) else None
        if one is not None:
            yield one


def _candidates(
    directories: list[Directory], may_see: Callable[[str], bool]
) -> dict[str, list[tuple[Directory, Path, float]]]:
    """Return the files with each name, which may be recordings, and when they were changed."""
    candidates: dict[str, list[tuple[Directory, Path, float]]] = {}
    within: list[tuple[Directory, Path, float]] = []
    for directory, path, time in islice(files(directories), FILES_MAX):
        name = directory.name_of(path)
        if not is_in_journal(name):
            candidates.setdefault(name, []).append((directory, path, time))
            if not _is_seen(name, directory, may_see):
                inner = inner_directories(directories, directory, path)
                within += ((one, path, time) for one in inner)
    for directory, path, time in within:
        candidates.setdefault(directory.name_of(path), []).append((directory, path, time))
    return candidates


def _is_seen(name: str, directory: Directory, may_see: Callable[[str], bool]) -> bool:
    return may_see(name) or may_see(name + directory.mark)


def _opened_recording(directory: Path, parts: list[str]) -> int | None:
    try:
        descriptor = open_below(directory, parts)
    except (OSError, ValueError):
        return None
    return descriptor if _is_recording_or_closed(descriptor) else None


def _is_recording_or_closed(descriptor: int) -> bool:
    """Return whether a file is a recording; if not, close it.

    Raises:
        RecordingError: the disk cannot read it; it is closed.
    """
    is_recording = False
    try:
        is_recording = _is_recording(descriptor)
    except OSError as error:
        raise failure(error) from error
    finally:
        if not is_recording:
            os.close(descriptor)
    return is_recording


def _is_recording(descriptor: int) -> bool:
    return _BEGINNING.match(os.pread(descriptor, 40, 0)) is not None


def is_complete_recording(descriptor: int) -> bool:
    """Return whether a file is a recording for certain: it begins with an instruction, and has a
    `sync`; raises an OSError if it cannot be read."""
    beginning = _OPCODE.match(os.pread(descriptor, 40, 0))
    return (
        beginning is not None
        and int(beginning[1]) == len(beginning[2])
        and _first_sync(descriptor) is not None
    )


def listed(name: str, path: Path) -> Listed | None:
    """Return the recording at a path as a list shows it, under a name; None if it is none."""
    try:
        descriptor = open_below(path.parent, [path.name])
    except (OSError, ValueError):
        return None
    try:
        if not _is_recording(descriptor):
            return None
        status = os.fstat(descriptor)
        first = _first_sync(descriptor)
        is_running = is_locked(descriptor)
        last = _SYNC.findall(os.pread(descriptor, END, max(status.st_size - END, 0)))
    except OSError:  # of the disk
        return None
    finally:
        os.close(descriptor)
    duration = max(int(last[-1]) - first, 0) if first is not None and last else None
    begun = status.st_mtime - (duration or 0) / 1000
    if first is not None and first >= EPOCH:
        begun = first / 1000
    return Listed(name, begun, duration, status.st_size, name, is_running)


def _first_sync(descriptor: int) -> int | None:
    text = b""
    while len(text) < FIRST_MAX:
        part = os.pread(descriptor, END, len(text))
        start = max(len(text) - 40, 0)
        text += part
        if (found := _SYNC.search(text, start)) is not None:
            return int(found[1])
        if not part:
            break
    return None


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"there is no recording {shorten(name)}")
