"""Reads a journal: what is archived, and what is still being written, by this or another process.

All functions block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from guacr.journal.archive import Archive
from guacr.journal.encoding import Decoding
from guacr.journal.errors import FormatError, MissingError
from guacr.journal.records import HEADER_SIZE, Description, Record, decode_header, scan
from guacr.journal.writer import SUFFIX

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
    """How far a file of the journal was read."""

    offset: int = 0
    last: dict[int, int] = field(default_factory=dict)
    """The number of the last record of each stream."""
    descriptions: dict[int, Description] = field(default_factory=dict)


Filter = Callable[[Key, Description], bool]


def every(key: Key, description: Description) -> bool:
    """Accept every stream."""
    return True


class Cursor:
    """Reads the records of a kind in the order in which they were written, each of them once.

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
        self._progress: dict[str, _Progress] = {}

    def poll(self) -> Iterator[Found]:
        """Yield what is new since the last call.

        Raises:
            JournalError: the archive cannot be read.
        """
        for _ in range(ROUNDS_MAX):
            paths = self._paths()
            yield from self._read_archive()
            self._archived &= paths.keys()
            vanished = False
            for name, path in paths.items():
                if name not in self._archived:
                    try:
                        yield from self._read_file(name, path)
                    except FileNotFoundError:  # it has been archived
                        vanished = True
                    except FormatError as error:
                        self._warn(f"{path}: {error}")
            if not vanished:
                return

    def _paths(self) -> dict[str, Path]:
        return files_of(self._wal, self._epoch)

    def _read_archive(self) -> Iterator[Found]:
        manifest = self._archive.manifest
        read, self._is_first = manifest.entries if self._is_first else manifest.newer, False
        for entry in read(self._number, self._warn):
            if entry.file:
                if entry.end >= self._since and entry.file.startswith(self._epoch):
                    yield from self._read_archived(entry.file)
                self._archived.add(entry.file)
            self._number = entry.number

    def _read_archived(self, file: str) -> Iterator[Found]:
        progress = self._progress.pop(file, None)
        last = {} if progress is None else progress.last
        epoch = file.rpartition("-")[0]
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


def files_of(wal: Path | None, epoch: str = "") -> dict[str, Path]:
    """Return the journal's files by name, in order."""
    if wal is None:
        return {}
    paths = sorted(wal.glob(f"{epoch or '*'}/*{SUFFIX}"))
    return {f"{path.parent.name}-{path.stem}": path for path in paths}
