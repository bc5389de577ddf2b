"""Files without a host: some to download, generated while they are read; a directory for uploads,
which are discarded; and a directory in memory, for everything that can be done with files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from typing_extensions import override

from guacr.api import Entry, Feature, FileSystem, ForbiddenError, NotFoundError, shorten
from handlers.testcard.samples import SAMPLES
from handlers.testcard.tree import Tree

DOWNLOADS, UPLOADS, STORE = "/download", "/upload", "/files"
KIB, MIB = 1 << 10, 1 << 20
SIZES = {"empty": 0, "1 KiB": KIB, "1 MiB": MIB, "10 MiB": 10 * MIB, "100 MiB": 100 * MIB}
"""The sizes in bytes of the files to download, by name."""
STORE_MAX = 32 * MIB
"""Maximum bytes of the files in memory."""
PIECE = random.Random(1).randbytes(65536)  # noqa: S311 - the same bytes for everybody
"""The repeated content of the files: bytes that do not compress."""
NOTE_INTERVAL = 1.0
"""Seconds between two notes on the progress of an upload."""


class CardFiles(FileSystem):
    """`note` is called with a line of text about uploads and their speed."""

    name = "Test card"

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._store = Tree(STORE_MAX)
        for path, content in SAMPLES.items():
            if content is None:
                self._store.make_directory(path)
            else:
                self._store.append(path, self._store.open(path, 0), content)

    @property
    @override
    def features(self) -> frozenset[Feature]:
        return frozenset(Feature)

    @override
    async def stat(self, path: str) -> Entry:
        if path in ("/", DOWNLOADS, UPLOADS):
            return Entry(path[1:], is_directory=True)
        if _is_stored(path):
            return self._store.stat(_within(path))
        return Entry(path.rpartition("/")[2], size=_size(path))

    @override
    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        if path == "/":
            for directory in (DOWNLOADS, STORE, UPLOADS):
                yield Entry(directory[1:], is_directory=True)
        elif path == DOWNLOADS:
            for name, size in SIZES.items():
                yield Entry(name, size=size)
        elif _is_stored(path):
            for entry in self._store.entries(_within(path)):
                yield entry

    @override
    async def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        if _is_stored(path):
            file = self._store.file(_within(path))
            while data := bytes(file.data[offset : offset + len(PIECE)]):
                yield data
                offset += len(data)
            return
        size = _size(path)
        while offset < size:
            start = offset % len(PIECE)
            data = PIECE[start : start + size - offset]
            yield data
            offset += len(data)

    @override
    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        if _is_stored(path):
            await self._write_stored(_within(path), data, offset)
            return
        if path in ("/", DOWNLOADS, UPLOADS) or path.startswith(DOWNLOADS + "/"):
            raise ForbiddenError(f"files can be sent to {UPLOADS} and {STORE} only")
        self._note(f"file {shorten(path.rpartition('/')[2], 28)}")
        loop = asyncio.get_running_loop()
        start = noted = loop.time()
        size = 0
        async for piece in data:
            size += len(piece)
            now = loop.time()
            if now - noted >= NOTE_INTERVAL:
                noted = now
                self._note(_rate(size, now - start))
        self._note(f"{_rate(size, loop.time() - start)}, all")

    async def _write_stored(self, path: str, data: AsyncIterator[bytes], offset: int) -> None:
        file = self._store.open(path, offset)
        try:
            async for piece in data:
                self._store.append(path, file, piece)
        except Exception:  # not when the user has left, and may continue later
            self._store.discard(path, file)
            raise

    @override
    async def make_directory(self, path: str) -> None:
        self._store.make_directory(_changed(path))

    @override
    async def rename(self, path: str, to: str) -> None:
        self._store.rename(_changed(path), _changed(to))

    @override
    async def delete(self, path: str) -> None:
        self._store.delete(_changed(path))


def _is_stored(path: str) -> bool:
    return path == STORE or path.startswith(STORE + "/")


def _within(path: str) -> str:
    """Return the path in memory of one within `STORE`."""
    return path[len(STORE) :] or "/"


def _changed(path: str) -> str:
    """Return the path in memory of something that is to be changed."""
    if not path.startswith(STORE + "/"):
        raise ForbiddenError(f"only files in {STORE} can be changed")
    return _within(path)


def _size(path: str) -> int:
    directory, _, name = path.rpartition("/")
    if directory != DOWNLOADS or name not in SIZES:
        raise NotFoundError(f"there is no {shorten(path)} on the test card")
    return SIZES[name]


def _rate(size: int, seconds: float) -> str:
    rate = size / max(seconds, 1e-6) / 1e6
    return f"{size:,} bytes, {rate:.1f} MB/s"
