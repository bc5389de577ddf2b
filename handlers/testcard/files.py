"""Files without a host: some to download, generated while they are read, and a directory for
uploads, which are discarded."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from typing_extensions import override

from guacr.api import Entry, FileSystem, ForbiddenError, NotFoundError, shorten

DOWNLOADS, UPLOADS = "/download", "/upload"
KIB, MIB = 1 << 10, 1 << 20
SIZES = {"empty": 0, "1 KiB": KIB, "1 MiB": MIB, "10 MiB": 10 * MIB, "100 MiB": 100 * MIB}
"""The sizes in bytes of the files to download, by name."""
PIECE = random.Random(1).randbytes(65536)  # noqa: S311 - the same bytes for everybody
"""The repeated content of the files: bytes that do not compress."""
NOTE_INTERVAL = 1.0
"""Seconds between two notes on the progress of an upload."""


class CardFiles(FileSystem):
    """`note` is called with a line of text about uploads and their speed."""

    name = "Test card"

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    @override
    async def is_directory(self, path: str) -> bool:
        if path in ("/", DOWNLOADS, UPLOADS):
            return True
        _size(path)
        return False

    @override
    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        if path == "/":
            for directory in (DOWNLOADS, UPLOADS):
                yield Entry(directory[1:], is_directory=True)
        elif path == DOWNLOADS:
            for name in SIZES:
                yield Entry(name)

    @override
    async def read(self, path: str) -> AsyncGenerator[bytes, None]:
        left = _size(path)
        while left:
            yield PIECE[:left]
            left -= min(left, len(PIECE))

    @override
    async def write(self, path: str, mimetype: str, data: AsyncIterator[bytes]) -> None:
        if path in ("/", DOWNLOADS, UPLOADS) or path.startswith(DOWNLOADS + "/"):
            raise ForbiddenError(f"files can be sent to {UPLOADS} only")
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


def _size(path: str) -> int:
    directory, _, name = path.rpartition("/")
    if directory != DOWNLOADS or name not in SIZES:
        raise NotFoundError(f"there is no {shorten(path)} on the test card")
    return SIZES[name]


def _rate(size: int, seconds: float) -> str:
    rate = size / max(seconds, 1e-6) / 1e6
    return f"{size:,} bytes, {rate:.1f} MB/s"
