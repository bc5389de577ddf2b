"""The streams of one kind in a journal, and what each of them contains.

What is archived never changes, so that its indexes are read once. All functions block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from guacr.journal.archive import Archive
from guacr.journal.encoding import Decoding
from guacr.journal.errors import EncryptedError, FormatError, MissingError
from guacr.journal.manifest import Entry
from guacr.journal.reading import Key, epoch_of, files_of
from guacr.journal.records import HEADER_SIZE, Description, Record, decode_header, scan
from guacr.journal.segments import Block, group


@dataclass(slots=True)
class Summary:
    """A stream as a whole, as far as it has been written."""

    key: Key
    description: Description
    begin: int
    """The time of its first record, in nanoseconds since 1970."""
    end: int
    size: int
    """Bytes of its records, with their frames."""
    ended: bool
    first: int
    """The number of the first record; more than 1 if those before cannot be read."""


class Catalogue:
    """Lists the streams of a kind.

    Args:
        wal: the directory with the journal's files.
        archive: of the kind.
        decoding: for encrypted files.
        warn: called with a sentence about each part that is damaged, and is left out.
        skips_encrypted: leave out what is encrypted without a key for it.
    """

    def __init__(
        self,
        wal: Path,
        archive: Archive,
        decoding: Decoding,
        warn: Callable[[str], None],
        *,
        skips_encrypted: bool = False,
    ) -> None:
        self._wal = wal
        self._archive = archive
        self._decoding = decoding
        self._warn = warn
        self._skips_encrypted = skips_encrypted
        self._entries: dict[int, Entry] = {}
        """The entries of the manifest by number."""
        self._blocks: dict[str, list[Block] | None] = {}
        """The streams of archived files by name; None for encrypted ones."""

    def summaries(self) -> list[Summary]:
        """Return all streams, the oldest first.

        Raises:
            JournalError: the archive cannot be read.
        """
        found: dict[Key, Summary] = {}
        paths = self.paths()
        self.refresh()
        for file, blocks in self._blocks.items():
            for block in blocks or ():
                _merge(found, _summary(Key(epoch_of(file), block.stream), block))
        for name, path in paths.items():
            if not self.is_archived(name):
                for one in self._in_file(path):
                    _merge(found, one)
        return sorted(found.values(), key=lambda summary: summary.begin)

    def has_encrypted(self, epoch: str = "") -> bool:
        """Return whether files that `refresh` has found, of one process or of all, are left out
        because they are encrypted."""
        return any(
            blocks is None and file.startswith(epoch) for file, blocks in self._blocks.items()
        )

    def refresh(self) -> None:
        """Read the indexes of new files in the archive, and forget those that have expired.

        Raises:
            JournalError: the archive cannot be read.
        """
        manifest = self._archive.manifest
        numbers = manifest.numbers()
        for number in numbers:
            if number not in self._entries:
                try:
                    self._entries[number] = manifest.read(number)
                except MissingError:  # it has just expired
                    continue
                except FormatError as error:
                    self._warn(f"entry {number} of the manifest: {error}")
        self._entries = {n: self._entries[n] for n in numbers if n in self._entries}
        files = [entry.file for entry in self._entries.values() if entry.file]
        self._blocks = {
            file: self._blocks[file] if file in self._blocks else self._index(file)
            for file in files
        }

    def paths(self, epoch: str = "") -> dict[str, Path]:
        """Return the files of the journal, of one process or of all, by name and in order; some of
        them may be archived."""
        return files_of(self._wal, epoch)

    def is_archived(self, name: str) -> bool:
        """Return whether `refresh` has found a file in the archive."""
        return name in self._blocks

    def about(self, key: Key) -> Mapping[str, str]:
        """Return the description of a stream that `refresh` found in the archive, or nothing."""
        for file, blocks in self._blocks.items():
            if epoch_of(file) == key.epoch:
                for block in blocks or ():
                    if block.stream == key.stream:
                        return block.about
        return {}

    def archived(self, key: Key, after: int) -> Iterator[Record]:
        """Yield the records of a stream in the archive whose numbers may be above one.

        Raises:
            JournalError: the archive cannot be read.
        """
        for file, blocks in sorted(self._blocks.items()):
            if epoch_of(file) == key.epoch:
                for block in blocks or ():
                    if block.stream == key.stream and block.last > after:
                        yield from self._archive.open(file, self._decoding).records(block)

    def _index(self, file: str) -> list[Block] | None:
        try:
            return self._archive.open(file, self._decoding).blocks
        except EncryptedError:
            if not self._skips_encrypted:
                raise
            return None
        except (MissingError, FormatError) as error:
            self._warn(f"{file}: {error}")
        return []

    def _in_file(self, path: Path) -> Iterator[Summary]:
        """Yield the streams in a file that is not archived."""
        try:
            streams, _ = group(path.read_bytes())
        except FileNotFoundError:  # it was archived meanwhile
            return
        except FormatError as error:
            self._warn(f"{path}: {error}")
            return
        for number, one in streams.items():
            if one.description.kind == self._archive.kind:
                yield Summary(
                    key=Key(path.parent.name, number),
                    description=one.description,
                    begin=one.first.time,
                    end=one.last.time,
                    size=one.size,
                    ended=one.last.is_end,
                    first=one.first.sequence,
                )


class Stream:
    """Reads a stream, also while it is being written."""

    def __init__(self, catalogue: Catalogue, key: Key) -> None:
        self.key = key
        self.ended = False
        """True once its last record was read."""
        self.about: Mapping[str, str] = {}
        """Its description, once something of it was read."""
        self._catalogue = catalogue
        self._last = 0
        """The number of the last record that was read."""
        self._offsets: dict[str, int] = {}
        """The offsets up to which files that are not archived have been read."""

    def poll(self) -> Iterator[Record]:
        """Yield the records that are new since the last call.

        Raises:
            JournalError: the archive cannot be read.
        """
        if self.ended:
            return
        catalogue = self._catalogue
        paths = catalogue.paths(self.key.epoch)
        catalogue.refresh()
        self.about = self.about or catalogue.about(self.key)
        yield from self._new(catalogue.archived(self.key, self._last))
        for name, path in paths.items():
            if not catalogue.is_archived(name):
                try:
                    yield from self._new(self._written(name, path))
                except FileNotFoundError:  # it has been archived: the next call reads it
                    return

    def _new(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            if record.stream == self.key.stream and record.is_description:
                self.about = Description.decode(record.payload).about
            elif record.stream == self.key.stream and record.sequence > self._last:
                self._last = record.sequence
                self.ended = record.is_end
                yield record

    def _written(self, name: str, path: Path) -> Iterator[Record]:
        with path.open("rb") as file:
            if name not in self._offsets:
                header = file.read(HEADER_SIZE)
                if len(header) < HEADER_SIZE:
                    return
                decode_header(header)
                self._offsets[name] = HEADER_SIZE
            start = self._offsets[name]
            file.seek(start)
            data = file.read()
        for end, record in scan(data, 0):
            yield record
            self._offsets[name] = start + end


def _summary(key: Key, block: Block) -> Summary:
    return Summary(
        key=key,
        description=Description(block.kind, block.about),
        begin=block.begin,
        end=block.end,
        size=block.size,
        ended=block.ended,
        first=block.first,
    )


def _merge(found: dict[Key, Summary], part: Summary) -> None:
    known = found.setdefault(part.key, part)
    if known is not part:
        known.begin, known.end = min(known.begin, part.begin), max(known.end, part.end)
        known.first = min(known.first, part.first)
        known.size += part.size
        known.ended = known.ended or part.ended
