"""An archive: the files of one kind of streams in a store, with their manifest.

Names in the store, below the name of the node and the kind:

    files/20261129T101500Z-3f9a2c-00000007.seg
    manifest/0000000042.json
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from guacr.journal.encoding import Decoding
from guacr.journal.errors import (
    ExistsError,
    FormatError,
    JournalError,
    MissingError,
    StoreError,
)
from guacr.journal.manifest import DIRECTORY, NO_HASH, Entry, Manifest
from guacr.journal.segments import Segment
from guacr.journal.stores import PIECE, Store
from guacr.retention import EARLIEST

FILES = "files/"
SUFFIX = ".seg"
DAY_NS = 86_400_000_000_000
EARLIEST_NS = int(EARLIEST * 1e9)


@dataclass(frozen=True, slots=True)
class Retention:
    """The limits beyond which files are deleted; 0 for none."""

    days: float = 0.0
    size: int = 0
    """Maximum bytes of all files."""


class Archive:
    """The archive of one kind. All methods block, and raise `StoreError` if the store cannot be
    used."""

    def __init__(self, store: Store, node: str, kind: str) -> None:
        self.kind = kind
        self._store = store
        self._prefix = f"{node}/{kind}/"
        self.manifest = Manifest(store, self._prefix)
        self._expired_through = 0
        """The last entry that this process has declared to be expired."""

    # ---- writing

    def add(self, path: Path, entry: Entry) -> Entry:
        """Add the file at `path` as `entry.file`, and return its entry in the manifest. Repeating
        this after a crash or an error does no harm."""
        found = self._added(entry)
        if found is not None:
            return found
        name = self._name(entry.file)
        own = path.stat().st_size, digest_of(path)
        try:
            self._store.put_file(name, path)
        except ExistsError:  # of an earlier attempt
            if self._digest(name) != own:
                raise StoreError(f"{name} exists with another content: remove it") from None
        size, digest = own
        return self.manifest.add(replace(entry, time=time.time_ns(), size=size, sha256=digest))

    def _added(self, entry: Entry) -> Entry | None:
        """Return the entry in the manifest, if an earlier attempt has come so far."""
        for one in self.manifest.backwards():
            if one.file == entry.file:
                return one
            if one.time < entry.begin - DAY_NS:  # it was made before there were such records
                return None
        return None

    def expire(self, retention: Retention, now: int) -> Iterator[Entry]:
        """Delete files that need not be kept, the oldest first, and yield the entry of each
        afterwards. `now` is in nanoseconds since 1970; 0 if it is not known how old files are."""
        expired = self._expired(retention, now)
        if not expired:
            return
        last = expired[-1]
        if last.number > self._expired_through:  # otherwise, an attempt has failed afterwards
            record = Entry(0, "", time.time_ns(), expired=last.number, expired_hash=last.hash)
            self.manifest.add(record)
            self._expired_through = last.number
        for entry in expired:
            if entry.file:
                self._store.delete(self._name(entry.file))
                yield entry
            self.manifest.delete(entry.number)

    def tidy(self) -> None:
        """Delete what interrupted attempts have left behind."""
        for part in (FILES, DIRECTORY):
            self._store.tidy(self._prefix + part)

    def _expired(self, retention: Retention, now: int) -> list[Entry]:
        """Return the entries up to the last one whose file need not be kept. One that was written
        while the clock was wrong is at least as old as those after it."""
        days = retention.days if now else 0.0
        if not days and not retention.size:
            return []
        total, expired, last = 0, list[Entry](), 0
        if retention.size:
            total = sum(size for _, size in self._store.names(f"{self._prefix}{FILES}"))
        oldest, latest = now - int(days * DAY_NS), max(now, time.time_ns())
        for entry in self.manifest.entries():
            expired.append(entry)
            if not entry.file:
                continue
            is_dated = EARLIEST_NS <= entry.end <= latest
            is_old = bool(days) and is_dated and entry.end < oldest
            if is_old or (retention.size and total > retention.size):
                total -= entry.size
                last = len(expired)
            elif is_dated or not days:
                break
        return expired[:last]

    # ---- reading

    def open(self, file: str, decoding: Decoding) -> Segment:
        """Open a file.

        Raises:
            MissingError: it does not exist.
            FormatError: it is damaged.
            JournalError: it is encrypted, and there is no identity for it.
        """
        name = self._name(file)
        try:
            return Segment(self._store.size(name), partial(self._store.read, name), decoding)
        except FormatError as error:
            raise FormatError(f"{name}: {error}") from None

    def has(self, digest: str) -> bool:
        """Return whether an entry of the manifest has a hash; those that expired count, as long as
        it is known."""
        entries = self.manifest.entries(warn=lambda text: None)
        return any(digest in (entry.hash, entry.expired_hash) for entry in entries)

    def verify(self) -> Iterator[str]:
        """Compare the store with the manifest, and yield a sentence for each thing that is
        wrong."""
        expired = (0, "")
        entries: list[Entry] = []
        before: tuple[int, str] | None = None
        for number in self.manifest.numbers():
            try:
                entry = self.manifest.read(number)
            except MissingError:
                continue
            except FormatError:
                yield f"{self.kind}: entry {number} of the manifest is damaged"
                before = None
                continue
            if before is not None:
                yield from self._compare(before, entry)
            entries.append(entry)
            before = entry.number, entry.hash
            if entry.expired > expired[0]:
                expired = entry.expired, entry.expired_hash
        if entries:
            yield from self._check_begin(entries[0], expired)
        for entry in entries:
            if entry.file and entry.number > expired[0]:
                yield from self._check_file(entry)
        yield from self._unlisted({entry.file for entry in entries})

    def _compare(self, before: tuple[int, str], entry: Entry) -> Iterator[str]:
        number, digest = before
        if entry.number != number + 1:
            missing = f"{number + 1} to {entry.number - 1}"
            yield f"{self.kind}: entries {missing} of the manifest are missing"
        elif entry.previous != digest:
            yield f"{self.kind}: entry {number} of the manifest was changed"

    def _check_begin(self, first: Entry, expired: tuple[int, str]) -> Iterator[str]:
        number, digest = (0, NO_HASH) if expired[0] == 0 else expired
        if first.number > number + 1:
            missing = f"{number + 1} to {first.number - 1}"
            yield f"{self.kind}: entries {missing} of the manifest are missing"
        elif first.number == number + 1 and first.previous != digest:
            yield f"{self.kind}: entry {first.number} of the manifest was changed"

    def _check_file(self, entry: Entry) -> Iterator[str]:
        name = self._name(entry.file)
        try:
            found = self._digest(name)
        except MissingError:
            yield f"{self.kind}: {entry.file} is missing"
            return
        except JournalError as error:
            yield f"{self.kind}: {entry.file} cannot be read: {error}"
            return
        if found != (entry.size, entry.sha256):
            yield f"{self.kind}: {entry.file} was changed"

    def _unlisted(self, known: set[str]) -> Iterator[str]:
        for name, _ in self._store.names(f"{self._prefix}{FILES}"):
            file = name.removeprefix(f"{self._prefix}{FILES}").removesuffix(SUFFIX)
            if file not in known and self._name(file) == name:
                entry = Entry(0, "", 0, file=file)
                if self._added(entry) is None:  # it may have been added meanwhile
                    yield f"{self.kind}: {file} is not in the manifest"

    def _digest(self, name: str) -> tuple[int, str]:
        size, digest = 0, sha256()
        for piece in self._store.pieces(name):
            size += len(piece)
            digest.update(piece)
        return size, digest.hexdigest()

    def _name(self, file: str) -> str:
        return f"{self._prefix}{FILES}{file}{SUFFIX}"


def digest_of(path: Path) -> str:
    """Return the hash of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
