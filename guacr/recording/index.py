"""The keyframes of a recording, at which a player can begin.

A keyframe is a whole picture: what follows its offset draws the same on an empty display. Its first
instruction is `KEYFRAME`, so that keyframes can also be found by reading the recording. The index
is a file of JSON lines beside the recording, NAME.idx:

    {"version": 1, "started": 1764412800000}     milliseconds since 1970
    {"time": 81234567, "offset": 0}              each keyframe: the time of its sync, and bytes
    {"time": 81299999, "size": 123456}           the end; missing if the daemon was killed,
                                                 or the recording has failed
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

from guacr.errors import GuacrError
from guacr.json_text import JsonError, parse_json
from guacr.protocol.instruction import encode
from guacr.recording.sink import Sink

SUFFIX = ".idx"
VERSION = 1
KEYFRAME = encode("shade", 0, 255)
"""Precedes the whole picture in a keyframe, and nothing else. It changes nothing: layer 0 is always
opaque."""

HEADER_MAX = 1024
"""Maximum bytes of the first line that are read."""

log = logging.getLogger("guacr.recording")


def read_started(recording: Path) -> int | None:
    """Return when a recording began, in milliseconds since 1970, if it has an index; blocks."""
    with (
        suppress(OSError),
        recording.with_name(recording.name + SUFFIX).open("rb") as file,
    ):
        return started_of(file.readline(HEADER_MAX))
    return None


def started_of(header: bytes) -> int | None:
    """Return when a recording began according to the first line of its index, if that is valid."""
    try:
        match parse_json(header):
            case {"started": int(started)}:
                return started
    except JsonError:
        pass
    return None


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

    async def close(self, time: int, size: int | None) -> None:
        """Add the end of the recording, unless its size is not known, and close the sink."""
        if size is not None:
            self._add(time=time, size=size)
        try:
            await self._sink.close()
        except GuacrError as error:
            _report(error)

    def _add(self, **values: int) -> None:
        self._sink.write(json.dumps(values).encode() + b"\n")


def _report(error: GuacrError) -> None:
    log.warning("the index of a recording is incomplete: %s", error)
