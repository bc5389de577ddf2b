"""Searching the scrollback by libghostty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from terminal.emulator import Position, Search, Span
from terminal.ghostty import GhosttyEmulator
from tests.terminal.engine import start

STEPS_MAX = 1000


@pytest.fixture
def emulator() -> Iterator[GhosttyEmulator]:
    emulator = start(20, 5, scrollback_rows=1000)
    yield emulator
    emulator.close()


def finished(emulator: GhosttyEmulator, text: str) -> Search:
    search = emulator.search(text)
    assert any(search.step() for _ in range(STEPS_MAX)), "the search never ends"
    return search


def test_matches_are_gone_to_from_the_newest(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"".join(b"row %d %s\r\n" % (n, b"Needle" * (n % 10 == 0)) for n in range(100)))
    search = finished(emulator, "needle")
    assert search.total == 10
    search.select(newer=False)
    assert search.selected == (0, Span(Position(7, 90), Position(12, 90)))
    search.select(newer=False)
    assert search.selected == (1, Span(Position(7, 80), Position(12, 80)))
    bar = emulator.scrollbar
    assert bar.offset <= 80 < bar.offset + bar.visible
    assert search.shown() == [Span(Position(7, 80), Position(12, 80))]
    search.select(newer=True)
    search.select(newer=True)
    assert search.selected == (9, Span(Position(6, 0), Position(11, 0))), "around the end"
    search.close()
    search.close()


def test_a_match_may_go_on_in_the_next_row(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"x" * 17 + b"needle")
    search = finished(emulator, "needle")
    search.select(newer=False)
    assert search.selected == (0, Span(Position(17, 0), Position(2, 1)))
    search.close()


def test_what_is_not_there_is_not_found(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"hay")
    search = finished(emulator, "needle")
    search.select(newer=False)
    assert (search.total, search.selected, search.shown()) == (0, None, [])
    search.close()


def test_output_after_the_search_does_no_harm(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"needle\r\n" * 50)
    search = finished(emulator, "needle")
    search.select(newer=False)
    emulator.feed(b"other\r\n" * 2000)
    emulator.resize(7, 3, 1, 1)
    emulator.feed(b"\x1b[?1049h needle")
    search.select(newer=False)
    assert len(search.shown()) <= 3
    emulator.feed(b"\x1bc")
    search.select(newer=True)
    search.close()
