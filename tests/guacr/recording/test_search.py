"""Text that a terminal has shown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import BadRequestError
from guacr.recording import search as searching
from guacr.recording.search import REDRAWN, Found, Line, lines, search
from guacr.recording.ttyrec import TextEvent

SCREEN = (
    "\x1b]0;title with needle\x07\x1b[1;32muser@host\x1b[0m:~$ ls -l\r\n"
    "total \x1b(B0\r\nmistal\b\bake\r\n\x1bP+q6e6f\x1b\\done\x1b[5;10Hfar away\x1b[K\r"
    "\x1b7\x1b8next\n"
)
SHOWN = ["user@host:~$ ls -l", "total 0", "mistake", "done", "far away", "next"]


def events(*texts: str) -> list[TextEvent]:
    return [TextEvent(place * 100, "o", text) for place, text in enumerate(texts)]


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
    assert search(screen, "hello").lines == [
        Line(300, "$ echo Hello"),
        Line(400, "hello"),
        Line(500, "HELLO"),
    ]


def test_characters_that_mean_something_to_patterns() -> None:
    assert search(events("a.c [x] ß\n"), ".C [X] SS").lines == [Line(0, "a.c [x] ß")]
    assert search(events("abc\n"), "a.c") == Found([], None)


def test_sizes_are_not_text() -> None:
    assert search([TextEvent(0, "r", "80x24")], "80") == Found([], None)


@pytest.mark.parametrize("endless", ["x", "\x1b]0;", "\x1b[0;", "\b"])
def test_what_never_ends(endless: str) -> None:
    texts = [endless * 1000] * 100
    found = list(lines(events(*texts, "\x07m\nend\n")))
    assert found[-1][0].text == "end"
    assert max(len(line.text) for line, _ in found) <= searching.LINE_MAX + 4000


def test_as_many_as_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "FOUND_MAX", 3)
    found = search(events(*(f"a{number}\n" for number in range(10))), "a")
    assert (len(found.lines), found.until) == (3, 200)


def test_a_search_ends_in_time() -> None:
    found = search(events("one\n", "two one\n"), "one", seconds=0)
    assert found == Found([Line(0, "one")], 0)


def test_a_search_ends_at_damage() -> None:
    def damaged() -> Iterator[TextEvent]:
        yield from events("one\n", "two\n")
        raise BadRequestError("the text is damaged")

    assert search(damaged(), "one") == Found([Line(0, "one")], 100)


def test_lines_that_are_drawn_again_count_once() -> None:
    texts = [(0, "$ ls\r"), (100, "\r$ ls\r\n"), (REDRAWN + 1, "$ ls\r\n")]
    found = search([TextEvent(time, "o", text) for time, text in texts], "ls")
    assert [line.time for line in found.lines] == [0, REDRAWN + 1]


def test_long_lines_are_shown_around_the_match() -> None:
    (line,) = search(events("x" * 2000 + "needle" + "y" * 1000 + "\n"), "needle").lines
    assert "needle" in line.text
    assert len(line.text) <= searching.SHOWN_MAX
