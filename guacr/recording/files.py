"""Files of recordings, opened as guacd does, in directories that their requester may use.

Everything here blocks, and runs on a thread.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic

from guacr.errors import ConflictError, ForbiddenError, GuacrError, RecordingError, clause, shorten
from guacr.recording.locks import lock
from guacr.recording.names import EXAMPLE

SUFFIX_MAX = 255
"""The last number that is appended to a name that exists (GUAC_COMMON_RECORDING_MAX_SUFFIX)."""
NEW_NAMES = f"move old files away, and use a name that is new each time, such as {EXAMPLE}"
"""The advice to those whose numbers come to an end."""
NAME_MAX = 200
"""Maximum bytes of a name without its suffixes."""
FILE_MODE, DIRECTORY_MODE, OWN_MODE = 0o640, 0o750, 0o600
"""Permissions before the umask; the last are those of files that only guacr reads."""
PARTS_MAX = 1024
"""Buffers of one system call (IOV_MAX)."""

CHECK_EVERY = 1.0
"""Seconds between two looks at the file and its disk."""

DISK_FULL = "less than recording.min_free_disk is free on the disk"

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Neither a link nor a named pipe, which somebody has put there, is followed or waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A directory and a name for a recording."""

    directory: str
    name: str
    create: bool = False
    """True to create the last level of the directory."""
    overwrite: bool = False
    """True to replace a file of this name, instead of appending a number to the name."""
    within: tuple[Path, ...] | None = None
    """The directories that its requester may use; None for an operator, who may use any."""

    @property
    def root(self) -> str:
        """The directory of the settings that it is in: what is there is on one disk, as a rule."""
        path = os.path.normpath(self.directory)
        return next((str(root) for root in self.within or () if _lies_in(path, root)), path)


class RecordingFile:
    """An open and locked file, to which whole parts are appended."""

    def __init__(self, descriptor: int, path: Path, *, min_free: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self.disk = os.fstat(descriptor).st_dev
        self.min_free = min_free
        """Bytes that must stay free on the disk."""
        self._size = self._position = 0
        """The end of the last complete part, and of what was written."""
        self._next_check = 0.0
        self._lock()

    def append(self, parts: list[bytes]) -> None:
        """Write parts; if that fails, cut the file after the last complete one.

        Raises:
            RecordingError: the disk is full, or the file is gone.
        """
        now = monotonic()
        if now >= self._next_check:
            self._next_check = now + CHECK_EVERY
            self._check()
        try:
            for batch in _batches(parts):
                self._write(batch)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(
                    self._descriptor, self._size + _whole(parts, self._position - self._size)
                )
            raise failure(error) from error
        self._size = self._position

    def close(self) -> None:
        """Make everything durable, and release the file.

        Raises:
            RecordingError: the system reports that something was not stored.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            raise failure(error) from error
        finally:
            os.close(descriptor)

    def _lock(self) -> None:
        """Lock the file, and only then delete what is in it."""
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConflictError(f"{shorten(self.path.name)} exists, and is not a file")
        if status.st_nlink > 1:
            raise ConflictError(f"{shorten(self.path.name)} is also a file of another name")
        try:
            lock(self._descriptor)
        except OSError as error:
            raise ConflictError(
                f"{shorten(self.path.name)} is being written by another session"
            ) from error
        os.ftruncate(self._descriptor, 0)

    def _check(self) -> None:
        if os.fstat(self._descriptor).st_nlink == 0:
            raise RecordingError("its file has been deleted")
        if self.min_free:
            disk = os.fstatvfs(self._descriptor)
            if disk.f_bavail * disk.f_frsize < self.min_free:
                raise RecordingError(DISK_FULL)

    def _write(self, parts: list[bytes]) -> None:
        views = [memoryview(part) for part in parts if part]
        while views:
            written = os.writev(self._descriptor, views)
            self._position += written
            done = 0
            while done < len(views) and written >= len(views[done]):
                written -= len(views[done])
                done += 1
            del views[:done]
            if written:
                views[0] = views[0][written:]


def open_file(place: Place, *, min_free: int = 0) -> RecordingFile:
    """Open the file at a place, or the first free one of NAME, NAME.1 … NAME.255.

    Raises:
        ForbiddenError: its requester may not use the directory, or the name is invalid.
        ConflictError: all names exist, or the file is in use.
        RecordingError: the system refuses the file, or the disk is full.
    """
    check_name(place.name)
    with _directory(place) as directory:
        free = os.fstatvfs(directory)
        if free.f_bavail * free.f_frsize < min_free:
            raise RecordingError(DISK_FULL)
        if place.overwrite:
            return _open_in(directory, place, place.name, _FLAGS, FILE_MODE, min_free)
        for name in _names(place.name):
            with suppress(FileExistsError):
                flags = _FLAGS | os.O_EXCL
                return _open_in(directory, place, name, flags, FILE_MODE, min_free)
    raise ConflictError(
        f"{shorten(place.name)} and its numbers up to {SUFFIX_MAX} exist: {NEW_NAMES}"
    )


def number_of(place: Place, path: Path) -> int:
    """Return the number that was appended to the name of a place; 0 if there is none."""
    number = path.name.removeprefix(place.name).removeprefix(".")
    return int(number) if number else 0


def open_beside(
    place: Place, file: RecordingFile, suffix: str, *, mode: int = FILE_MODE
) -> RecordingFile:
    """Open, or replace, the file in the directory of `place` whose name is that of `file` with a
    suffix; raises as `open_file` does."""
    with _directory(place) as directory:
        return _open_in(directory, place, file.path.name + suffix, _FLAGS, mode, file.min_free)


def check_name(name: str) -> None:
    """Raise a ForbiddenError unless `name` is a file's name without a directory."""
    if not name or name in (".", "..") or any(part in name for part in "/\\\0"):
        raise ForbiddenError(f"{shorten(name)} is not a name of a file: use no slashes")
    if len(os.fsencode(name)) > NAME_MAX or not name.isprintable():
        raise ForbiddenError(f"{shorten(name)} is too long or has invisible characters")


def failure(error: OSError) -> GuacrError:
    """Return the error for a refusal of the system, without a path."""
    return RecordingError(clause(error.strerror or type(error).__name__))


def _open_in(
    directory: int, place: Place, name: str, flags: int, mode: int, min_free: int
) -> RecordingFile:
    descriptor = os.open(name, flags, mode, dir_fd=directory)
    try:
        return RecordingFile(descriptor, Path(place.directory, name), min_free=min_free)
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def _directory(place: Place) -> Iterator[int]:
    """Open the directory of a place; what the system refuses in the block is a RecordingError."""
    directory = _open_directory(place)
    try:
        yield directory
    except OSError as error:
        raise failure(error) from error
    finally:
        os.close(directory)


def _open_directory(place: Place) -> int:
    path = Path(place.directory)
    if "\0" in place.directory or not path.is_absolute():
        raise ForbiddenError(f"{shorten(place.directory)} is not an absolute path of a directory")
    flags = os.O_DIRECTORY | os.O_CLOEXEC
    try:
        if place.within is not None:
            # links are resolved first, and none may be put there in the meantime
            path, flags = _resolved(path, place.within), flags | os.O_NOFOLLOW
        if place.create:
            with suppress(FileExistsError):
                path.mkdir(DIRECTORY_MODE)
        return os.open(path, flags)
    except FileNotFoundError as error:
        raise RecordingError(
            "its directory does not exist: create it, or set create-recording-path or "
            "create-typescript-path, which create one level"
        ) from error
    except OSError as error:
        raise failure(error) from error


def _resolved(path: Path, allowed: Iterable[Path]) -> Path:
    """Return a path without links, if it is within one of the `allowed` directories."""
    asked = os.path.normpath(path)
    allowed = sorted(allowed, key=lambda root: not _lies_in(asked, root))
    if not allowed or not _lies_in(asked, allowed[0]):
        raise _forbidden(path)  # the disks of other paths are not even asked
    try:
        found = path.resolve()
    except RuntimeError as error:  # a loop of links
        raise ForbiddenError(f"{shorten(str(path))} cannot be resolved") from error
    if any(found.is_relative_to(root.resolve()) for root in allowed):
        return found
    raise _forbidden(path)


def _lies_in(path: str, root: Path) -> bool:
    """Return whether a normalised path is in a directory, as it is written."""
    return Path(path).is_relative_to(root)


def _forbidden(path: Path) -> ForbiddenError:
    return ForbiddenError(
        f"{shorten(str(path))} is not a directory in which clients may record: add it to "
        "recording.directories, or use one of those"
    )


def _names(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}.{number}" for number in range(1, SUFFIX_MAX + 1))


def _batches(parts: list[bytes]) -> Iterator[list[bytes]]:
    rest = iter(parts)
    while batch := list(islice(rest, PARTS_MAX)):
        yield batch


def _whole(parts: Iterable[bytes], written: int) -> int:
    """Return the size of the parts that are complete after so many bytes."""
    size = 0
    for part in parts:
        if size + len(part) > written:
            break
        size += len(part)
    return size
