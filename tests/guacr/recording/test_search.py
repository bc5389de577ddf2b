"""Text that a terminal has shown."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.recording import search as searching
from guacr.recording.cast import CastEvent
from guacr.recording.search import REDRAWN, Line, lines, search

SCREEN = (
    "\x1b]0;title with needle\x07\x1b[1;32muser@host\x1b[0m:~$ ls -l\r\n"
    "total \x1b(B0\r\nmistal\b\bake\r\n\x1bP+q6e6f\x1b\\done\x1b[5;10Hfar away\x1b[K\r"
    "\x1b7\x1b8next\n"
)
SHOWN = ["user@host:~$ ls -l", "total 0", "mistake", "done", "far away", "next"]


def events(*texts: str) -> list[CastEvent]:
    return [CastEvent(place * 100, "o", text) for place, text in enumerate(texts)]


def complete(*texts: str) -> list[str]:
    return [line.text for line, is_complete in lines(events(*texts)) if is_complete]


def test_lines_have_no_control_sequences() -> None:
    assert complete(SCREEN) == SHOWN


@given(cuts=st.lists(st.integers(0, len(SCREEN)), max_size=5))
def test_events_end_anywhere(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(SCREEN)]
    pieces = [SCREEN[start:end] for start, end in pairwise(places)]
    assert complete(*pieces) == SHOWN


def test_a_match_is_found_when_it_is_shown_first() -> None:
    screen = events("$ ", "ec", "ho He", "llo\r\n", "hello\r\n$ ", "other\r\nHELLO", " again\r\n")
    assert search(screen, "hello") == [
        Line(300, "$ echo Hello"),
        Line(400, "hello"),
        Line(500, "HELLO"),
    ]


def test_characters_that_mean_something_to_patterns() -> None:
    assert search(events("a.c [x] ß\n"), ".C [X] SS") == [Line(0, "a.c [x] ß")]
    assert search(events("abc\n"), "a.c") == []


def test_sizes_are_not_text() -> None:
    assert search([CastEvent(0, "r", "80x24")], "80") == []


@pytest.mark.parametrize("endless", ["x", "\x1b]0;", "\x1b[0;", "\b"])
def test_what_never_ends(endless: str) -> None:
    texts = [endless * 1000] * 100
    found = list(lines(events(*texts, "\x07m\nend\n")))
    assert found[-1][0].text == "end"
    assert max(len(line.text) for line, _ in found) <= searching.LINE_MAX + 4000


def test_as_many_as_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "FOUND_MAX", 3)
    assert len(search(events(*(f"a{number}\n" for number in range(10))), "a")) == 3


def test_lines_that_are_drawn_again_count_once() -> None:
    texts = [(0, "$ ls\r"), (100, "\r$ ls\r\n"), (REDRAWN + 1, "$ ls\r\n")]
    found = search([CastEvent(time, "o", text) for time, text in texts], "ls")
    assert [line.time for line in found] == [0, REDRAWN + 1]


def test_long_lines_are_shown_around_the_match() -> None:
    (line,) = search(events("x" * 2000 + "needle" + "y" * 1000 + "\n"), "needle")
    assert "needle" in line.text
    assert len(line.text) <= searching.SHOWN_MAX
