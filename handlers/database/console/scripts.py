"""The sources of lines: typed text, or a file during its upload."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from typing_extensions import override

from guacr.api import BadRequestError, InputStream, OverrunError, UpstreamTimeoutError
from handlers.database.sql.splitter import lines_of

STATEMENT_MAX = 32 << 20
"""Maximum bytes of a line or a statement of a script."""
AHEAD = 1 << 20
"""Unread bytes of an upload at which its acknowledgements are delayed."""
UNREAD_MAX = 8 << 20
"""Maximum unread bytes, for a sender that does not wait for acknowledgements."""
SILENT_MAX = 60.0
"""Seconds within which more of an upload must arrive."""
COPY_CHUNK = 65_536
"""Approximate bytes of data for COPY that are sent at once."""
NAME_SHOWN = 60
_BOM = b"\xef\xbb\xbf"
_END_OF_DATA = ("\\.", "\\.\n", "\\.\r\n")


class Source(ABC):
    """Lines with their ends, one by one; also the source of data for COPY."""

    def __init__(self, name: str = "") -> None:
        self.name = name[:NAME_SHOWN]
        """The file's name, for errors."""
        self.number = 0
        """The number of lines returned."""
        self.taken = False
        """True if COPY has begun to read data."""
        self._copying = False
        self.is_script = True
        """True if there are statements, or only data."""

    @abstractmethod
    async def line(self) -> str | None:
        """Return the next line; None at the end.

        Raises:
            GuacrError: it cannot be read.
        """

    async def data(self) -> AsyncIterator[bytes]:
        r"""Data for COPY: the lines until `\.` or the end.

        Raises:
            GuacrError: the lines cannot be read.
        """
        self.taken = self._copying = True
        parts: list[bytes] = []
        size = 0
        while (line := await self._data_line()) is not None:
            parts.append(encoded(line))
            size += len(line)
            if size >= COPY_CHUNK:
                yield b"".join(parts)
                parts, size = [], 0
        if parts:
            yield b"".join(parts)

    async def _data_line(self) -> str | None:
        line = await self.line()
        if line is None or (self.is_script and line in _END_OF_DATA):
            self._copying = False
            return None
        return line

    async def skip_data(self) -> None:
        """Skip the data that a COPY did not read.

        Raises:
            GuacrError: the lines cannot be read.
        """
        self._copying = self._copying or not self.taken
        while self._copying:
            await self._data_line()

    @property
    def copying(self) -> bool:
        """True if the data for COPY has not ended."""
        return self._copying

    def stop(self) -> None:
        """Stop reading."""

    async def text(self, limit: int) -> str:
        """Return everything as text.

        Raises:
            GuacrError: it is longer than `limit` bytes, or not text.
        """
        parts: list[str] = []
        size = 0
        while (line := await self.line()) is not None:
            parts.append(line)
            size += len(line)
            if size > limit:
                self.stop()
                raise OverrunError(f"the script is larger than the {limit} bytes allowed")
        try:
            return "".join(parts).encode(errors="surrogateescape").decode()
        except UnicodeDecodeError:
            raise BadRequestError("the script is not text in UTF-8") from None


class Typed(Source):
    """Typed text; if COPY needs more, `ask` reads it."""

    def __init__(self, text: str, ask: Callable[[], Awaitable[str | None]]) -> None:
        super().__init__()
        self._lines = deque(lines_of(text))
        self._ask = ask

    @override
    async def line(self) -> str | None:
        if self._lines:
            self.number += 1
            return self._lines.popleft()
        if not self._copying:
            return None
        typed = await self._ask()
        return None if typed is None else f"{typed}\n"

    @override
    async def skip_data(self) -> None:
        """Skip data, without waiting for more to be typed."""
        while self._lines and self._lines.popleft() not in _END_OF_DATA:
            self.number += 1


class Upload(Source):
    """A file during its upload; its sender waits while much of it is unread."""

    def __init__(self, stream: InputStream) -> None:
        super().__init__(stream.name)
        self._stream = stream
        self._buffer = bytearray()
        self._searched = 0
        self._owed = 0
        self._lines: deque[bytes] = deque()
        self._ended = False
        self._more = asyncio.Event()
        stream.on_blob = self._blob
        stream.on_end = self.stop

    def _blob(self, data: bytes) -> None:
        if self._ended:
            raise BadRequestError("the rest of the file is not wanted")
        if len(self._buffer) + len(data) > UNREAD_MAX + STATEMENT_MAX:
            self.stop()
            raise OverrunError("wait for acknowledgements: too much of the file is unread")
        self._buffer += data
        self._more.set()
        if len(self._buffer) <= AHEAD:
            self._stream.ack()
        else:
            self._owed += 1

    @override
    def stop(self) -> None:
        """Stop reading, also if the file has ended."""
        self._ended = True
        self._more.set()

    @override
    async def line(self) -> str | None:
        while not self._lines and not self._cut():
            if self._ended:
                return None
            await self._wait()
        self.number += 1
        line = self._lines.popleft()
        if self.number == 1 and self.is_script:
            line = _checked(line)
        return line.decode("utf-8", "surrogateescape")

    def _cut(self) -> bool:
        """Split received bytes into lines; return whether there were any."""
        end = self._buffer.rfind(b"\n", self._searched) + 1
        if not end and self._ended:
            end = len(self._buffer)
        if not end:
            self._searched = len(self._buffer)
            return False
        whole, self._searched = bytes(self._buffer[:end]), 0
        del self._buffer[:end]
        *lines, last = whole.split(b"\n")
        self._lines.extend(line + b"\n" for line in lines)
        if last:
            self._lines.append(last)
        return bool(self._lines)

    async def _wait(self) -> None:
        if len(self._buffer) > STATEMENT_MAX:
            raise OverrunError(f"line {self.number + 1} is longer than {STATEMENT_MAX} bytes")
        owed, self._owed = self._owed, 0
        for _ in range(owed):
            self._stream.ack()
        self._more.clear()
        try:
            async with asyncio.timeout(SILENT_MAX):
                await self._more.wait()
        except TimeoutError:
            raise UpstreamTimeoutError(
                f"the rest of the file did not come within {SILENT_MAX:g} seconds"
            ) from None


def encoded(text: str) -> bytes:
    """Encode text to the bytes that it had in its file."""
    return text.encode("utf-8", "surrogateescape")


def _checked(line: bytes) -> bytes:
    """The first line of a file without a byte order mark.

    Raises:
        BadRequestError: the file is not a script.
    """
    if line.startswith(b"PGDMP"):
        raise BadRequestError(
            "this is a dump in PostgreSQL's custom format: make a script of it by pg_restore -f"
        )
    if line[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in line:
        raise BadRequestError("this is not text in UTF-8: send a script")
    return line.removeprefix(_BOM)
