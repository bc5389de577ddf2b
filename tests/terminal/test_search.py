"""Searching the scrollback, by both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from terminal.engines.contents import Position, Span
from terminal.engines.emulator import Emulator, Search
from terminal.engines.pyte.search import MAX_MATCHES, MAX_SHOWN, STEP_ROWS
from tests.terminal.conformance.case import ENGINES, open_engine
from tests.terminal.engine import Heard

STEPS_MAX = 2000


@pytest.fixture(params=ENGINES)
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    emulator = open_engine(request.param, Heard(), 20, 5, scrollback=1000)
    yield emulator
    emulator.close()


@pytest.fixture
def pyte() -> Iterator[Emulator]:
    emulator = open_engine("pyte", Heard(), 20, 5, scrollback=1000)
    yield emulator
    emulator.close()


def finish(search: Search) -> None:
    assert any(search.step() for _ in range(STEPS_MAX)), "the search never ends"


def finished(emulator: Emulator, text: str) -> Search:
    search = emulator.search(text)
    finish(search)
    return search


def test_matches_are_gone_to_from_the_newest(emulator: Emulator) -> None:
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


def test_a_match_may_go_on_in_the_next_row(emulator: Emulator) -> None:
    emulator.feed(b"x" * 17 + b"needle")
    search = finished(emulator, "needle")
    search.select(newer=False)
    assert search.selected == (0, Span(Position(17, 0), Position(2, 1)))
    search.close()


def test_what_is_not_there_is_not_found(emulator: Emulator) -> None:
    emulator.feed(b"hay")
    search = finished(emulator, "needle")
    search.select(newer=False)
    assert (search.total, search.selected, search.shown()) == (0, None, [])
    search.close()


def test_output_after_the_search_does_no_harm(emulator: Emulator) -> None:
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


@pytest.mark.parametrize("lines", [b"%d needle\r\n", b"\x1b[3%dmnee\x1b[1mdle\x1b[m\r\n"])
@pytest.mark.parametrize("portion", [7, 1 << 20])
def test_rows_are_searched_however_they_are_kept(
    emulator: Emulator, lines: bytes, portion: int
) -> None:
    data = b"".join(lines % (number % 8) for number in range(300))
    for start in range(0, len(data), portion):
        emulator.feed(data[start : start + portion])
    search = finished(emulator, "NEEDLE")
    assert search.total == 300
    search.select(newer=False)
    search.select(newer=True)
    found = search.selected
    assert found is not None
    assert (found[0], emulator.text(found[1])) == (299, "needle")
    search.close()


def test_wide_characters_and_clusters_are_found(emulator: Emulator) -> None:
    emulator.feed("漢字 cafe\u0301 漢字".encode())
    search = finished(emulator, "字")
    search.select(newer=False)
    assert search.selected == (0, Span(Position(12, 0), Position(12, 0)))
    assert search.shown() == [
        Span(Position(2, 0), Position(2, 0)),
        Span(Position(12, 0), Position(12, 0)),
    ]
    search.close()
    search = finished(emulator, "cafe\u0301 漢")
    search.select(newer=False)
    assert search.selected == (0, Span(Position(5, 0), Position(10, 0)))
    search.close()


def test_a_match_may_begin_in_the_scrollback(emulator: Emulator) -> None:
    emulator.feed(b"x" * 17 + b"needle" + b"\r\n" * 4)
    search = finished(emulator, "needle")
    search.select(newer=False)
    assert search.selected == (0, Span(Position(17, 0), Position(2, 1)))
    assert search.shown() == [Span(Position(17, 0), Position(2, 1))]
    search.close()


def test_a_long_wrapped_line_is_searched_through(pyte: Emulator) -> None:
    pyte.feed(b"1234567needle" * 1000)
    search = finished(pyte, "needle")
    assert search.total == 1000
    search.close()


def test_the_search_follows_what_the_host_prints(pyte: Emulator) -> None:
    pyte.feed(b"needle 1\r\n" * 20)
    search = finished(pyte, "needle")
    search.select(newer=False)
    pyte.feed(b"\x1b[2Jneedle 2\r\n" + b"straw\r\n" * 20 + b"needle 3")
    finish(search)
    assert search.total == 18, "four rows were erased, two came"
    search.select(newer=False)
    pyte.feed(b"\rstraw   ")
    finish(search)
    assert search.total == 17
    pyte.feed(b"\x1b[?1049hneedle")
    finish(search)
    assert (search.total, search.selected) == (1, None)
    pyte.feed(b"\x1b[?1049l")
    finish(search)
    assert search.total == 17
    pyte.resize(3, 5, 10, 19)
    finish(search)
    assert search.total == 17
    pyte.feed(b"\x1b[3J\x1b[2J")
    finish(search)
    assert (search.total, search.shown()) == (0, [])
    search.close()


def test_rows_that_are_dropped_take_their_matches_along(pyte: Emulator) -> None:
    pyte.feed(b"needle\r\n" * 500)
    search = finished(pyte, "needle")
    pyte.feed(b"straw\r\n" * 800)
    finish(search)
    assert 0 < search.total < 300
    pyte.feed(b"straw\r\n" * 2000)
    assert search.total == 0
    search.close()


def test_a_step_is_short(pyte: Emulator) -> None:
    pyte.feed(b"needle\r\n" * 900)
    search = pyte.search("needle")
    search.step()
    assert 0 < search.total <= STEP_ROWS
    search.close()


def test_matches_are_bounded() -> None:
    emulator = open_engine("pyte", Heard(), 1000, 10, scrollback=1000)
    emulator.feed((b"x" * 999 + b"\r\n") * 300)
    search = finished(emulator, "x")
    assert search.total == MAX_MATCHES
    assert len(search.shown()) == MAX_SHOWN
    emulator.feed(b"x")
    finish(search)
    assert search.total == MAX_MATCHES
    search.close()
    emulator.close()


def test_nothing_is_found_everywhere(emulator: Emulator) -> None:
    emulator.feed(b"hay")
    search = finished(emulator, "")
    assert (search.total, search.shown()) == (0, [])
    search.close()
