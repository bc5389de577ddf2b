"""The directories of recordings, and the names that their files have in one list.

A file has the name of its path below its directory. If two directories have a file of the same
name, the one in the first directory has this name, and others end in `~` and eight digits, which
are those of their directory. A file that is below two directories, one in the other, has the name
that it has below the outer one. Everything here blocks.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from guacr.recording.names import before_tokens
from guacr.settings.models import Settings

DEPTH_MAX = 4
"""Directories below one of the operator's in which recordings are looked for."""
SIGN, DIGITS = "~", 8
"""The sign before the digits of a directory in a name, and their number."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory with recordings."""

    path: Path
    """Without links."""
    mark: str
    """Its sign and digits, which depend on its path in the settings."""
    named: Path
    """Its path in the settings."""
    outer: tuple[Path, ...]
    """The directories of the list around it."""

    def name_of(self, file: Path) -> str:
        """Return the path of a file below it."""
        return file.relative_to(self.path).as_posix()

    def owns(self, file: Path) -> bool:
        """Return whether a file below it is not found in an outer one."""
        return all(len(file.relative_to(one).parts) > DEPTH_MAX + 1 for one in self.outer)


def directories_of(paths: Iterable[Path]) -> list[Directory]:
    """Return each directory once, in the order of its first path."""
    return resolved((path, Path(os.path.realpath(path))) for path in paths)


def resolved(paths: Iterable[tuple[Path, Path]]) -> list[Directory]:
    """Return each directory once, in the order of its first path, which comes before what it leads
    to."""
    real: dict[Path, Path] = {}
    for path, target in paths:
        real.setdefault(target, path)
    return [
        Directory(
            path,
            SIGN + sha256(os.fsencode(named)).hexdigest()[:DIGITS],
            named,
            tuple(one for one in path.parents if one in real),
        )
        for path, named in real.items()
    ]


def files(directories: Iterable[Directory]) -> Iterator[tuple[Directory, Path, float]]:
    """Yield each file once, with its directory, and when it was changed."""
    for directory in directories:
        for path, time in files_of(directory):
            yield directory, path, time


def files_of(directory: Directory) -> Iterator[tuple[Path, float]]:
    """Yield the files of a directory that are not found in an outer one."""
    for path, time in _files(directory.path, DEPTH_MAX):
        if directory.owns(path):
            yield path, time


def inner_directories(
    directories: Iterable[Directory], directory: Directory, file: Path
) -> Iterator[Directory]:
    """Yield the directories within the one of a file in which it is, too."""
    for one in directories:
        if directory.path in one.outer and file.is_relative_to(one.path):
            yield one


def places(directories: list[Directory], name: str) -> Iterator[tuple[Directory, list[str]]]:
    """Yield the directories, and the parts of paths below them, that a name may mean, the most
    likely first."""
    marked = [one for one in directories if name.endswith(one.mark)]
    if marked:
        directories, name = marked, name[: -len(marked[0].mark)]
    parts = name.split("/")
    if len(parts) > DEPTH_MAX + 1 or any(part in ("", ".", "..") for part in parts):
        return
    for one in sorted(directories, key=lambda one: not one.owns(one.path.joinpath(*parts))):
        yield one, parts


def own_directories(settings: Settings, parameter: str = "recording-path") -> list[Path]:
    """Return the directories in which an operator has sessions recorded, up to their tokens: those
    that a parameter of configured connections names, and that of the settings. Those in which
    clients may record are not among them."""
    named = [one.parameters.get(parameter, "") for one in settings.connections.values()]
    known = (before_tokens(name) for name in named if name)
    paths = [Path(path) for path in known if path != "/"]
    return [*paths, *([settings.recording.path] if settings.recording.path else [])]


@contextmanager
def below(directory: Path, parts: Iterable[str]) -> Iterator[int]:
    """Open a directory below another one without following links; raises an OSError if that is
    impossible."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    place = os.open(directory, flags)
    try:
        for part in parts:
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=place)
            os.close(place)
            place = inner
        yield place
    finally:
        os.close(place)


def open_below(directory: Path, parts: Sequence[str]) -> int:
    """Open a file without following links below a directory.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is not a regular file.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with below(directory, parts[:-1]) as place:
        descriptor = os.open(parts[-1], flags, dir_fd=place)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise ValueError


def _files(directory: Path, depth: int) -> Iterator[tuple[Path, float]]:
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        with suppress(OSError):
            if entry.is_file(follow_symlinks=False):
                yield Path(entry.path), entry.stat(follow_symlinks=False).st_mtime
            elif depth and entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), depth - 1)
