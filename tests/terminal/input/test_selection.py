"""Selecting as a person does it: by half cells, words, addresses, lines, rectangles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from guacr.display.geometry import Rect
from terminal.engines.contents import Position
from terminal.engines.emulator import Anchor
from terminal.input.selection import CLICK_WINDOW, ClickCounter, Edge, Unit
from tests.terminal.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk(width=7 + 7 + 16 + 400, height=7 + 7 + 190)


def rects(desk: Desk) -> list[Rect]:
    return desk.terminal.selection.rects()


def test_the_window(desk: Desk) -> None:
    assert (desk.terminal.layout.columns, desk.terminal.layout.rows) == (40, 10)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (0, 4.9, "hello"),
        (0.4, 4.6, "hello"),
        (0.6, 4.4, "ell"),
        (1.6, 1.4, "e"),
        (1.6, 1.9, ""),
        (4.9, 0, "hello"),
        (4.4, 0.6, "ell"),
        (1, 1.9, "e"),
        (0, 39.9, "hello world"),
    ],
)
def test_a_drag_selects_by_half_cells(desk: Desk, start: float, end: float, text: str) -> None:
    desk.show("hello world")
    desk.drag((start, 0), (end, 0))
    assert desk.terminal.selection.text() == text
    assert desk.copies == ([text] if text else [])
    assert desk.terminal.clipboard == text


def test_several_rows(desk: Desk) -> None:
    desk.show("first   ", "second", "third", "fourth")
    desk.drag((2, 0), (2.9, 3))
    assert desk.copies == ["rst\nsecond\nthird\nfou"]
    assert rects(desk) == [Rect(2, 0, 38, 1), Rect(0, 1, 40, 2), Rect(0, 3, 3, 1)]


def test_wrapped_rows_are_joined(desk: Desk) -> None:
    desk.show("x" * 30 + "y" * 30, "next")
    desk.drag((0, 0), (3.9, 2))
    assert desk.copies == ["x" * 30 + "y" * 30 + "\nnext"]


def test_wide_characters_are_selected_whole(desk: Desk) -> None:
    desk.show("a日本b")
    for start, end in ((1, 2.9), (1.9, 2.1), (2, 3.4), (1.2, 2.6)):
        desk.drag((start, 0), (end, 0))
        chosen = desk.terminal.selection.text()
        assert chosen in ("日", ""), (start, end)
        assert all(r.x in (1, 3) and r.width % 2 == 0 for r in rects(desk))
    desk.drag((1, 0), (2.9, 0))
    assert desk.copies[-1] == "日"


def test_a_click_clears(desk: Desk) -> None:
    desk.show("hello")
    desk.drag((0, 0), (4.9, 0))
    desk.click(2, 4)
    assert not desk.terminal.selection.active
    assert desk.copies == ["hello"]
    assert desk.terminal.clipboard == "hello"


def test_double_click_selects_a_word(desk: Desk) -> None:
    desk.show("some longer-words here")
    desk.click(1, 0, times=2)
    assert desk.copies == ["some"]
    desk.click(20, 0, times=2)
    assert desk.copies[-1] == "here"


@pytest.mark.parametrize(
    ("line", "uri"),
    [
        ("see https://a.org/b?c=d#e, or", "https://a.org/b?c=d#e"),
        ("(see http://a.org/x_(y)).", "http://a.org/x_(y)"),
        ("<ftp://a.org>", "ftp://a.org"),
        ("mailto:me@a.org!", "mailto:me@a.org"),
        ("日本 www.a.org/日", "www.a.org/日"),
    ],
)
def test_double_click_selects_an_address(desk: Desk, line: str, uri: str) -> None:
    desk.show(line)
    start = desk.terminal.emulator.row_at(0)
    assert start is not None
    column = "".join(cell or "\0" for cell in start.cells).index(uri[:4]) + 5
    desk.click(column, 0, times=2)
    assert desk.copies == [uri]


def test_an_address_across_rows(desk: Desk) -> None:
    uri = "https://example.com/" + "a" * 70
    desk.show(f"see {uri} now")
    for column, row in ((6, 0), (6, 1), (3, 2)):
        desk.click(column, row, times=2)
        assert desk.copies[-1] == uri


def test_a_word_across_rows(desk: Desk) -> None:
    desk.show("x" * 35 + " " + "w" * 20)
    desk.click(38, 0, times=2)
    desk.click(3, 1, times=2)
    assert desk.copies == ["w" * 20] * 2


def test_triple_click_selects_the_line(desk: Desk) -> None:
    desk.show("before", "a line that is wrapped because it is too long", "after")
    for row in (1, 2):
        desk.click(3, row, times=3)
        assert desk.copies[-1] == "a line that is wrapped because it is too long"
    assert rects(desk)[0].x == 0
    desk.click(3, 8, times=3)
    assert rects(desk) == [Rect(0, 8, 40, 1)]


def test_a_drag_after_a_double_click_grows_by_words(desk: Desk) -> None:
    desk.show("one two three four")
    desk.clock += 10
    desk.point(*desk.pixel(5, 0), 1)
    desk.point(*desk.pixel(5, 0))
    desk.point(*desk.pixel(5, 0), 1)
    desk.point(*desk.pixel(9, 0), 1)
    assert desk.terminal.selection.text() == "two three"
    desk.point(*desk.pixel(1, 0), 1)
    assert desk.terminal.selection.text() == "one two"
    desk.point(*desk.pixel(1, 0))
    assert desk.copies == ["one two"]


def test_shift_extends(desk: Desk) -> None:
    desk.show("one two three four")
    desk.drag((4, 0), (6.9, 0))
    desk.hold("shift")
    desk.click(12.9, 0)
    assert desk.copies[-1] == "two three"
    desk.click(0, 0)
    assert desk.copies[-1] == "one"


def test_shift_extends_from_where_somebody_clicked(desk: Desk) -> None:
    desk.show("one two three four")
    desk.click(4, 0)
    assert desk.copies == []
    desk.hold("shift")
    desk.click(12.9, 0)
    assert desk.copies == ["two three"]


def test_shift_does_not_extend_from_a_click_before_the_host_took_the_mouse(desk: Desk) -> None:
    desk.show("one two three four")
    desk.click(0, 0)
    desk.show("\x1b[?1000h")
    desk.hold("shift")
    desk.drag((4, 0), (6.9, 0))
    assert desk.copies == ["two"]


def test_alt_selects_a_rectangle(desk: Desk) -> None:
    desk.show("abcdef", "ghijkl", "mn", "opqrst")
    desk.hold("alt")
    desk.drag((1, 0), (3.9, 3))
    assert desk.terminal.selection.unit is Unit.RECTANGLE
    assert desk.copies == ["bcd\nhij\nn\npqr"]
    assert rects(desk) == [Rect(1, 0, 3, 4)]
    desk.drag((3.9, 3), (1, 0))
    assert desk.copies[1:] == ["bcd\nhij\nn\npqr"]
    desk.drag((3.9, 0), (1, 3))
    assert desk.copies[2:] == ["bcd\nhij\nn\npqr"]


def test_a_selection_moves_with_its_text(desk: Desk) -> None:
    desk.show("one", "two", "three")
    desk.drag((0, 1), (2.9, 1))
    desk.show(*"abcdefgh")
    assert desk.terminal.selection.text() == "two"
    assert rects(desk) == []
    desk.press("shift", "Home")
    assert rects(desk) == [Rect(0, 1, 3, 1)]
    desk.terminal.emulator.scroll_by(1)
    assert rects(desk) == [Rect(0, 0, 3, 1)]


def test_a_selection_goes_when_its_text_changes(desk: Desk) -> None:
    desk.show("one", "two", "three")
    desk.drag((0, 0), (2.9, 1))
    desk.terminal.feed(b"\x1b[3;1Hother")
    assert desk.terminal.selection.active
    desk.terminal.feed(b"\x1b[2;1HTWO")
    assert not desk.terminal.selection.active


def test_a_selection_goes_with_what_is_dropped_or_erased() -> None:
    desk = Desk(width=430, height=204, scrollback_rows=20)
    desk.show("one")
    desk.drag((0, 0), (2.9, 0))
    desk.show(*map(str, range(4000)))  # engines drop rows by the page
    assert not desk.terminal.selection.active
    desk.show("\x1b[H\x1b[2Jtwo")
    desk.drag((0, 0), (2.9, 0))
    assert desk.copies[-1] == "two"
    desk.terminal.feed(b"\x1b[H\x1b[2J")
    assert not desk.terminal.selection.active


def test_a_selection_goes_with_its_screen(desk: Desk) -> None:
    desk.show("one")
    desk.drag((0, 0), (2.9, 0))
    desk.terminal.feed(b"\x1b[?1049h")
    assert rects(desk) == []
    assert not desk.terminal.selection.active


def test_a_selection_survives_reflow(desk: Desk) -> None:
    desk.show("x" * 30 + "chosen" + "y" * 30)
    desk.drag((30, 0), (35.9, 0))
    desk.terminal.resize(230, 204)
    assert desk.terminal.selection.text() == "chosen"


def test_a_drag_beyond_the_edge_scrolls(desk: Desk) -> None:
    desk.show(*(f"line {n}" for n in range(100)))
    pointing = desk.terminal.pointing
    desk.clock += 10
    desk.point(*desk.pixel(3.9, 2), 1)
    assert pointing.beyond_edge(desk.person) == 0
    desk.point(desk.pixel(0, 0)[0], 0, 1)
    assert pointing.beyond_edge(desk.person) < 0
    for _ in range(20):
        pointing.autoscroll(desk.person)
    assert desk.terminal.emulator.scrollbar.offset < 80
    desk.point(desk.pixel(0, 0)[0], 0)
    assert pointing.beyond_edge(desk.person) == 0
    lines = desk.copies[0].split("\n")
    assert len(lines) >= 20
    assert lines[-1] == "line"
    first = int(lines[0].split()[1])
    assert lines[:-1] == [f"line {first + n}" for n in range(len(lines) - 1)]


def test_a_drag_beyond_the_lower_edge(desk: Desk) -> None:
    desk.show(*(f"line {n}" for n in range(100)))
    desk.press("shift", "Home")
    desk.point(*desk.pixel(0, 2), 1)
    desk.point(desk.pixel(20, 0)[0], desk.terminal.layout.height - 1, 1)
    for _ in range(200):
        desk.terminal.pointing.autoscroll(desk.person)
    assert desk.terminal.emulator.scrollbar.at_bottom
    desk.point(desk.pixel(20, 0)[0], desk.terminal.layout.height - 1)
    assert desk.copies[0].split("\n")[0] == "line 2"
    assert "line 99" in desk.copies[0]


def test_copying_again_by_key(desk: Desk) -> None:
    desk.show("hello")
    assert desk.press("ctrl", "shift", "C") == b""
    assert not desk.copies
    desk.drag((0, 0), (4.9, 0))
    for keys in (("ctrl", "shift", "C"), ("meta", "c"), ("ctrl", "Insert")):
        assert desk.press(*keys) == b""
    assert desk.copies == ["hello"] * 4


def test_clicks_are_counted_in_their_window() -> None:
    counter = ClickCounter()
    assert [counter.press((1, 1), now) for now in (0, 0.1, 0.2, 0.3)] == [1, 2, 3, 1]
    assert counter.press((2, 1), 0.31) == 1
    assert counter.press((2, 1), 0.31 + CLICK_WINDOW - 0.01) == 2
    assert counter.press((2, 1), 0.31 + 2 * CLICK_WINDOW) == 1


def test_edges_are_ordered_as_text_is_read() -> None:
    edges = [Edge(0, 5, True), Edge(0, 6, False), Edge(1, 0, False), Edge(1, 0, True)]
    assert sorted([edges[2], edges[0], edges[3], edges[1]]) == edges


def test_many_selections_leave_no_anchors_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = desk.terminal.emulator
    anchor = emulator.anchor
    open_now: set[int] = set()
    most = 0

    def noted(position: Position) -> Anchor | None:
        nonlocal most
        made = anchor(position)
        if made is None:
            return None
        open_now.add(id(made))
        most = max(most, len(open_now))
        close = made.close

        def closed() -> None:
            open_now.discard(id(made))
            close()

        proxy = SimpleNamespace(position=made.position, close=closed, made=made)
        return cast(Anchor, proxy)

    monkeypatch.setattr(emulator, "anchor", noted)
    desk.show("hello")
    for _ in range(50):
        desk.drag((0, 0), (3, 0))
    assert 0 < most < 10
    desk.terminal.selection.clear()
    assert not open_now
