"""A tree of files in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from guacr.api import (
    ConflictError,
    Entry,
    ForbiddenError,
    NotFoundError,
    OverrunError,
    TooManyError,
    shorten,
)

ENTRIES_MAX = 2000
"""Maximum files and directories."""


@dataclass(slots=True, eq=False)
class File:
    """A file."""

    data: bytearray = field(default_factory=bytearray)
    modified: float = field(default_factory=time.time)


@dataclass(slots=True, eq=False)
class Directory:
    """A directory."""

    modified: float = field(default_factory=time.time)


class Tree:
    """Files and directories by their normalised paths; `/` is the root.

    Args:
        size_max: maximum bytes of all files.
    """

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._size = 0
        self._nodes: dict[str, File | Directory] = {"/": Directory()}

    def stat(self, path: str) -> Entry:
        """Return what a path names; raises NotFoundError."""
        node = self._find(path)
        name = path.rpartition("/")[2]
        if isinstance(node, Directory):
            return Entry(name, is_directory=True, modified=node.modified)
        return Entry(name, size=len(node.data), modified=node.modified)

    def entries(self, path: str) -> Iterator[Entry]:
        """Yield what a directory contains."""
        for child in list(self._nodes):
            if child != "/" and _parent(child) == path:
                yield self.stat(child)

    def file(self, path: str) -> File:
        """Return a file.

        Raises:
            NotFoundError: it does not exist.
            ForbiddenError: it is a directory.
        """
        node = self._find(path)
        if isinstance(node, Directory):
            raise ForbiddenError(f"{shorten(path)} is a folder")
        return node

    def open(self, path: str, offset: int) -> File:
        """Create a file, or return an existing one shortened to `offset` bytes.

        Raises:
            ConflictError: the file has less.
            GuacrError: as `file` and `make_directory`.
        """
        if path not in self._nodes:
            self._add(path, File())
        file = self.file(path)
        if len(file.data) < offset:
            raise ConflictError(f"{shorten(path)} has only {len(file.data)} bytes: send all of it")
        self._size -= len(file.data) - offset
        del file.data[offset:]
        return file

    def append(self, path: str, file: File, data: bytes) -> None:
        """Write at the end of a file.

        Raises:
            OverrunError: the files would be too large.
            NotFoundError: the file has been deleted or renamed.
        """
        if self._nodes.get(path) is not file:
            raise NotFoundError(f"{shorten(path)} has been removed: send it again")
        if self._size + len(data) > self._size_max:
            raise OverrunError(
                f"the test card stores at most {self._size_max} bytes: delete files first"
            )
        self._size += len(data)
        file.data += data
        file.modified = time.time()

    def discard(self, path: str, file: File) -> None:
        """Delete a file, unless there is another one in its place."""
        if self._nodes.get(path) is file:
            self.delete(path)

    def make_directory(self, path: str) -> None:
        """Create a directory.

        Raises:
            ConflictError: there is something of this name.
            NotFoundError: the directory for it does not exist.
            TooManyError: there are `ENTRIES_MAX` files and directories.
        """
        self._check_free(path)
        self._add(path, Directory())

    def rename(self, path: str, to: str) -> None:
        """Rename or move; raises as `make_directory`."""
        self._find(path)
        self._check_free(to)
        if f"{to}/".startswith(f"{path}/"):
            raise ConflictError("a folder cannot be moved into itself")
        self._check_directory(_parent(to))
        for old in self._below(path):
            self._nodes[to + old[len(path) :]] = self._nodes.pop(old)

    def delete(self, path: str) -> None:
        """Delete a file, or a directory with all that it contains.

        Raises:
            NotFoundError: it does not exist.
            ForbiddenError: it is the root.
        """
        self._find(path)
        if path == "/":
            raise ForbiddenError("this folder cannot be deleted")
        for old in self._below(path):
            node = self._nodes.pop(old)
            if isinstance(node, File):
                self._size -= len(node.data)

    def _below(self, path: str) -> list[str]:
        return [one for one in self._nodes if one == path or one.startswith(f"{path}/")]

    def _find(self, path: str) -> File | Directory:
        node = self._nodes.get(path)
        if node is None:
            raise NotFoundError(f"{shorten(path)} does not exist")
        return node

    def _check_free(self, path: str) -> None:
        if path in self._nodes:
            raise ConflictError(f"{shorten(path)} exists already: choose another name")

    def _check_directory(self, path: str) -> None:
        if not isinstance(self._find(path), Directory):
            raise ConflictError(f"{shorten(path)} is not a folder")

    def _add(self, path: str, node: File | Directory) -> None:
        self._check_directory(_parent(path))
        if len(self._nodes) > ENTRIES_MAX:
            raise TooManyError(f"the test card has at most {ENTRIES_MAX} files and folders")
        self._nodes[path] = node


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
