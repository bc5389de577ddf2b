"""Directories and files of a file system as a ZIP archive (APPNOTE.TXT 6.3), packed while it is
sent. Nothing is compressed."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from zipfile import ZipFile, ZipInfo

from guacr.errors import (
    BadRequestError,
    ClientError,
    GuacrError,
    NotFoundError,
    OverrunError,
    UnsupportedError,
)
from guacr.session.streams.directories import entries_of
from guacr.session.streams.files import PATH_MAX, TREE_MAX, Entry, FileSystem, normalised
from guacr.showable import escaped, showable
from guacr.threads import compute
from guacr.turns import Turns

SMALL = 1 << 30
"""Bytes of a file up to which 32 bits are used for its size, which more programs can read."""
SMALL_MAX = (1 << 31) - 1
"""Maximum bytes of such a file, which may have grown."""
PROBLEMS = "Not included.txt"
"""The name of the file that lists what is missing."""
PROBLEMS_MAX = 1000
"""Maximum lines of it."""
AHEAD_MAX = 4
"""Files that are opened before their turn: each may take a round trip to its host, or several."""
TIMES = 315532800, 4354819198
"""The earliest and the latest Unix time that an archive can have: 1980 to 2107."""
_UNIX_TIME = struct.Struct("<HHBI")
"""The extra field with a modification time (0x5455)."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file or directory to be packed."""

    path: str
    name: str
    """Its path in the archive."""
    entry: Entry


@dataclass(slots=True)
class Contents:
    """The files and directories to be packed."""

    members: list[Member] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """A line for each file that is missing."""

    @property
    def size(self) -> int | None:
        """The bytes of all files, if they are known."""
        sizes = [member.entry.size for member in self.members if not member.entry.is_directory]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    def missing(self, path: str, error: GuacrError) -> None:
        """Note what cannot be packed."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(showable(f"{path[:PATH_MAX]}: {error}", escaped))


async def collect(files: FileSystem, path: str, names: Sequence[str]) -> Contents:
    """Find everything below a directory: that of these names, or all of it if there are none.

    Raises:
        OverrunError: there are more than `TREE_MAX` files and directories.
        GuacrError: the directory or a name of it cannot be read.
    """
    contents, used, turns, count = Contents(), {PROBLEMS: 1}, Turns(), 0
    waiting: list[tuple[str, str, Entry]] = []
    """Paths, the directories in the archive, and what they are."""
    for name in names:
        if "/" in name:
            raise BadRequestError("names to pack may not contain slashes")
        child = normalised(f"{path}/{name}")
        waiting.append((child, "", await files.stat(child)))
    if not names:
        await _add_below(files, path, "", waiting)
    while waiting:
        await turns.give_way()
        child, directory, entry = waiting.pop()
        count += 1
        if count > TREE_MAX:
            raise OverrunError(f"an archive has at most {TREE_MAX} files and folders: select fewer")
        try:
            path = normalised(child)
        except BadRequestError as error:  # no request can name it
            contents.missing(child, error)
            continue
        name = directory + _name_in_archive(entry.name, directory, used)
        contents.members.append(Member(path, name, entry))
        if entry.is_directory:
            try:
                await _add_below(files, path, f"{name}/", waiting)
            except (ClientError, NotFoundError, UnsupportedError) as error:
                contents.missing(child, error)
    return contents


async def _add_below(
    files: FileSystem, path: str, directory: str, waiting: list[tuple[str, str, Entry]]
) -> None:
    """Add the contents of a directory, but no more than an archive may have in any case."""
    turns = Turns()
    async with aclosing(entries_of(files, path)) as entries:
        async for entry in entries:
            waiting.append((f"{path.rstrip('/')}/{entry.name}", directory, entry))
            if len(waiting) > TREE_MAX:
                break
            await turns.give_way()


async def packed(files: FileSystem, contents: Contents) -> AsyncGenerator[bytes, None]:
    """Yield the archive. Files that cannot be read are listed in the file `PROBLEMS`.

    Raises:
        GuacrError: the connection to the files has failed.
    """
    sink, ahead = _Sink(), _Ahead(files, contents.members)
    archive = ZipFile(sink, "w")  # type: ignore[call-overload]
    try:
        for member in contents.members:
            async with aclosing(_member(archive, sink, ahead, member, contents)) as pieces:
                async for piece in pieces:
                    yield piece
        if contents.problems:
            archive.writestr(_info(PROBLEMS, None), "\n".join(contents.problems) + "\n")
            yield sink.take()
    finally:
        await ahead.close()
        await compute(archive.close)  # which lists all members
    yield sink.take()


async def _member(
    archive: ZipFile, sink: _Sink, ahead: _Ahead, member: Member, contents: Contents
) -> AsyncGenerator[bytes, None]:
    entry = member.entry
    if entry.is_directory:
        archive.writestr(_info(f"{member.name}/", entry.modified), b"")
        yield sink.take()
        return
    info = _info(member.name, entry.modified)
    is_large = entry.size is None or entry.size > SMALL
    try:
        async with ahead.opened() as pieces:
            first = await anext(pieces, b"")
            with archive.open(info, "w", force_zip64=is_large) as file:
                size = file.write(first)
                yield sink.take()
                async for piece in pieces:
                    size += len(piece)
                    if not is_large and size > SMALL_MAX:
                        raise OverrunError("the file has grown too much while it was read")
                    file.write(piece)
                    yield sink.take()
    except (ClientError, NotFoundError, UnsupportedError) as error:
        contents.missing(member.path, error)
    yield sink.take()


class _Ahead:
    """The files among members, of which the next ones are already being read."""

    def __init__(self, files: FileSystem, members: Sequence[Member]) -> None:
        self._files = files
        self._left = iter([member for member in members if not member.entry.is_directory])
        self._opened: deque[_Opened] = deque()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Yield the content of the next file."""
        for member in islice(self._left, AHEAD_MAX + 1 - len(self._opened)):
            self._opened.append(_Opened(self._files.read(member.path)))
        one = self._opened.popleft()
        try:
            async with aclosing(one.pieces()) as pieces:
                yield pieces
        finally:
            await one.close()

    async def close(self) -> None:
        """Close the files that were opened in vain."""
        while self._opened:
            await self._opened.popleft().close()


class _Opened:
    """A file whose first piece has been requested."""

    def __init__(self, source: AsyncGenerator[bytes, None]) -> None:
        self._source = source
        self._first = asyncio.create_task(_first(source), name="file of an archive")

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the content."""
        yield await self._first
        async for piece in self._source:
            yield piece

    async def close(self) -> None:
        """Close the file."""
        self._first.cancel()
        await asyncio.gather(self._first, return_exceptions=True)
        await self._source.aclose()


async def _first(source: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(source, b"")


class _Sink:
    """A file that cannot be rewound; what is written is taken from it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Write."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def take(self) -> bytes:
        """Return what has been written, and forget it."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _info(name: str, modified: float | None) -> ZipInfo:
    seconds = int(min(max(time.time() if modified is None else modified, TIMES[0]), TIMES[1]))
    info = ZipInfo(name, time.gmtime(seconds)[:6])
    info.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
    info.extra = _UNIX_TIME.pack(0x5455, 5, 1, seconds) if seconds < 1 << 31 else b""
    return info


def _name_in_archive(name: str, directory: str, used: dict[str, int]) -> str:
    """Return a name that is safe to unpack, and unlike others in its directory; `used` has the last
    number of each."""
    # invisible characters may hide what a file is; a backslash separates directories for some
    safe = showable(name, lambda _: "_").replace("\\", "_")
    result, number = safe, used.get(directory + safe, 0) + 1
    while number > 1 and directory + (result := f"{safe} ({number})") in used:
        number += 1
    used[directory + safe] = number
    used.setdefault(directory + result, 1)
    return result
