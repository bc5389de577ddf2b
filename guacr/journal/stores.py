"""The stores of the archive: objects by name, which are created once and never changed."""

from __future__ import annotations

import errno
import os
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from guacr.journal.errors import ExistsError, MissingError, StoreError
from guacr.journal.files import MODE, make_directory, sync_directory

PIECE = 1 << 20
LEFT_AFTER = 3600.0
"""Seconds after which nobody writes to a temporary file any more."""
_TEMPORARY = ".tmp-"


class Store(ABC):
    """A place for objects. Names have parts separated by "/"; all methods block.

    All methods raise `StoreError` if the store cannot be used.
    """

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Create an object, durably.

        Raises:
            ExistsError: it exists.
        """

    @abstractmethod
    def put_file(self, name: str, path: Path) -> None:
        """Create an object from the file at `path`, durably; raises as `put` does."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Return the size of an object in bytes.

        Raises:
            MissingError: it does not exist.
        """

    @abstractmethod
    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` bytes of an object, from `offset`.

        Raises:
            MissingError: it does not exist.
            StoreError: it is shorter.
        """

    @abstractmethod
    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the names that consist of `prefix`, which ends with "/", and one more part, and the
        sizes of the objects, in no particular order."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete an object; do nothing if it does not exist."""

    def tidy(self, prefix: str) -> None:
        """Delete what attempts to create objects directly below `prefix` have left behind."""

    def get(self, name: str, limit: int) -> bytes:
        """Return the content of an object of at most `limit` bytes.

        Raises:
            MissingError: it does not exist.
            StoreError: it is larger.
        """
        size = self.size(name)
        if size > limit:
            raise StoreError(f"{name} has {size} bytes instead of at most {limit}")
        return self.read(name, 0, size)

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of an object; raises as `read` does."""
        size = self.size(name)
        for offset in range(0, size, PIECE):
            yield self.read(name, offset, min(PIECE, size - offset))


class LocalStore(Store):
    """Files below a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @override
    def put(self, name: str, data: bytes) -> None:
        with self._new(name, secrets.token_hex(8)) as temporary:
            _write(temporary, data)

    @override
    def put_file(self, name: str, path: Path) -> None:
        with self._new(name, Path(name).name) as temporary:
            temporary.unlink(missing_ok=True)  # of an attempt that was interrupted
            try:
                os.link(path, temporary)  # its content is durable, and is not changed any more
            except OSError:  # it is on another file system
                _copy(path, temporary)

    @override
    def size(self, name: str) -> int:
        with _reported(name):
            return (self._directory / name).stat().st_size

    @override
    def read(self, name: str, offset: int, length: int) -> bytes:
        with _reported(name), (self._directory / name).open("rb") as file:
            file.seek(offset)
            data = file.read(length)
        if len(data) != length:
            raise StoreError(f"{name} is shorter than {offset + length} bytes")
        return data

    @override
    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        with _reported(prefix):
            try:
                entries = os.scandir(self._directory / prefix)
            except FileNotFoundError:
                return
            with entries:
                for entry in entries:
                    if entry.is_file() and not entry.name.startswith(_TEMPORARY):
                        yield prefix + entry.name, entry.stat().st_size

    @override
    def delete(self, name: str) -> None:
        with _reported(name):
            (self._directory / name).unlink(missing_ok=True)

    @override
    def tidy(self, prefix: str) -> None:
        with _reported(prefix):
            for path in (self._directory / prefix).glob(f"{_TEMPORARY}*"):
                if path.stat().st_mtime < time.time() - LEFT_AFTER:
                    path.unlink(missing_ok=True)

    @contextmanager
    def _new(self, name: str, suffix: str) -> Iterator[Path]:
        """Yield the path to write to, whose name ends with `suffix`; afterwards, the file becomes
        the object, durably."""
        path = self._directory / name
        temporary = path.with_name(f"{_TEMPORARY}{suffix}")
        with _reported(name):
            make_directory(path.parent)
            try:
                yield temporary
                _link(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            sync_directory(path.parent)


def _link(temporary: Path, path: Path) -> None:
    """Give a file its name, unless that exists; a rename would replace it."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        if path.exists():  # a file system without links
            raise FileExistsError from None
        temporary.rename(path)


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """Turn errors of the system into those of a store."""
    try:
        yield
    except FileExistsError:
        raise ExistsError(f"{name} exists") from None
    except FileNotFoundError:
        raise MissingError(f"{name} does not exist") from None
    except OSError as error:
        raise StoreError(f"{name}: {error.strerror or error}") from error


def _write(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, MODE), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _copy(source: Path, path: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with source.open("rb") as old, os.fdopen(os.open(path, flags, MODE), "wb") as new:
        while piece := old.read(PIECE):
            new.write(piece)
        new.flush()
        os.fsync(new.fileno())
