"""The keyframes of a recording, at which a player can begin.

A keyframe is a whole picture: what follows its offset draws the same on an empty display. Its first
instruction is `KEYFRAME`, so that keyframes can also be found by reading the recording. The index
is a file of JSON lines beside the recording, NAME.idx:

    {"version": 1, "started": 1764412800000}     milliseconds since 1970
    {"time": 81234567, "offset": 0}              each keyframe: the time of its sync, and bytes
    {"time": 81299999, "size": 123456}           the end; missing if the daemon was killed
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from guacr.errors import GuacrError
from guacr.json_text import JsonError, parse_json
from guacr.protocol.instruction import encode
from guacr.recording.sink import Sink

SUFFIX = ".idx"
VERSION = 1
KEYFRAME = encode("shade", 0, 255)
"""Precedes the whole picture in a keyframe, and nothing else. It changes nothing: layer 0 is always
opaque."""
CHUNK = 1 << 20
LINE_MAX = 4096
_SYNC = b"4.sync,"

log = logging.getLogger("guacr.recording")


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A place at which a player can begin."""

    time: int
    """Milliseconds, as in the `sync` of its frame."""
    offset: int
    """Bytes from the begin of the recording."""


class Index:
    """Writes the index of one recording to a sink. If that fails, the index ends; a player can do
    without."""

    def __init__(self, sink: Sink, started: float) -> None:
        self._sink = sink
        sink.on_failed = _report
        self._add(version=VERSION, started=int(started * 1000))

    def add(self, time: int, offset: int) -> None:
        """Add a keyframe."""
        self._add(time=time, offset=offset)

    async def close(self, time: int, size: int) -> None:
        """Add the end of the recording, and close the sink."""
        self._add(time=time, size=size)
        try:
            await self._sink.close()
        except GuacrError as error:
            _report(error)

    def _add(self, **values: int) -> None:
        self._sink.write(json.dumps(values).encode() + b"\n")


def read_index(recording: Path) -> list[Keyframe]:
    """Return the keyframes of a recording, in order: from its index, or else from the recording
    itself, all of which is then read. Blocks.

    Raises:
        OSError: the recording cannot be read.
    """
    size = recording.stat().st_size
    try:
        with recording.with_name(recording.name + SUFFIX).open("rb") as file:
            found = [frame for frame in _keyframes(file) if frame.offset < size]
    except (OSError, ValueError, JsonError):
        found = []
    if found:
        return found
    with recording.open("rb") as file:
        return list(scan(file))


def scan(recording: BinaryIO) -> Iterator[Keyframe]:
    """Find the keyframes in a recording by reading all of it."""
    text, start = b"", 0
    offset: int | None = None
    while chunk := recording.read(CHUNK):
        text += chunk
        at = 0
        while True:
            wanted = KEYFRAME if offset is None else _SYNC
            found = text.find(wanted, at)
            end = text.find(b";", found) if found >= 0 else -1
            if end < 0:
                at = found if found >= 0 else max(at, len(text) - len(wanted) + 1)
                break
            if offset is None:
                offset = start + found
            else:
                yield Keyframe(int(text[found:end].split(b".")[2].split(b",")[0]), offset)
                offset = None
            at = end + 1
        text, start = text[at:], start + at


def _keyframes(lines: BinaryIO) -> Iterator[Keyframe]:
    first = parse_json(lines.readline(LINE_MAX))
    if not isinstance(first, dict) or first.get("version") != VERSION:
        raise ValueError("the index has another version")
    while (line := lines.readline(LINE_MAX)).endswith(b"\n"):
        match parse_json(line):
            case {"time": int(time), "offset": int(offset)}:
                yield Keyframe(time, offset)


def _report(error: GuacrError) -> None:
    log.warning("the index of a recording is incomplete: %s", error)
