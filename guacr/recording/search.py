"""Finds text that a terminal has shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

from guacr.errors import BadRequestError
from guacr.recording.ttyrec import TextEvent

SECONDS_MAX = 10.0
"""Seconds for which a text is searched."""
FOUND_MAX = 1000
"""Maximum lines that are found."""
SHOWN_MAX = 300
"""Maximum characters of a line that is shown."""
REDRAWN = 5000
"""Milliseconds within which a line that is shown again counts as the same one."""
LINE_MAX = 4096
"""Characters from which a line is taken as complete."""
TAIL_MAX = 4096
"""Characters that may wait for the end of a control sequence."""

_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*(?P<csi>[@-~])"
    r"|[PX^_\]][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|[ -/]*[0-OQ-WYZ\\`-~])"
)
"""Control sequences (ECMA-48, section 5.4), and strings (section 5.6)."""
_INCOMPLETE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[PX^_\]][^\x07\x1b\x9c]*\x1b?|[ -/]*)\Z")
_MOVES = "ABCDEFGHdf"
"""The last characters of sequences that move the cursor: what follows is at another place."""
_CONTROLS = re.compile(r"[\x00-\x07\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a terminal."""

    time: int
    """When it was shown as far as this, in milliseconds on the recording's clock."""
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search."""

    lines: list[Line]
    until: int | None
    """The time up to which the text was searched, in milliseconds on the recording's clock; None if
    that is all of it."""


def lines(events: Iterable[TextEvent]) -> Iterator[tuple[Line, bool]]:
    """Yield the lines that a terminal shows as they grow, without control sequences, and whether
    each is complete. Text at a place to which the cursor was moved is a line of its own."""
    line = tail = ""
    time = 0
    for event in events:
        if event.kind != "o":
            continue
        time = event.time
        text = tail + event.text
        cut = _INCOMPLETE.search(text, max(len(text) - TAIL_MAX, 0))
        text, tail = (text[: cut.start()], cut[0]) if cut else (text, "")
        parts = re.split(r"[\n\r\v\f]+", _SEQUENCE.sub(_replaced, text))
        for part in parts[:-1]:
            line = _typed(line + part)
            if line:
                yield Line(time, line), True
            line = ""
        line = _typed(line + parts[-1])
        if line:
            yield Line(time, line), len(line) >= LINE_MAX
            if len(line) >= LINE_MAX:
                line = ""
    if line:
        yield Line(time, line), True


def search(events: Iterable[TextEvent], wanted: str, *, seconds: float = SECONDS_MAX) -> Found:
    """Return the lines that contain a text, in upper or lower case, each when it did so first. The
    search ends at `FOUND_MAX` lines, where the text is damaged, and after so many seconds."""
    searched = _Searched(events, seconds)
    found: list[Line] = []
    text = wanted.casefold()
    is_found = False
    for line, is_complete in lines(searched):
        place = -1 if is_found else line.text.casefold().find(text)
        if place >= 0:
            start = max(place - SHOWN_MAX // 2, 0)
            shown = Line(line.time, line.text[start : start + SHOWN_MAX].strip())
            if not found or shown.text != found[-1].text or _is_later(shown, found[-1]):
                found.append(shown)
            is_found = True
            if len(found) >= FOUND_MAX:
                searched.until = line.time
                break
        if is_complete:
            is_found = False
    return Found(found, searched.until)


class _Searched:
    """Yields events until they are damaged, or the time is over."""

    def __init__(self, events: Iterable[TextEvent], seconds: float) -> None:
        self._events = events
        self._end = monotonic() + seconds
        self.until: int | None = None
        """The time of the last event, if there may be more."""

    def __iter__(self) -> Iterator[TextEvent]:
        time = 0
        try:
            for event in self._events:
                time = event.time
                yield event
                if monotonic() >= self._end:
                    self.until = time
                    break
        except BadRequestError:
            self.until = time


def _is_later(line: Line, other: Line) -> bool:
    """Return whether a line is more than the other one drawn again, as by line editors."""
    return line.time - other.time > REDRAWN


def _replaced(sequence: re.Match[str]) -> str:
    return "\n" if sequence["csi"] and sequence["csi"] in _MOVES else ""


def _typed(line: str) -> str:
    """Return a line as it is after its backspaces."""
    if "\b" in line:
        kept: list[str] = []
        for character in line:
            if character != "\b":
                kept.append(character)
            elif kept:
                kept.pop()
        line = "".join(kept)
    return _CONTROLS.sub("", line)
