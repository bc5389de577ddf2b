"""Exports recordings to other formats. Everything here blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import BinaryIO, TextIO

from guacr.errors import BadRequestError, NotFoundError
from guacr.recording.index import read_started
from guacr.recording.keylog import typed
from guacr.recording.library import listed
from guacr.recording.scan import Map, scan_file
from guacr.recording.search import lines
from guacr.recording.ttyrec import DEFAULT_SIZE, SUFFIX, TextEvent, read_ttyrec, utf8_decoder
from guacr.recording.typescript import TIMING

CAST_VERSION = 2
"""Of asciicast (docs.asciinema.org/manual/asciicast/v2)."""

_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) (\d{1,9})\n")
"""A line of a timing: the seconds since the part before, and the bytes of the part."""


def export_cast(recording: Path, target: TextIO) -> None:
    """Write the text of a terminal as an asciicast, version 2, whose times begin with the session.

    Raises:
        NotFoundError: the session had no terminal, or its text was not recorded.
        BadRequestError: the file with the text is damaged.
    """
    with _text_file(recording).open("rb") as file:
        events = _events(recording, file)
        first = next(events)
        columns, _, rows = first.text.partition("x")
        header = {"version": CAST_VERSION, "width": int(columns), "height": int(rows)}
        if (begun := _begun(recording)) is not None:
            header["timestamp"] = int(begun)
        target.write(json.dumps(header) + "\n")
        for event in events:
            seconds = round((event.time - first.time) / 1000, 3)
            line = json.dumps([seconds, event.kind, event.text], ensure_ascii=False)
            target.write(line + "\n")


def _begun(recording: Path) -> float | None:
    """Return when a recording began, in seconds since 1970: according to its index, or else to its
    length and when it was changed. None for typescripts."""
    started = read_started(recording)
    if started is not None:
        return started / 1000
    found = listed(recording.name, recording)
    return None if found is None else found.begun


def export_text(recording: Path, target: TextIO) -> None:
    """Write the lines that a terminal has shown, and the keys that were typed, with their times.

    Raises:
        NotFoundError: neither text nor keys were recorded.
        BadRequestError: a file is damaged.
    """
    course = scan_file(recording) if not _is_typescript(recording) else Map()
    keys = [(one.time, "> ", one.text) for one in typed(course.keys)]
    if not keys:
        _text_file(recording)
    for time, mark, text in merge(keys, _shown_lines(recording, course.start)):
        seconds = max(time, 0) // 1000
        clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        target.write(f"[{clock}] {mark}{text}\n")


def _shown_lines(recording: Path, start: int) -> Iterator[tuple[int, str, str]]:
    try:
        path = _text_file(recording)
    except NotFoundError:
        return
    with path.open("rb") as file:
        for line, is_complete in lines(_events(recording, file)):
            if is_complete:
                yield line.time - start, "", line.text


def _events(recording: Path, file: BinaryIO) -> Iterator[TextEvent]:
    return _typescript(recording, file) if _is_typescript(recording) else read_ttyrec(file)


def _typescript(recording: Path, text: BinaryIO) -> Iterator[TextEvent]:
    yield TextEvent(0, "r", DEFAULT_SIZE)
    text.readline()  # the header of script(1)
    time = 0.0
    decoder = utf8_decoder()
    with recording.with_name(recording.name + TIMING).open(
        encoding="ascii", errors="replace"
    ) as timing:
        for line in timing:
            found = _PART.fullmatch(line)
            if found is None:
                raise BadRequestError(f"{recording.name}{TIMING} is damaged")
            time += float(found[1])
            yield TextEvent(round(time * 1000), "o", decoder.decode(text.read(int(found[2]))))


def _is_typescript(recording: Path) -> bool:
    return recording.with_name(recording.name + TIMING).is_file()


def _text_file(recording: Path) -> Path:
    if _is_typescript(recording):
        return recording
    beside = recording.with_name(recording.name + SUFFIX)
    if beside.is_file():
        return beside
    raise NotFoundError(
        f"{recording.name} has no text: the session had no terminal, or recording.text was off"
    )
