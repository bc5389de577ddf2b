"""The manifest of an archive: numbered entries, each with the hash of the one before it.

An entry names one file of the archive with its size and its hash, or says that files up to a number
have expired. So a file or an entry that is missing or changed is found, unless all later entries
were replaced, too: whoever wants to exclude that keeps a copy of the newest hash elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from itertools import count

from guacr.journal.errors import ExistsError, FormatError, MissingError, StoreError
from guacr.journal.stores import Store
from guacr.json_text import JsonError, parse_json

DIRECTORY = "manifest/"
ENTRY_MAX = 65536
"""Maximum bytes of an entry."""
NO_HASH = "0" * 64
"""Precedes the first entry."""
ATTEMPTS = 100
"""Attempts to add an entry while other processes add theirs."""

_NAME = re.compile(r"([0-9]{10})\.json")
_FILE = re.compile(r"[A-Za-z0-9-]{0,80}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a manifest."""

    number: int
    """Counted from 1."""
    previous: str
    """The hash of the entry before."""
    time: int
    """When it was made, in nanoseconds since 1970."""
    file: str = ""
    """The name of a file of the archive, such as 20261129T101500Z-3f9a2c-00000007; or empty."""
    size: int = 0
    """Bytes of the file."""
    sha256: str = ""
    """The hash of the file."""
    streams: int = 0
    records: int = 0
    begin: int = 0
    """The time of its first record, in nanoseconds since 1970."""
    end: int = 0
    cut: int = 0
    """Bytes that a crash had left incomplete at the end of the journal's file."""
    expired: int = 0
    """The number of the last entry whose file was deleted because of its age or of the space; 0 for
    none."""
    expired_hash: str = ""
    """The hash of that entry."""

    def encode(self) -> bytes:
        """Return the content of its object."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @property
    def hash(self) -> str:
        """The hash of its content."""
        return sha256(self.encode()).hexdigest()


def decode(data: bytes) -> Entry:
    """Parse an entry.

    Raises:
        FormatError: it is not one.
    """
    try:
        entry = Entry(**parse_json(data))
    except (JsonError, TypeError):
        raise FormatError("an entry of the manifest is damaged") from None
    texts = {"previous", "file", "sha256", "expired_hash"}
    for name, value in asdict(entry).items():
        if type(value) is not (str if name in texts else int):
            raise FormatError("an entry of the manifest is damaged")
    if not _FILE.fullmatch(entry.file):  # it becomes part of a path
        raise FormatError("an entry of the manifest is damaged")
    if entry.encode() != data:  # its hash would not be that of the object
        raise FormatError("an entry of the manifest is damaged")
    return entry


class Manifest:
    """The manifest of an archive, below `prefix` in a store. All methods block, and raise
    `StoreError` if the store cannot be used."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = f"{prefix}{DIRECTORY}"
        self._last: tuple[int, str] | None = None
        """The number and the hash of the last known entry."""

    def numbers(self) -> list[int]:
        """Return the numbers of all entries in order."""
        found = []
        for name, _ in self._store.names(self._prefix):
            match = _NAME.fullmatch(name.removeprefix(self._prefix))
            if match:
                found.append(int(match[1]))
        return sorted(found)

    def read(self, number: int) -> Entry:
        """Return an entry.

        Raises:
            MissingError: it does not exist.
            FormatError: it is damaged.
        """
        return decode(self._read(number))

    def entries(self, after: int = 0, warn: Callable[[str], None] | None = None) -> Iterator[Entry]:
        """Yield the entries after a number; those that expire meanwhile are left out.

        Raises:
            FormatError: one is damaged, unless `warn` is called with a sentence about it.
        """
        for number in self.numbers():
            if number > after:
                try:
                    yield self.read(number)
                except MissingError:
                    continue
                except FormatError as error:
                    if warn is None:
                        raise
                    warn(f"{self._name(number)}: {error}")

    def newer(self, after: int, warn: Callable[[str], None]) -> Iterator[Entry]:
        """Yield the entries that follow number `after`, without a list of all. `warn` is called
        with a sentence about damaged ones."""
        for number in count(after + 1):
            try:
                yield self.read(number)
            except MissingError:
                return
            except FormatError as error:
                warn(f"{self._name(number)}: {error}")

    def backwards(self) -> Iterator[Entry]:
        """Yield the entries from the last one on, without damaged ones."""
        self._advance()
        for number in range(self.head()[0], 0, -1):
            try:
                yield self.read(number)
            except MissingError:  # it has expired
                return
            except FormatError:
                continue

    def _advance(self) -> None:
        """Note the entries that other processes have added."""
        number, _ = self.head()
        with suppress(MissingError):
            for following in count(number + 1):
                self._last = following, sha256(self._read(following)).hexdigest()

    def head(self) -> tuple[int, str]:
        """Return the number and the hash of the last entry; 0 and `NO_HASH` for none."""
        if self._last is None:
            numbers = self.numbers()
            if not numbers:
                return 0, NO_HASH
            self._last = numbers[-1], sha256(self._read(numbers[-1])).hexdigest()
        return self._last

    def add(self, entry: Entry) -> Entry:
        """Add an entry, and return it with the number and the hash that it was given."""
        for _ in range(ATTEMPTS):
            last, previous = self.head()
            entry = replace(entry, number=last + 1, previous=previous)
            data = entry.encode()
            with suppress(ExistsError):
                self._store.put(self._name(entry.number), data)
                self._last = entry.number, entry.hash
                return entry
            # of another process, or of an attempt whose answer was lost
            found = self._read(entry.number)
            self._last = entry.number, sha256(found).hexdigest()
            if found == data:
                return entry
        raise StoreError(
            f"no entry could be added to {self._prefix} in {ATTEMPTS} attempts: other processes "
            "add theirs at the same time"
        )

    def delete(self, number: int) -> None:
        """Delete an entry that has expired."""
        self._store.delete(self._name(number))

    def _read(self, number: int) -> bytes:
        return self._store.get(self._name(number), ENTRY_MAX)

    def _name(self, number: int) -> str:
        return f"{self._prefix}{number:010}.json"


def is_hash(text: str) -> bool:
    """Return whether a text can be a hash of the manifest."""
    return _HASH.fullmatch(text) is not None
