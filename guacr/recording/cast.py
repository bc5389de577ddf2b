"""The text of a terminal with its times, beside a recording: an asciicast.

The format is asciicast v2 (docs.asciinema.org/manual/asciicast/v2), so that asciinema plays it: a
header, then a line for each change, `[seconds, "o", text]` or `[seconds, "r", "COLUMNSxROWS"]`. The
header's `guacr_clock` is the time of second 0 on the recording's clock, in milliseconds.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Literal

from typing_extensions import override

from guacr.errors import BadRequestError, GuacrError
from guacr.json_text import JsonError, parse_json
from guacr.recording.sink import Sink
from guacr.session.text_taps import TextTap

SUFFIX = ".cast"
VERSION = 2
CLOCK = "guacr_clock"
PART_EVERY = 1 / 30
"""Seconds for which text is joined into one event."""
PART_MAX = 1 << 16
"""Bytes of an event from which it is complete."""
LINE_MAX = 1 << 20
"""Maximum bytes of a line that is read."""
SIZE_MAX = 10_000
"""Maximum columns and rows that are read."""
SECONDS_MAX = 1e9
"""Maximum seconds that are read, before or after the beginning."""

log = logging.getLogger("guacr.recording")


class Cast(TextTap):
    """Writes what a terminal shows to a sink, until `close`.

    Args:
        sink: where to; closed with it.
        size: the columns and rows of the terminal.
        clock: returns milliseconds on the recording's clock.
        began: when the session began, in seconds since 1970.
    """

    def __init__(
        self, sink: Sink, size: tuple[int, int], clock: Callable[[], int], began: float
    ) -> None:
        self._sink = sink
        sink.on_failed = _report
        self._clock = clock
        self._start = clock()
        self._decoder = utf8_decoder()
        self._text: list[bytes] = []
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._size = size
        width, height = size
        header = {"version": VERSION, "width": width, "height": height, "timestamp": int(began)}
        self._write({**header, CLOCK: self._start})

    @override
    def shown(self, text: bytes) -> None:
        self._text.append(text)
        self._waiting += len(text)
        if self._waiting >= PART_MAX:
            self._finish_part()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PART_EVERY, self._finish_part)

    @override
    def resized(self, columns: int, rows: int) -> None:
        if (columns, rows) == self._size:
            return
        self._finish_part()
        self._size = (columns, rows)
        self._event("r", f"{columns}x{rows}")

    async def close(self) -> None:
        """Complete the file."""
        self._finish_part()
        try:
            await self._sink.close()
        except GuacrError as error:
            _report(error)

    def _finish_part(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text, self._text, self._waiting = b"".join(self._text), [], 0
        if shown := self._decoder.decode(text):
            self._event("o", shown)

    def _event(self, kind: str, text: str) -> None:
        self._write([(self._clock() - self._start) / 1000, kind, text])

    def _write(self, value: object) -> None:
        self._sink.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n")


@dataclass(frozen=True, slots=True)
class CastEvent:
    """A change of the terminal."""

    time: int
    """Milliseconds on the recording's clock."""
    kind: Literal["o", "r"]
    text: str
    """The text that was shown, with its control sequences, or the size, `COLUMNSxROWS`."""


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file; those that are longer than `LINE_MAX` in pieces."""
    return iter(partial(file.readline, LINE_MAX + 1), b"")


def read_cast(lines: Iterable[bytes]) -> Iterator[CastEvent]:
    """Yield the changes of an asciicast; the first is its size. A last line that is incomplete,
    because it is being written or the daemon was killed, is ignored.

    Raises:
        BadRequestError: the file is no asciicast of version 2.
    """
    rest = iter(lines)
    match _parsed(next(rest, b"")):
        case {"version": 2, "width": int(width), "height": int(height), **others}:
            clock = others.get(CLOCK)
            start = clock if isinstance(clock, int) else 0
        case _:
            raise BadRequestError("the file is no asciicast of version 2")
    yield CastEvent(start, "r", f"{_limited(width)}x{_limited(height)}")
    for line in rest:
        match _parsed(line):
            case [int() | float() as seconds, "o" | "r" as kind, str(text)] if (
                abs(seconds) <= SECONDS_MAX
            ):
                yield CastEvent(start + int(seconds * 1000), kind, text)


def utf8_decoder() -> codecs.IncrementalDecoder:
    """Return a decoder of text that is cut anywhere, and may be damaged."""
    return codecs.getincrementaldecoder("utf-8")("replace")


def _report(error: GuacrError) -> None:
    log.warning("the text of a recording is incomplete: %s", error)


def _parsed(line: bytes) -> object:
    if len(line) > LINE_MAX or not line.endswith(b"\n"):
        return None
    try:
        return parse_json(line)
    except JsonError:
        return None


def _limited(length: int) -> int:
    return min(max(length, 1), SIZE_MAX)
