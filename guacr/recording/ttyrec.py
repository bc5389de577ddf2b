"""The text of a terminal with its times, beside a recording: a ttyrec.

The format is that of ttyrec(1), which ttyplay(1) plays: records of a header, three little-endian
numbers of 32 bits (seconds, microseconds, bytes), and so many bytes that the terminal shows. The
times are those of the recording's clock. As in the ttyrecs of termrec(1), a record that is exactly
`ESC [ 8 ; ROWS ; COLUMNS t` is a size of the terminal; the first record is one.
"""

from __future__ import annotations

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
        self._write_size()

    @override
    def shown(self, text: bytes) -> None:
        if len(text) <= _SIZE_LENGTH and _SIZE.fullmatch(text):
            self._write(text[:1])
            self._write(text[1:])
        elif len(text) <= PART_MAX:
            self._write(text)
        else:
            for start in range(0, len(text), PART_MAX):
                self.shown(text[start : start + PART_MAX])

    @override
    def resized(self, columns: int, rows: int) -> None:
        if (columns, rows) != self._size:
            self._size = (columns, rows)
            self._write_size()

    async def close(self) -> None:
        """Complete the file."""
        try:
            await self._sink.close()
        except GuacrError as error:
            _report(error)

    def _write_size(self) -> None:
        columns, rows = self._size
        self._write(b"\x1b[8;%d;%dt" % (rows, columns))

    def _write(self, text: bytes) -> None:
        sink = self._sink
        if not text:
            return
        if sink.buffered + len(text) > self._max_queue:
            if not self._is_behind:
                self._is_behind = True
                _report("the disk is too slow for the session")
            return
        self._is_behind = False
        seconds, milliseconds = divmod(self._clock(), 1000)
        sink.write(_HEADER.pack(seconds, milliseconds * 1000, len(text)))
        sink.write(text)


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
