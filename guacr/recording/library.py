"""The recordings in the directories of an operator: which there are, and their contents.

Everything here blocks, and runs on a thread. A disk that hangs holds up nothing but its own
recordings: it is left out until it answers (`guacr.recording.disks`).
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock

from typing_extensions import Buffer, override

from guacr.errors import BadRequestError, NotFoundError, shorten
from guacr.recording.directories import (
    Directory,
    files_of,
    inner_directories,
    open_below,
    places,
    resolved,
)
from guacr.recording.disks import Disk, HangingError
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
"""Scans of each place that are kept, so that one of a session that is still running is
continued."""
JOURNAL = "the journal"
"""The place of all recordings in the journal."""
JOURNAL_PATIENCE = 60.0
"""Seconds for a list of the journal's recordings: its archive may be far away."""

_HANGING = "Some recordings are not listed: their disk does not answer."
_BEGINNING = re.compile(rb"\d{1,2}\.[a-z]+[,;]")
_OPCODE = re.compile(rb"(\d{1,2})\.([a-z]+)[,;]")
_SYNC = re.compile(rb";?4\.sync,\d+\.(\d{1,15})[,;]")


class Library:
    """Recordings below `directories`, and in a journal; `guacr.recording.directories` says which
    names they have. Links are not followed: others might be able to put them there."""

    def __init__(self, directories: Iterable[Path], journal: JournalLibrary | None = None) -> None:
        self._disks = {path: Disk(path) for path in directories}
        self._journal = journal
        self._journal_disk = Disk(JOURNAL, JOURNAL_PATIENCE)
        self._scans: dict[str, _Scans] = {}
        """By place."""

    def close(self) -> None:
        """Delete temporary files."""
        for disk in (*self._disks.values(), self._journal_disk):
            disk.close()
        if self._journal is not None:
            self._journal.close()

    def place_of(self, name: str) -> str:
        """Return what holds up only its own recordings if it hangs: the directory of a recording,
        or the journal; raises as `open` does."""
        if self._journal is not None and is_in_journal(name):
            return JOURNAL
        directory, _, descriptor = self._find(name)
        os.close(descriptor)
        return str(directory.named)

    def listing(
        self, may_see: Callable[[str], bool] = lambda name: True
    ) -> tuple[list[Listed], str]:
        """Return the recordings whose names may be seen, the newest first, and a sentence about
        others; empty if there are none."""
        found, note = self.recordings(may_see), ""
        if self._journal is not None:
            with suppress(HangingError):
                more, note = self._journal_disk.call(partial(self._journal.listing, may_see))
                newest = sorted((*found, *more), key=lambda listed: listed.begun, reverse=True)
                found = newest[:LISTED_MAX]
        return found, f"{_HANGING} {note}".strip() if self._hangs() else note

    def recordings(self, may_see: Callable[[str], bool] = lambda name: True) -> list[Listed]:
        """Return those in the directories."""
        found = islice(self._listed_by(self._directories(), may_see), LISTED_MAX)
        return sorted(found, key=lambda one: one.begun, reverse=True)

    def _hangs(self) -> bool:
        return any(disk.hangs for disk in (*self._disks.values(), self._journal_disk))

    def _directories(self) -> list[Directory]:
        """Return those whose disks answer."""
        found: list[tuple[Path, Path]] = []
        for path, disk in self._disks.items():
            with suppress(HangingError):
                found.append((path, Path(disk.call(partial(os.path.realpath, path)))))
        return resolved(found)

    def open(self, name: str) -> int:
        """Return a descriptor of a recording, to read it.

        Raises:
            NotFoundError: there is none of that name.
            RecordingError: the disk cannot read it.
        """
        if self._journal is None or not is_in_journal(name):
            return self._find(name)[2]
        descriptor = self._journal.open(name)
        if _is_recording_or_closed(descriptor):
            return descriptor
        raise _unknown(name)

    def _find(self, name: str) -> tuple[Directory, list[str], int]:
        """Open a recording in the directories; return its directory, the parts of its path below
        it, and the descriptor."""
        for directory, parts in places(self._directories(), name):
            opening = partial(_opened_recording, directory.path, parts)
            with suppress(HangingError):
                descriptor = self._disks[directory.named].call(opening, _close)
                if descriptor is not None:
                    return directory, parts, descriptor
        if any(disk.hangs for disk in self._disks.values()):
            raise HangingError(f"the disk of the recording {shorten(name)} does not answer")
        raise _unknown(name)

    def map(self, name: str) -> Map:
        """Return the course of a recording, up to the end that it has now.

        Raises:
            NotFoundError: there is none of that name.
            RecordingError: the disk cannot read it.
        """
        place, descriptor = self.place_of(name), self.open(name)
        try:
            scans = self._scans.setdefault(place, _Scans())
            with scans.lock:
                return self._scan(scans.known, name, descriptor)
        finally:
            os.close(descriptor)

    def _scan(self, scans: dict[tuple[str, int, int], _Scan], name: str, descriptor: int) -> Map:
        status = os.fstat(descriptor)
        key = (name, status.st_dev, status.st_ino)
        scan = scans.pop(key, None)
        if scan is None or scan.read > status.st_size:
            scan = _Scan()
        scan.scanner.map.is_running = self._is_running(name, descriptor)
        scan.advance(descriptor)
        if self._journal is not None and is_in_journal(name):
            scan.scanner.map.damage = scan.scanner.map.damage or self._journal.damage(name)
        scans[key] = scan
        if len(scans) > SCANS_MAX:
            del scans[next(iter(scans))]
        return scan.scanner.map

    def _is_running(self, name: str, descriptor: int) -> bool:
        if self._journal is not None and is_in_journal(name):
            return self._journal.is_running(name)
        return is_locked(descriptor)

    def search(self, name: str, text: str) -> Found:
        """Return the lines of a recorded terminal that contain a text, with milliseconds since the
        start; none if it has no text.

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
        directory, parts, descriptor = self._find(name)
        os.close(descriptor)
        beside = [*parts[:-1], parts[-1] + SUFFIX]
        try:
            disk = self._disks[directory.named]
            return disk.call(partial(open_below, directory.path, beside), os.close)
        except (OSError, ValueError):
            raise _unknown(name) from None

    def _listed_by(
        self, directories: list[Directory], may_see: Callable[[str], bool]
    ) -> Iterator[Listed]:
        """Yield the recordings that may be seen, the one that was changed last first."""
        marks = {one.mark for one in directories}
        candidates = _candidates(directories, self._files(directories), may_see)
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
                self._listed(plain, other, file) for other, file, _ in before
            )
            name = plain + directory.mark if is_taken else plain
            one = self._listed(name, directory, path) if may_see(name) else None
            if one is not None:
                yield one

    def _files(self, directories: list[Directory]) -> Iterator[tuple[Directory, Path, float]]:
        for directory in directories:
            with suppress(HangingError):
                for path, time in self._disks[directory.named].iterate(files_of(directory)):
                    yield directory, path, time

    def _listed(self, name: str, directory: Directory, path: Path) -> Listed | None:
        with suppress(HangingError):
            return self._disks[directory.named].call(partial(listed, name, path))
        return None


class _Scans:
    """Scans of recordings in one place, one at a time."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.known: dict[tuple[str, int, int], _Scan] = {}
        """By name, device and inode; only the newest are kept."""


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
    """Reads a file from its start, whatever the place that its descriptor shares with others."""

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


def _candidates(
    directories: list[Directory],
    files: Iterable[tuple[Directory, Path, float]],
    may_see: Callable[[str], bool],
) -> dict[str, list[tuple[Directory, Path, float]]]:
    """Return the files with each name, which may be recordings, and when they were changed."""
    candidates: dict[str, list[tuple[Directory, Path, float]]] = {}
    within: list[tuple[Directory, Path, float]] = []
    for directory, path, time in islice(files, FILES_MAX):
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


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


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
