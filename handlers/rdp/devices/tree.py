"""The files below a directory of the daemon, reached from its descriptor: no path leads out of it,
and no symbolic link is followed. All functions block."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from guacr.api import TREE_MAX
from handlers.rdp.open_file import OpenFile, write

Path = tuple[str, ...]
"""The names of a file's directories and its own; none is empty, `.` or `..`, or contains a `/`.
Empty for the directory itself."""
FILE_MODE, DIRECTORY_MODE = 0o600, 0o700
"""Permissions of what is created, as in guacd."""
FREE_FILES_MIN = 1000
"""Files for which the disk keeps room, where their number is limited."""
DEPTH_MAX = 256
"""Directories within each other that are deleted together."""
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Flags of every open: no symbolic link is followed, and no pipe waits for its other end."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of what may be written.

    Args:
        file_max: bytes of a file.
        free_min: bytes of the disk that stay free.
    """

    file_max: int
    free_min: int


class Tree:
    """The files below a directory. It may be used from several threads.

    Args:
        root: a descriptor of the directory, which the tree closes.
        limits: what may be written.
    """

    def __init__(self, root: int, limits: Limits) -> None:
        self._root = OpenFile(root)
        self._limits = limits

    async def call(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call a function that uses the files on a thread, and keep the directory open for it."""
        return await self._root.call(function, *arguments)

    def close(self) -> None:
        """Close the directory, once no `call` uses it any more; no other may follow."""
        self._root.release()

    @contextmanager
    def parent(self, path: Path) -> Iterator[tuple[int, str]]:
        """A descriptor of the directory that a file is in, and the file's name there.

        Raises:
            NotADirectoryError: a part of the path is none, or a symbolic link.
            OSError: it cannot be reached.
        """
        if not path:
            raise OSError(errno.EBUSY, "the root of the drive stays as it is")
        _check(path)
        descriptor = self._directory(path[:-1])
        try:
            yield descriptor, path[-1]
        finally:
            os.close(descriptor)

    def _directory(self, path: Path) -> int:
        _check(path)
        flags = os.O_PATH | os.O_DIRECTORY | _SAFE
        descriptor = os.open(".", flags, dir_fd=self._root.descriptor)
        for name in path:
            above = descriptor
            try:
                descriptor = os.open(name, flags, dir_fd=above)
            finally:
                os.close(above)
        return descriptor

    def open(self, path: Path, flags: int) -> int:
        """Open a file or a directory; `os.O_CREAT` makes a file that must not exist. Nothing else
        than files and directories is opened.

        Raises:
            PermissionError: it is something else, such as a symbolic link.
            OSError: it cannot be opened.
        """
        if not path:
            return os.open(".", os.O_RDONLY | os.O_DIRECTORY | _SAFE, dir_fd=self._root.descriptor)
        if flags & os.O_CREAT:
            flags |= os.O_EXCL
        with self.parent(path) as (directory, name):
            if flags & os.O_CREAT:
                self._check_room(directory, 1)
            try:
                descriptor = os.open(name, flags | _SAFE, FILE_MODE, dir_fd=directory)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a pipe or socket
                    raise PermissionError(errno.EACCES, "it is no file") from None
                raise
        if not is_plain(os.fstat(descriptor)):
            os.close(descriptor)
            raise PermissionError(errno.EACCES, "it is no file")
        return descriptor

    def stat(self, path: Path) -> os.stat_result:
        """Return what is known of a file or directory.

        Raises:
            FileNotFoundError: there is none, or it is something else.
            OSError: it cannot be reached.
        """
        if not path:
            return os.fstat(self._root.descriptor)
        with self.parent(path) as (directory, name):
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if not is_plain(found):
            raise FileNotFoundError(errno.ENOENT, "it is no file")
        return found

    def names(self, path: Path, most: int) -> list[str]:
        """Return the names in a directory, in any order; raises OSError, also if there are more
        than `most` (EOVERFLOW)."""
        descriptor = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return names_in(descriptor, most)
        finally:
            os.close(descriptor)

    def look(self, path: Path, among: Iterable[str]) -> list[tuple[str, os.stat_result]]:
        """Return what is known of those files of a directory that still exist; raises OSError."""
        descriptor = self._directory(path)
        try:
            found = [(name, seen(name, descriptor)) for name in among]
        finally:
            os.close(descriptor)
        return [(name, one) for name, one in found if one is not None]

    def make_directory(self, path: Path) -> None:
        """Make a directory; raises OSError."""
        with self.parent(path) as (directory, name):
            self._check_room(directory, 1)
            os.mkdir(name, DIRECTORY_MODE, dir_fd=directory)

    def rename(self, path: Path, to: Path, *, replace: bool) -> None:
        """Give a file or directory another path; raises OSError."""
        self.stat(path)
        with self.parent(path) as (source, name), self.parent(to) as (target, new):
            if not replace and _exists(new, target):
                raise FileExistsError(errno.EEXIST, "it exists already")
            os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)

    def remove(self, path: Path) -> None:
        """Delete a file, or an empty directory; raises OSError."""
        found = self.stat(path)
        with self.parent(path) as (directory, name):
            if stat.S_ISDIR(found.st_mode):
                os.rmdir(name, dir_fd=directory)
            else:
                os.unlink(name, dir_fd=directory)

    def remove_all(self, path: Path) -> None:
        """Delete a file, or a directory with what is in it; raises OSError, also if that is more
        than `TREE_MAX` files."""
        if not stat.S_ISDIR(self.stat(path).st_mode):
            self.remove(path)
            return
        with self.parent(path) as (directory, name):
            self._empty(directory, name, _Count(TREE_MAX), DEPTH_MAX)

    def _empty(self, parent: int, name: str, count: _Count, depth: int) -> None:
        if not depth:
            raise OSError(errno.ENAMETOOLONG, "there are too many directories in each other")
        directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _SAFE, dir_fd=parent)
        try:
            for entry in names_in(directory, TREE_MAX):
                count.take()
                found = os.stat(entry, dir_fd=directory, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    self._empty(directory, entry, count, depth - 1)
                else:  # a link itself, too, and not its target
                    os.unlink(entry, dir_fd=directory)
        finally:
            os.close(directory)
        os.rmdir(name, dir_fd=parent)

    # ---- sizes

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        """Write into a file.

        Raises:
            OSError: it would be too large (EFBIG), the disk too full (ENOSPC), or it cannot be
                written to.
        """
        end = offset + len(data)
        self._check(descriptor, end, len(data))
        write(descriptor, data, offset)

    def resize(self, descriptor: int, size: int) -> None:
        """Cut a file off, or let it grow by zeros; raises as `write` does."""
        self._check(descriptor, size, 0)
        os.ftruncate(descriptor, size)

    def _check(self, descriptor: int, end: int, more: int) -> None:
        if end > self._limits.file_max:
            raise OSError(errno.EFBIG, "a file would be larger than rdp.max_drive_file")
        self._check_room(descriptor, more)

    def _check_room(self, descriptor: int, size: int) -> None:
        """Check that so many bytes, or a new file, may be written to the disk."""
        found = os.fstatvfs(descriptor)
        has_files = not found.f_files or found.f_favail >= FREE_FILES_MIN
        if size and (size > self._left(found) or not has_files):
            raise OSError(errno.ENOSPC, "the disk would be fuller than rdp.min_drive_free allows")

    def space(self) -> tuple[int, int]:
        """Return the bytes of the disk, and those that may still be written; raises OSError."""
        found = os.fstatvfs(self._root.descriptor)
        return found.f_blocks * found.f_frsize, self._left(found)

    def _left(self, found: os.statvfs_result) -> int:
        return max(found.f_bavail * found.f_frsize - self._limits.free_min, 0)


class _Count:
    """A number of files that may still be deleted."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.E2BIG, "there are too many files")


def _check(path: Path) -> None:
    if any(name in ("", ".", "..") or "/" in name for name in path):
        raise OSError(errno.EINVAL, "a path may lead out of the drive")


def is_plain(found: os.stat_result) -> bool:
    """Return whether something is a file or a directory."""
    return stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)


def names_in(directory: int, most: int) -> list[str]:
    """Return the names in an open directory; raises OSError, also if there are more than `most`
    (EOVERFLOW)."""
    with os.scandir(directory) as entries:
        found = [entry.name for entry in islice(entries, most + 1)]
    if len(found) > most:
        raise OSError(errno.EOVERFLOW, "there are too many files")
    return found


def seen(name: str, directory: int) -> os.stat_result | None:
    """Return what is known of a file in an open directory; None if it is no longer there, or is
    neither a file nor a directory."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return None
    return found if is_plain(found) else None


def _exists(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
