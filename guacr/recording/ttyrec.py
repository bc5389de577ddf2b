"""The text of a terminal with its times, beside a recording: a ttyrec.

The format is that of ttyrec(1), which ttyplay(1) plays: records of a header, three little-endian
numbers of 32 bits (seconds, microseconds, bytes), and so many bytes that the terminal shows. The
times are those of the recording's clock. As in the ttyrecs of termrec(1), a record that is exactly
`ESC [ 8 ; ROWS ; COLUMNS t` is a size of the terminal; the first record is one.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from typing_extensions import override

from guacr.errors import BadRequestError, GuacrError
from guacr.recording.sink import Sink
from guacr.session.text_taps import TextTap

SUFFIX = ".ttyrec"
PART_MAX = 1 << 16
"""Maximum bytes of a record that is written or read, without its header."""
PART_EVERY = 0.01
"""Seconds for which text is joined into one record: hosts send floods in small parts."""
SIZE_MAX = 10_000
"""Maximum columns and rows that are read."""
DEFAULT_SIZE = "80x24"
"""The size of a terminal if a file does not say it."""

_HEADER = struct.Struct("<III")
_SIZE = re.compile(rb"\x1b\[8;(\d{1,9});(\d{1,9})t")
_SIZE_LENGTH = len(b"\x1b[8;999999999;999999999t")

log = logging.getLogger("guacr.recording")


class Ttyrec(TextTap):
    """Writes what a terminal shows to a sink, until `close`.

    Args:
        sink: where to; closed with it.
        size: the columns and rows of the terminal.
        clock: returns milliseconds on the recording's clock.
        max_queue: bytes that may wait in the sink; beyond that, text is missing.
    """

    def __init__(
        self, sink: Sink, size: tuple[int, int], clock: Callable[[], int], max_queue: int
    ) -> None:
        self._sink = sink
        sink.on_failed = _report
        self._clock = clock
        self._max_queue = max_queue
        self._is_behind = False
        self._size = size
        self._texts: list[bytes] = []
        """The beginning of the next record."""
        self._length = 0
        self._begun = 0
        """When it was shown."""
        self._timer: asyncio.TimerHandle | None = None
        self._write_size()

    @override
    def shown(self, text: bytes) -> None:
        if self._length + len(text) > PART_MAX:
            self._write_texts()
        if not self._texts:
            self._begun = self._clock()
        self._texts.append(text)
        self._length += len(text)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PART_EVERY, self._write_texts)

    @override
    def resized(self, columns: int, rows: int) -> None:
        if (columns, rows) != self._size:
            self._write_texts()
            self._size = (columns, rows)
            self._write_size()

    async def close(self) -> None:
        """Complete the file."""
        self._write_texts()
        try:
            await self._sink.close()
        except GuacrError as error:
            _report(error)

    def _write_size(self) -> None:
        columns, rows = self._size
        self._write([b"\x1b[8;%d;%dt" % (rows, columns)], self._clock())

    def _write_texts(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        texts, self._texts, length, self._length = self._texts, [], self._length, 0
        if _SIZE_LENGTH < length <= PART_MAX:
            self._write(texts, self._begun)
            return
        text = b"".join(texts)
        for start in range(0, len(text), PART_MAX):
            part = text[start : start + PART_MAX]
            if len(part) <= _SIZE_LENGTH and _SIZE.fullmatch(part):
                self._write([part[:1]], self._begun)
                part = part[1:]
            self._write([part], self._begun)

    def _write(self, texts: list[bytes], time: int) -> None:
        """Write a record."""
        sink, length = self._sink, sum(map(len, texts))
        if sink.buffered + length > self._max_queue:
            if not self._is_behind:
                self._is_behind = True
                _report("the disk is too slow for the session")
            return
        self._is_behind = False
        seconds, milliseconds = divmod(time, 1000)
        header = _HEADER.pack(seconds, milliseconds * 1000, length)
        sink.write(b"".join((header, *texts)))


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A change of the terminal."""

    time: int
    """Milliseconds on the recording's clock."""
    kind: Literal["o", "r"]
    text: str
    """The text that was shown, with its control sequences, or the size, `COLUMNSxROWS`."""


def read_ttyrec(file: BinaryIO) -> Iterator[TextEvent]:
    """Yield the changes of a ttyrec; the first is its size. A last record that is incomplete,
    because it is being written or the daemon was killed, is ignored.

    Raises:
        BadRequestError: the file is damaged, or no ttyrec; what comes before has been yielded.
    """
    decoder = utf8_decoder()
    offset = 0
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        seconds, microseconds, length = _HEADER.unpack(header)
        if not 0 < length <= PART_MAX:
            raise BadRequestError(f"the text is damaged after {offset} bytes")
        data = file.read(length)
        if len(data) < length:
            break
        time = seconds * 1000 + microseconds // 1000
        size = _SIZE.fullmatch(data) if length <= _SIZE_LENGTH else None
        if size is not None:
            yield TextEvent(time, "r", f"{_limited(size[2])}x{_limited(size[1])}")
        else:
            if offset == 0:
                yield TextEvent(time, "r", DEFAULT_SIZE)
            if text := decoder.decode(data):
                yield TextEvent(time, "o", text)
        offset += _HEADER.size + length
    if offset == 0:
        yield TextEvent(0, "r", DEFAULT_SIZE)


def utf8_decoder() -> codecs.IncrementalDecoder:
    """Return a decoder of text that is cut anywhere, and may be damaged."""
    return codecs.getincrementaldecoder("utf-8")("replace")


def _report(reason: GuacrError | str) -> None:
    log.warning("the text of a recording is incomplete: %s", reason)


def _limited(length: bytes) -> int:
    return min(max(int(length), 1), SIZE_MAX)
