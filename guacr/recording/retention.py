"""Deletes recordings and typescripts in directories: old ones, and the oldest of too many.

Everything here blocks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from math import inf
from pathlib import Path

from guacr.recording import index, ttyrec, typescript
from guacr.recording.directories import Directory, below, directories_of, files, open_below
from guacr.recording.library import FILES_MAX, is_complete_recording
from guacr.recording.locks import is_locked
from guacr.retention import EARLIEST
from guacr.session.events import Expired, utc

DAY = 86_400.0
"""Seconds."""
BESIDE = (index.SUFFIX, ttyrec.SUFFIX, typescript.TIMING)
"""The files beside a recording or typescript, which are deleted with it."""


@dataclass(slots=True)
class Deleted:
    """The outcome in a directory."""

    directory: Path
    count: int = 0
    size: int = 0
    """Bytes."""
    oldest: float = inf
    """When the oldest and the newest one were changed, in seconds since 1970."""
    newest: float = -inf
    failed: int = 0
    """Recordings that could not be deleted."""
    undated: int = 0
    """Recordings that were kept because their age is not known."""

    def add(self, one: _Recording) -> None:
        """Count a recording that was deleted."""
        self.count += 1
        self.size += one.size
        self.oldest, self.newest = min(self.oldest, one.changed), max(self.newest, one.changed)

    def event(self) -> Expired:
        """Return what the audit log says of it."""
        times = utc(self.oldest), utc(self.newest)
        return Expired(str(self.directory), self.count, self.size, *times)


@dataclass(frozen=True, slots=True)
class _Recording:
    directory: Directory
    path: Path
    changed: float
    size: int
    """Bytes, with those of the files beside it."""
    is_running: bool

    @property
    def is_dated(self) -> bool:
        """True if it was written while the clock was right, as far as one can tell."""
        return self.changed >= EARLIEST

    def delete(self) -> None:
        *above, name = self.path.relative_to(self.directory.path).parts
        with below(self.directory.path, above) as place:
            for suffix in BESIDE:
                with suppress(FileNotFoundError):
                    os.unlink(name + suffix, dir_fd=place)
            os.unlink(name, dir_fd=place)


def expire(
    directories: Iterable[Path],
    *,
    days: float,
    size: int,
    now: float,
    ends: Callable[[], bool] = bool,
) -> list[Deleted]:
    """Delete recordings and typescripts that were changed more than `days` before `now`, and then
    the oldest until the rest has at most `size` bytes; 0 for no limit. Those whose age is not known
    count as the newest. Neither other files, nor those that are still being written, are deleted;
    several processes may do this at a time. It stops early once `ends` returns true. Return the
    outcome for each directory that is concerned."""
    outcome: dict[Path, Deleted] = {}
    found = _recordings(directories, days, size, now)
    oldest = sorted(found, key=lambda one: (not one.is_dated, one.changed))
    kept = sum(one.size for one in oldest)
    for one in oldest:
        if ends():
            break
        is_old = bool(days) and one.is_dated and one.changed < now - days * DAY
        is_kept = one.is_running or not (is_old or (size and kept > size))
        if is_kept and (one.is_dated or not days):
            continue
        path = one.directory.path
        deleted = outcome.setdefault(path, Deleted(path))
        if is_kept:
            deleted.undated += 1
            continue
        try:
            one.delete()
        except FileNotFoundError:
            kept -= one.size
        except OSError:
            deleted.failed += 1
        else:
            kept -= one.size
            deleted.add(one)
    return list(outcome.values())


def _recordings(
    directories: Iterable[Path], days: float, size: int, now: float
) -> Iterator[_Recording]:
    """Yield the recordings; if only the days count, those that are old, or whose age is not
    known."""
    newest = max(now - days * DAY, EARLIEST)
    for directory, path, changed in islice(files(directories_of(directories)), FILES_MAX):
        if path.suffix in BESIDE or not (size or changed < newest):
            continue
        with suppress(OSError, ValueError):
            descriptor = open_below(directory.path, path.relative_to(directory.path).parts)
            try:
                if is_complete_recording(descriptor) or _is_typescript(descriptor):
                    whole = os.fstat(descriptor).st_size + sum(
                        _size_of(path, one) for one in BESIDE
                    )
                    yield _Recording(directory, path, changed, whole, is_locked(descriptor))
            finally:
                os.close(descriptor)


def _is_typescript(descriptor: int) -> bool:
    return os.pread(descriptor, len(typescript.HEADER), 0) == typescript.HEADER


def _size_of(path: Path, suffix: str) -> int:
    try:
        return path.with_name(path.name + suffix).lstat().st_size
    except OSError:
        return 0
