"""The files that a program in a container shows (`handlers.kubernetes.scripts`), without I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from stat import S_ISDIR, S_ISREG

from guacr.api import Entry, UpstreamError

NAME_MAX = 4096
"""Maximum bytes of a name; file systems have less."""
BATCH_MAX = 100
"""Maximum files that are shown at once."""
LINE_MAX = NAME_MAX + 64
"""Maximum bytes of a line of `stat`, on average of a batch."""
_PREFIX = b"./"
_ATTRIBUTES = re.compile(rb"([0-9a-f]{1,8}) ([0-9]{1,20}|-) (-?[0-9]{1,20}|-) ")
"""The type and permissions, the size and the time of the last change (`stat -c '%f %s %Y %n'`)."""


class ListingParser:
    """Reads batches: names, each before a NUL, one more NUL, and the lines of `stat` before another
    NUL. `decode` makes text of a name."""

    __slots__ = ("_buffer", "_decode", "_names", "_reads_lines")

    def __init__(self, decode: Callable[[bytes], str]) -> None:
        self._decode = decode
        self._buffer = bytearray()
        self._names: list[bytes] = []
        self._reads_lines = False

    def feed(self, data: bytes) -> Iterator[Entry]:
        """Yield the files of the batches that `data` completes.

        Raises:
            UpstreamError: it is no listing, or exceeds a limit.
        """
        start, searched = 0, len(self._buffer)
        self._buffer += data
        while (end := self._buffer.find(0, max(start, searched))) >= 0:
            part = bytes(self._buffer[start:end])
            start = end + 1
            if self._reads_lines:
                yield from _entries(self._names, part, self._decode)
                self._names, self._reads_lines = [], False
            elif part:
                self._add(part)
            elif self._names:
                self._reads_lines = True
            else:  # a program that shows nothing could do so for ever
                raise _broken()
        del self._buffer[:start]
        if len(self._buffer) > (LINE_MAX * BATCH_MAX if self._reads_lines else NAME_MAX):
            raise _broken()

    def end(self) -> None:
        """Check that nothing is missing.

        Raises:
            UpstreamError: the last batch is incomplete.
        """
        if self._buffer or self._names or self._reads_lines:
            raise _broken()

    def _add(self, name: bytes) -> None:
        bare = name.removeprefix(_PREFIX)
        if bare == name or not bare or b"/" in bare or len(self._names) >= BATCH_MAX:
            raise _broken()
        self._names.append(bare)


def _entries(names: list[bytes], lines: bytes, decode: Callable[[bytes], str]) -> Iterator[Entry]:
    """Yield the files of a batch. Lines have the order of the names; there is none for a file that
    was not found, such as what a broken link leads to."""
    at = 0
    for name in names:
        found = _ATTRIBUTES.match(lines, at)
        line_end = _PREFIX + name + b"\n"
        if found is None or not lines.startswith(line_end, found.end()):
            yield Entry(decode(name))
            continue
        at = found.end() + len(line_end)
        mode, size, modified = int(found[1], 16), found[2], found[3]
        yield Entry(
            decode(name),
            is_directory=S_ISDIR(mode),
            size=int(size) if S_ISREG(mode) and size != b"-" else None,
            modified=float(modified) if modified != b"-" else None,
        )


def _broken() -> UpstreamError:
    return UpstreamError(
        "the container lists files in a way that cannot be read: check its shell and its stat"
    )
