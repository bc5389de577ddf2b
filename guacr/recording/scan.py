"""Finds the frames, keyframes and keys of a recording without its index, such as one of guacd's.

A recording is a sequence of instructions (Guacamole protocol, "Design"); `sync` is its clock. A
`Scanner` is fed with its bytes in pieces of any size, so that a recording that is still being
written can be followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from guacr.errors import BadRequestError
from guacr.recording.index import KEYFRAME

POINT_EVERY = 1000
"""Milliseconds between two points of a map, at least."""
KEYS_MAX = 200_000
"""Maximum keys that are listed."""
PART = 1 << 20
"""Bytes that are read from a file at a time."""
HELD_MAX = 1 << 20
"""Maximum bytes of an instruction; a blob has at most some KiB."""
POINTS_MAX = 50_000
"""Maximum points, and keyframes, of a map: if a recording has more, every second one is kept."""

_HEAD = re.compile(rb"(\d{1,8})\.([a-z]{1,32})([,;])")
_LENGTH = re.compile(rb"(\d{1,8})\.")
_BEGINNING = re.compile(rb"\d{1,8}\.?[a-z]{0,32}[,;]?|\d{1,8}\.[a-z]{1,32}[,;].*", re.DOTALL)
_SYNC = re.compile(rb"4\.sync,\d+\.(\d{1,15})[,;]")
_KEY = re.compile(rb"3\.key,\d+\.(\d{1,10}),1\.([01]),\d+\.(\d{1,15});")
_PLAIN = re.compile(
    rb"(?:\d{1,2}\.(?:copy|rect|cfill|lfill|mouse|move|dispose|size|end|transfer|cursor|touch)"
    rb"(?:,\d{1,2}\.-?\d{1,15})+;)+"
)
"""Instructions with numbers only, and of no interest here."""
_BLOB = re.compile(rb"4\.blob,\d+\.\d+,(\d{1,8})\.")


@dataclass(slots=True)
class Map:
    """The course of a recording. Times are milliseconds since its first `sync`."""

    start: int = 0
    """The first `sync`, on the recording's own clock, in milliseconds."""
    duration: int = 0
    size: int = 0
    """Bytes up to the end of the last `sync`."""
    points: list[tuple[int, int]] = field(default_factory=list)
    """Times, and the offsets after the last frame of each."""
    keyframes: list[tuple[int, int]] = field(default_factory=list)
    """Times of whole pictures, and the offsets where they begin."""
    keys: list[tuple[int, int, bool]] = field(default_factory=list)
    """Times, keysyms, and whether the key went down."""
    interval: int = POINT_EVERY
    """Milliseconds between two points, at least."""
    is_running: bool = False
    """True if the recording is still being written."""
    damage: str = ""
    """The reason why it ends here, if it is damaged."""


class Scanner:
    """Collects the `Map` of a recording."""

    def __init__(self) -> None:
        self.map = Map()
        self._held = b""
        self._offset = 0
        """Of the first held byte."""
        self._is_started = False
        self._mark: int | None = None
        """The offset of a whole picture whose frame is not complete."""
        self._last = 0

    def feed(self, data: bytes) -> None:
        """Scan the next bytes.

        Raises:
            BadRequestError: they are not the protocol.
        """
        text = self._held + data
        at = 0
        while at < len(text):
            end = self._instruction(text, at)
            if end < 0:
                break
            at = end
        self._held = text[at:]
        self._offset += at
        if len(self._held) > HELD_MAX:
            raise _damaged(self._offset)

    def _instruction(self, text: bytes, at: int) -> int:
        """Scan the instruction at a place; return its end, or -1 if it is incomplete."""
        blob = _BLOB.match(text, at)
        if blob is not None:  # almost all bytes, and of no interest
            end = blob.end() + int(blob[1]) + 1
            if end <= len(text) and text[end - 1] == 0x3B:
                return end
        plain = _PLAIN.match(text, at)
        if plain is not None:
            return plain.end()
        end = self._end(text, at)
        if end > 0:
            self._note(text, at, end)
        return end

    def _end(self, text: bytes, at: int) -> int:
        head = _HEAD.match(text, at)
        if head is None:
            if _BEGINNING.fullmatch(text, at):
                return -1
            raise _damaged(self._offset + at)
        place, mark = head.end(), head[3]
        if int(head[1]) != len(head[2]):
            raise _damaged(self._offset + at)
        while mark != b";":
            length = _LENGTH.match(text, place)
            if length is None:
                if len(text) - place > 8:
                    raise _damaged(self._offset + at)
                return -1
            place = _after(text, length.end(), int(length[1])) + 1
            if place > len(text):
                return -1
            mark = text[place - 1 : place]
            if mark not in (b",", b";"):
                raise _damaged(self._offset + at)
        return place

    def _note(self, text: bytes, at: int, end: int) -> None:
        if (sync := _SYNC.match(text, at)) is not None:
            self._frame(int(sync[1]), self._offset + end)
        elif (key := _KEY.match(text, at)) is not None and len(self.map.keys) < KEYS_MAX:
            self.map.keys.append((self._time(int(key[3])), int(key[1]), key[2] == b"1"))
        elif text.startswith(KEYFRAME, at):
            self._mark = self._offset + at

    def _frame(self, timestamp: int, end: int) -> None:
        found = self.map
        if not self._is_started:
            self._is_started, found.start = True, timestamp
        time = self._time(timestamp)
        if self._mark is not None:
            found.keyframes.append((time, self._mark))
            if len(found.keyframes) > POINTS_MAX:
                del found.keyframes[1::2]
            self._mark = None
        if found.points and time == found.points[-1][0]:
            found.points[-1] = (time, end)
        elif not found.points or time - found.points[-1][0] >= found.interval:
            found.points.append((time, end))
            if len(found.points) > POINTS_MAX:
                del found.points[1::2]
                found.interval *= 2
        found.duration, found.size = time, end

    def _time(self, timestamp: int) -> int:
        """Return a time that never decreases, although clocks may be set back."""
        self._last = max(timestamp - self.map.start, self._last) if self._is_started else 0
        return self._last


def scan_file(recording: Path) -> Map:
    """Return the course of a recording; blocks.

    Raises:
        BadRequestError: it is damaged.
    """
    scanner = Scanner()
    with recording.open("rb") as file:
        while data := file.read(PART):
            scanner.feed(data)
    return scanner.map


def _after(text: bytes, start: int, characters: int) -> int:
    """Return the end of so many characters of UTF-8; beyond the text if it has fewer."""
    end = start + characters
    while True:
        continuations = _continuations(text[start:end])
        if end == start + characters + continuations or end > len(text):
            break
        end = start + characters + continuations
    while end < len(text) and _continues(text[end]):  # the last character
        end += 1
    return end


def _continuations(data: bytes) -> int:
    return 0 if data.isascii() else sum(map(_continues, data))


def _continues(byte: int) -> bool:
    return byte & 0xC0 == 0x80


def _damaged(offset: int) -> BadRequestError:
    return BadRequestError(f"the recording is damaged after {offset} bytes")
