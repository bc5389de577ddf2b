"""Where an upload to a drive is written: to its place, or beside a file that it replaces at the
end, so that a failure leaves that file as it was. The functions block, and raise OSError."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from guacr.api import ConflictError
from handlers.rdp.devices.tree import Path, Tree


@dataclass(frozen=True, slots=True)
class Destination:
    """An open file for an upload."""

    tree: Tree
    descriptor: int
    path: Path
    """The path of the open file."""
    replaces: Path = ()
    """The path of the file that it replaces at the end; empty if it is in its place."""

    def finish(self) -> None:
        """Put the file in its place."""
        if self.replaces:
            self.tree.rename(self.path, self.replaces, replace=True)

    def discard(self) -> None:
        """Remove what has arrived."""
        with suppress(OSError):
            self.tree.remove(self.path)


def open_destination(tree: Tree, path: Path, offset: int) -> Destination:
    """Open a file for an upload that begins at a byte.

    Raises:
        ConflictError: it has less than `offset` bytes.
    """
    if path and not offset:
        with suppress(OSError):  # what is left of an earlier upload must not be continued any more
            tree.remove(part_of(path))
    try:
        found = tree.stat(path)
    except FileNotFoundError:
        if offset:
            raise
        return Destination(tree, tree.open(path, os.O_RDWR | os.O_CREAT), path)
    if offset:
        return _continued(tree, path, offset)
    if stat.S_ISREG(found.st_mode) and found.st_size and found.st_nlink == 1:
        beside = _beside(tree, path, found)
        if beside is not None:
            return beside
    return _cut(Destination(tree, tree.open(path, os.O_RDWR), path), 0)


def part_of(path: Path) -> Path:
    """Return the path of what has arrived of a file that replaces another one."""
    name = os.fsencode(path[-1])
    return (*path[:-1], f".guacr-{sha256(name).hexdigest()[:16]}.part")


def _continued(tree: Tree, path: Path, offset: int) -> Destination:
    part = part_of(path)
    try:
        destination = Destination(tree, tree.open(part, os.O_RDWR), part, path)
    except FileNotFoundError:
        destination = Destination(tree, tree.open(path, os.O_RDWR), path)
    return _cut(destination, offset)


def _cut(destination: Destination, offset: int) -> Destination:
    """Cut off what follows a byte."""
    try:
        if offset > os.fstat(destination.descriptor).st_size:
            raise ConflictError("the file is shorter than what was uploaded: send all of it")
        os.ftruncate(destination.descriptor, offset)
    except BaseException:
        os.close(destination.descriptor)
        raise
    return destination


def _beside(tree: Tree, path: Path, found: os.stat_result) -> Destination | None:
    """Create a file beside an existing one, with its permissions; return None if it cannot have the
    same owner."""
    part = part_of(path)
    try:
        descriptor = tree.open(part, os.O_RDWR | os.O_CREAT)
    except (PermissionError, FileExistsError):  # the directory is read-only, or has a link there
        return None
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
        os.close(descriptor)
        tree.remove(part)
        return None
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
    return Destination(tree, descriptor, part, path)
