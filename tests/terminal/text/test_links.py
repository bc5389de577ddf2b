"""Links: where they are, where they lead, and who follows them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from terminal.engines.contents import Position, Span
from terminal.input.pointing import Pointer
from terminal.text.links import Link, link_at
from tests.terminal.desk import Desk

OSC8 = "\x1b]8;;{}\x1b\\{}\x1b]8;;\x1b\\"


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.terminal.close()


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("https://example.org/", True),
        ("HTTP://example.org", True),
        ("mailto:a@example.org", True),
        ("ftp://example.org", True),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("data:text/html,x", False),
        ("example.org", False),
        ("https://example.org/\u202e", False),
    ],
)
def test_only_harmless_schemes_are_opened(uri: str, allowed: bool) -> None:
    span = Span(Position(0, 0), Position(0, 0))
    assert Link(uri, span).may_be_opened is allowed


def test_a_link_covers_its_cells_across_rows(desk: Desk) -> None:
    columns = desk.terminal.emulator.columns
    text = "x" * (columns + 3)
    desk.show("ab" + OSC8.format("https://example.org/", text) + "cd")
    link = link_at(desk.terminal.emulator, Position(1, 1), plain=False)
    assert link == Link("https://example.org/", Span(Position(2, 0), Position(4, 1)))
    assert link_at(desk.terminal.emulator, Position(5, 1), plain=True) is None


def test_a_link_is_shown_by_the_pointer_and_followed_with_ctrl(desk: Desk) -> None:
    desk.show(OSC8.format("https://example.org/", "here") + " http://plain.example, www.b.example")
    desk.point(*desk.pixel(2, 0))
    assert _shape(desk) is Pointer.LINK
    desk.click(2, 0)
    assert desk.followed == []
    desk.point(*desk.pixel(8, 0))
    assert _shape(desk) is Pointer.TEXT
    desk.hold("ctrl")
    desk.point(*desk.pixel(8, 0))
    assert _shape(desk) is Pointer.LINK
    for column in (2, 8, 30, 70):
        desk.click(column, 0)
    assert desk.followed == ["https://example.org/", "http://plain.example", "http://www.b.example"]
    assert not desk.terminal.selection.active or desk.copies == []


def test_a_link_that_output_has_replaced_is_not_shown_any_more(desk: Desk) -> None:
    desk.show(OSC8.format("https://example.org/", "here"))
    desk.point(*desk.pixel(2, 0))
    desk.terminal.feed(b"more")
    assert _shape(desk) is Pointer.LINK
    desk.terminal.feed(b"\x1b[H\x1b[2Jother text")
    assert desk.terminal.pointing.link is None
    assert _shape(desk) is Pointer.TEXT


def test_a_program_with_the_mouse_gets_the_click(desk: Desk) -> None:
    desk.show("\x1b[?1000h" + OSC8.format("https://example.org/", "here"))
    desk.hold("ctrl")
    assert desk.click(2, 0) != b""
    assert desk.followed == []


def _shape(desk: Desk) -> Pointer:
    return desk.terminal.pointing.shape
