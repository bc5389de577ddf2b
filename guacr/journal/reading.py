"""Reads a journal: what is archived, and what is still being written, by this or another process.

All functions block.
"""

from __future__ import annotations

import calendar
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from guacr.journal.archive import Archive
from guacr.journal.encoding import Decoding
from guacr.journal.errors import FormatError, MissingError
from guacr.journal.manifest import Entry
from guacr.journal.records import HEADER_SIZE, Description, Record, decode_header, scan
from guacr.journal.writer import SUFFIX

EPOCH_TIME = "%Y%m%dT%H%M%SZ"
"""The beginning of the name of a process's files: the second of its start, in UTC."""
_NEVER = 1 << 64
"""A time after all others."""
ROUNDS_MAX = 8
"""Attempts to read files that are archived in the meantime."""


@dataclass(frozen=True, slots=True)
class Key:
    """Identifies a stream within a node and a kind."""

    epoch: str
    stream: int

    def __str__(self) -> str:
        """Return a text such as 20261129T101500Z-3f9a2c.17."""
        return f"{self.epoch}.{self.stream}"


@dataclass(frozen=True, slots=True)
class Found:
    """A record with its stream."""

    key: Key
    description: Description
    record: Record


@dataclass(slots=True)
class _Progress:
    """The progress in reading a file of the journal."""

    offset: int = 0
    last: dict[int, int] = field(default_factory=dict)
    """The number of the last record of each stream."""
    descriptions: dict[int, Description] = field(default_factory=dict)


Filter = Callable[[Key, Description], bool]


def every(key: Key, description: Description) -> bool:
    """Accept every stream."""
    return True


class Cursor:
    """Reads the records of a kind, each of them once: those of a process in the order in which they
    were written, and those of different processes in the order of their times. If the clock was set
    back, records of a file of the archive count as no later than those of the process's next files.
    What is written later is in this order for each call of `poll`.

    Args:
        wal: the directory with the journal's files; None for the archive only.
        archive: of the kind.
        decoding: for encrypted files.
        warn: called with a sentence about each part that is damaged, and is left out.
        wanted: decides which streams are read.
        since: records before this time, in nanoseconds since 1970, are left out.
        epoch: the only process whose streams are read; empty for all.
    """

    def __init__(
        self,
        wal: Path | None,
        archive: Archive,
        decoding: Decoding,
        warn: Callable[[str], None],
        wanted: Filter = every,
        since: int = 0,
        epoch: str = "",
    ) -> None:
        self._wal = wal
        self._archive = archive
        self._decoding = decoding
        self._warn = warn
        self._wanted = wanted
        self._since = since
        self._epoch = epoch
        self._number = 0
        """The last entry of the manifest that was read."""
        self._is_first = True
        self._archived: set[str] = set()
        self._unread: dict[str, deque[Entry]] = {}
        """Files of the archive that are not read yet, by process."""
        self._has_missed = False
        """True if a file was archived while its process was read."""
        self._progress: dict[str, _Progress] = {}

    def poll(self) -> Iterator[Found]:
        """Yield what is new since the last call. Of each process that ran at a time, one file is in
        memory, and of the archive the names of the files.

        Raises:
            JournalError: the archive cannot be read.
        """
        for _ in range(ROUNDS_MAX):
            self._has_missed = False
            paths = self._paths()
            self._find_archived()
            self._archived &= paths.keys()
            by_epoch: dict[str, dict[str, Path]] = {epoch: {} for epoch in self._unread}
            for name, path in paths.items():
                by_epoch.setdefault(epoch_of(name), {})[name] = path
            sources = [self._read_epoch(*item) for item in sorted(by_epoch.items())]
            for _, found in heapq.merge(*sources, key=itemgetter(0)):
                if found is not None:
                    yield found
            if not self._has_missed:
                return

    def _paths(self) -> dict[str, Path]:
        return files_of(self._wal, self._epoch)

    def _find_archived(self) -> None:
        """Note which files were added to the archive since the last call."""
        manifest = self._archive.manifest
        read, self._is_first = manifest.entries if self._is_first else manifest.newer, False
        for entry in read(self._number, self._warn):
            if entry.file:
                is_recent = max(entry.begin, entry.end) >= self._since
                if is_recent and entry.file.startswith(self._epoch):
                    self._unread.setdefault(epoch_of(entry.file), deque()).append(entry)
                self._archived.add(entry.file)
            self._number = entry.number

    def _read_epoch(
        self, epoch: str, paths: Mapping[str, Path]
    ) -> Iterator[tuple[int, Found | None]]:
        """Yield the new records of a process with their times. The time of its start comes first,
        without a record, so that a merge opens no file before it has come so far."""
        yield min(_start_of(epoch), self._next(epoch)), None
        later, unread = self._next(epoch), -1
        for found in self._read_files(epoch, paths):
            if unread != len(self._unread.get(epoch, ())):
                later, unread = self._next(epoch), len(self._unread.get(epoch, ()))
            yield min(found.record.time, later), found

    def _next(self, epoch: str) -> int:
        """Return the earliest time at the ends of the files of a process that are not read yet."""
        files = self._unread.get(epoch, ())
        return min((min(one.begin, one.end) for one in files), default=_NEVER)

    def _read_files(self, epoch: str, paths: Mapping[str, Path]) -> Iterator[Found]:
        for name, path in paths.items():
            yield from self._read_unread(epoch)
            if name not in self._archived:
                try:
                    yield from self._read_file(name, path)
                except FileNotFoundError:  # it has been archived
                    self._has_missed = True
                    self._find_archived()
                except FormatError as error:
                    self._warn(f"{path}: {error}")
        yield from self._read_unread(epoch)

    def _read_unread(self, epoch: str) -> Iterator[Found]:
        files = self._unread.get(epoch, deque())
        while files:
            yield from self._read_archived(files.popleft().file)
        self._unread.pop(epoch, None)

    def _read_archived(self, file: str) -> Iterator[Found]:
        progress = self._progress.pop(file, None)
        last = {} if progress is None else progress.last
        epoch = epoch_of(file)
        try:
            segment = self._archive.open(file, self._decoding)
            for block in segment.blocks:
                key, description = Key(epoch, block.stream), Description(block.kind, block.about)
                if self._wanted(key, description):
                    for record in segment.records(block):
                        is_new = record.sequence > last.get(record.stream, 0)
                        if is_new and record.time >= self._since:
                            yield Found(key, description, record)
        except MissingError:
            self._warn(f"{file} is missing")
        except FormatError as error:
            self._warn(str(error))

    def _read_file(self, name: str, path: Path) -> Iterator[Found]:
        progress = self._progress.setdefault(name, _Progress())
        with path.open("rb") as file:
            if progress.offset == 0:
                header = file.read(HEADER_SIZE)
                if len(header) < HEADER_SIZE:
                    return
                decode_header(header)
                progress.offset = HEADER_SIZE
            file.seek(progress.offset)
            data = file.read()
        start = progress.offset
        for end, record in scan(data, 0):
            yield from self._take(path.parent.name, progress, record)
            progress.offset = start + end

    def _take(self, epoch: str, progress: _Progress, record: Record) -> Iterator[Found]:
        if record.is_description:
            progress.descriptions[record.stream] = Description.decode(record.payload)
            return
        description = progress.descriptions.get(record.stream)
        if description is None:
            raise FormatError(f"stream {record.stream} has no description")
        progress.last[record.stream] = record.sequence
        if description.kind != self._archive.kind or record.time < self._since:
            return
        key = Key(epoch, record.stream)
        if self._wanted(key, description):
            yield Found(key, description, record)


def epoch_of(file: str) -> str:
    """Return the name of the process that has written a file of the journal or its archive."""
    return file.rpartition("-")[0]


def _start_of(epoch: str) -> int:
    """Return when a process began, in nanoseconds since 1970; 0 if its name does not say it."""
    try:
        start = time.strptime(epoch.partition("-")[0], EPOCH_TIME)
    except ValueError:
        return 0
    return calendar.timegm(start) * 10**9


def files_of(wal: Path | None, epoch: str = "") -> dict[str, Path]:
    """Return the journal's files by name, in order."""
    if wal is None:
        return {}
    paths = sorted(wal.glob(f"{epoch or '*'}/*{SUFFIX}"))
    return {f"{path.parent.name}-{path.stem}": path for path in paths if path.is_file()}
