"""The list of files that were copied (FileGroupDescriptorW, MS-RDPECLIP 2.2.5.2.3)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NAME = "FileGroupDescriptorW"
CONTENTS_NAME = "FileContents"
NUMBER, CONTENTS_NUMBER = 0xD012, 0xD013
"""The client's own numbers of these formats."""
FILES_MAX = 4096
"""Files of a list that are read."""
DIRECTORIES_MAX = FILES_MAX
"""Directories of a tree. Hosts list them as well, and a tree that has more was made to be large."""
DEPTH_MAX = 32
"""Directories of a file's path; deeper ones are left out."""
_COUNT = struct.Struct("<I")
_FILE = struct.Struct("<I32xI16xQII520s")
"""Flags, attributes, time, the upper and the lower half of the size, and the name in UTF-16."""
SIZE_MAX = _COUNT.size + FILES_MAX * _FILE.size
"""Bytes of a list that are read."""
_HAS_ATTRIBUTES, _HAS_SIZE, _SHOWS_PROGRESS = 0x4, 0x40, 0x4000
_DIRECTORY, _NORMAL = 0x10, 0x80
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\x7f]')
"""Characters that names on Windows cannot contain, besides the separators."""
_NAME_MAX = 200
"""Characters of the name of a user's file."""

Path = tuple[str, ...]
"""The names of a file's directories and its own; none is empty, `.` or `..`."""


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file of a list.

    Args:
        index: its place in the list.
        path: its place in the tree.
        size: in bytes; None if the list does not say.
    """

    index: int
    path: Path
    size: int | None
    is_directory: bool = False


def parse(data: bytes) -> list[CopiedFile]:
    """Return the files of a host's list. Those whose names are not valid are left out, and what is
    incomplete is ignored."""
    if len(data) < _COUNT.size:
        return []
    count = min(_COUNT.unpack_from(data)[0], FILES_MAX, (len(data) - _COUNT.size) // _FILE.size)
    found: list[CopiedFile] = []
    for index in range(count):
        fields = _FILE.unpack_from(data, _COUNT.size + index * _FILE.size)
        flags, attributes, _, high, low, raw = fields
        path = _path_of(raw.decode("utf-16-le", "replace").partition("\0")[0])
        if path:
            size = high << 32 | low if flags & _HAS_SIZE else None
            is_directory = bool(flags & _HAS_ATTRIBUTES and attributes & _DIRECTORY)
            found.append(CopiedFile(index, path, size, is_directory))
    return found


def _path_of(name: str) -> Path:
    """Return the parts of a name; none if it is not valid."""
    parts = tuple(re.split(r"[\\/]", name))
    if len(parts) > DEPTH_MAX or any(
        part in ("", ".", "..") or _FORBIDDEN.search(part) for part in parts
    ):
        return ()
    return parts


class Tree:
    """The files of a list in their directories. Building it takes up to 0.2 s."""

    def __init__(self, files: Iterable[CopiedFile] = ()) -> None:
        self.files: dict[Path, CopiedFile] = {}
        """Without directories."""
        self.directories: dict[Path, dict[str, bool]] = {(): {}}
        """The names in each directory, and whether they are directories."""
        for file in files:
            self._add(file)

    def _add(self, file: CopiedFile) -> None:
        for depth in range(1, len(file.path)):
            self._add_directory(file.path[:depth])
        if file.is_directory:
            self._add_directory(file.path)
        elif file.path not in self.directories and file.path[:-1] in self.directories:
            self.files.setdefault(file.path, file)
            self.directories[file.path[:-1]][file.path[-1]] = False

    def _add_directory(self, path: Path) -> None:
        is_taken = path in self.directories or path in self.files
        is_full = len(self.directories) > DIRECTORIES_MAX
        if not (is_taken or is_full) and path[:-1] in self.directories:
            self.directories[path] = {}
            self.directories[path[:-1]][path[-1]] = True


def encode(files: Sequence[CopiedFile]) -> bytes:
    """Return the list of users' files."""
    flags = _HAS_ATTRIBUTES | _HAS_SIZE | _SHOWS_PROGRESS
    parts = [_COUNT.pack(len(files))]
    for file in files:
        size, name = file.size or 0, "\\".join(file.path).encode("utf-16-le")
        attributes = _DIRECTORY if file.is_directory else _NORMAL
        parts.append(_FILE.pack(flags, attributes, 0, size >> 32, size & 0xFFFFFFFF, name))
    return b"".join(parts)


def safe_name(name: str, taken: Iterable[str]) -> str:
    """Return a name for a user's file on Windows, without directories, and unlike those that are
    taken."""
    last = (
        re.split(r"[\\/]", name)[-1].encode("utf-16-le", "replace").decode("utf-16-le", "replace")
    )
    plain = _FORBIDDEN.sub("_", last).strip(" ").rstrip(". ") or "file"
    stem, dot, suffix = plain.rpartition(".")
    if not stem or len(suffix) > _NAME_MAX // 4:
        stem, dot, suffix = plain, "", ""
    stem = stem[: _NAME_MAX - len(suffix) - 8]
    known = {one.casefold() for one in taken}
    found, number = f"{stem}{dot}{suffix}", 1
    while found.casefold() in known:
        number += 1
        found = f"{stem} ({number}){dot}{suffix}"
    return found
