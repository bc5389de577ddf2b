"""Detects OSC 52 copies that are too large for the engine."""

from __future__ import annotations

import re

_START = b"\x1b]52;"
_END = re.compile(rb"[\x07\x1b\x18\x1a\x9c]")
_SMALL = len(_START) - 1


class Oversize:
    """Counts the bytes of such commands in a host's output, cut anywhere."""

    __slots__ = ("_inside", "_length", "_limit", "_named", "_tail")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = False
        self._named = False
        """True if the clipboard names, which precede the content, have ended."""
        self._length = 0
        """The length of the content in base64, without padding."""
        self._tail = b""

    def take(self, data: bytes) -> int:
        """Return the size of a copy that was too large, in bytes, or 0."""
        if (
            not self._inside
            and not self._tail
            and b"]" not in data
            and b"\x1b" not in data[-_SMALL:]
        ):
            return 0  # nothing begins here; searching for one rare byte is fast
        start, found = 0, 0
        data = self._tail + data if self._tail else data
        while True:
            if not self._inside:
                start = data.find(_START, start)
                if start < 0:
                    break
                self._inside, self._length, start = True, 0, start + len(_START)
                self._named = False
            end = _END.search(data, start)
            self._count(data, start, end.start() if end else len(data))
            if end is None:
                break
            self._inside, start = False, end.start()
            size = self._length * 3 // 4
            if size > self._limit:
                found = max(found, size)
        self._tail = b"" if self._inside else _unfinished(data)
        return found

    def _count(self, data: bytes, start: int, end: int) -> None:
        if not self._named:
            semicolon = data.find(b";", start, end)
            if semicolon < 0:
                return
            self._named, start = True, semicolon + 1
        self._length += end - start - data.count(b"=", start, end)


def _unfinished(data: bytes) -> bytes:
    """The end of the data that may be the start of a command."""
    for length in range(min(_SMALL, len(data)), 0, -1):
        if _START.startswith(data[-length:]):
            return data[-length:]
    return b""
