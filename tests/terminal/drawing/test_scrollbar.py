"""The scroll bar: its geometry, and what clicks and drags do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.display.geometry import Rect
from terminal.drawing.scrollbar import HANDLE_MIN, PADDING, ScrollbarGeometry
from terminal.engines.contents import Scrollbar
from terminal.input.pointing import Pointer
from tests.terminal.desk import Desk

TRACK = Rect(1008, 0, 16, 768)


def test_the_handle_shows_what_part_is_visible() -> None:
    bottom = ScrollbarGeometry(TRACK, Scrollbar(78, 39, 39)).handle
    assert (bottom.x, bottom.width) == (1010, 12)
    assert bottom.height == 764 // 2
    assert bottom.bottom == 768 - PADDING
    top = ScrollbarGeometry(TRACK, Scrollbar(78, 0, 39)).handle
    assert top.y == PADDING


def test_the_handle_stays_large_enough_to_take() -> None:
    handle = ScrollbarGeometry(TRACK, Scrollbar(100_000, 0, 39)).handle
    assert handle.height == HANDLE_MIN


def test_hidden_when_there_is_nothing_to_scroll() -> None:
    assert ScrollbarGeometry(TRACK, Scrollbar(39, 0, 39)).hidden
    assert not ScrollbarGeometry(TRACK, Scrollbar(40, 1, 39)).hidden


@given(
    height=st.integers(1, 3000),
    visible=st.integers(1, 1024),
    more=st.integers(0, 100_000),
    data=st.data(),
)
def test_the_handle_lies_within_the_track(
    height: int, visible: int, more: int, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(0, more))
    track = Rect(100, 0, 16, height)
    geometry = ScrollbarGeometry(track, Scrollbar(visible + more, offset, visible))
    handle = geometry.handle
    assert handle.height > 0
    if height > 2 * PADDING:
        assert track.contains(handle)
    y = data.draw(st.integers(-100, height + 100))
    assert 0 <= geometry.row_at(y) <= more


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.show(*map(str, range(1000)))
    return desk


def offset(desk: Desk) -> int:
    return desk.terminal.emulator.scrollbar.offset


def shape(desk: Desk) -> Pointer:
    return desk.terminal.pointing.shape


def test_a_click_on_the_track_jumps(desk: Desk) -> None:
    most = offset(desk)
    desk.point(1015, 384, 1)
    desk.point(1015, 384)
    assert abs(offset(desk) - most / 2) < 2
    desk.point(1015, 0, 1)
    desk.point(1015, 0)
    assert offset(desk) == 0


def test_dragging_the_handle_scrolls(desk: Desk) -> None:
    most = offset(desk)
    desk.point(1015, 760, 1)
    assert offset(desk) == most, "taking the handle moves nothing"
    desk.point(1015, 410, 1)
    assert abs(offset(desk) - most / 2) < most * 0.02
    desk.point(300, 0, 1)
    assert offset(desk) == 0, "the pointer may leave the bar"
    desk.point(300, 900, 1)
    desk.point(300, 900)
    assert offset(desk) == most
    desk.point(300, 0)
    assert offset(desk) == most, "the button is up"
    assert not desk.copies


def test_keys(desk: Desk) -> None:
    most = offset(desk)
    rows = desk.terminal.layout.rows
    expected = most
    for name, change in (("PageUp", 1 - rows), ("Up", -1), ("PageDown", rows - 1), ("Up", -1),
                         ("Down", 1), ("Home", -most), ("End", most)):  # fmt: skip
        assert desk.press("shift", name) == b""
        expected = min(max(expected + change, 0), most)
        assert offset(desk) == expected


def test_typing_jumps_to_the_bottom(desk: Desk) -> None:
    desk.press("shift", "Home")
    assert offset(desk) == 0
    desk.press("shift")
    assert offset(desk) == 0, "a modifier is not typing"
    desk.press("x")
    assert desk.terminal.emulator.scrollbar.at_bottom


def test_on_the_alternate_screen_the_keys_are_the_hosts() -> None:
    desk = Desk(terminal_type="xterm")
    desk.terminal.feed(b"\x1b[?1049h")
    assert desk.press("shift", "PageUp") == b"\x1b[5;2~"


def test_the_pointer_is_an_arrow_over_the_bar(desk: Desk) -> None:
    desk.point(1015, 300)
    assert shape(desk) is Pointer.ARROW
    desk.point(500, 300)
    assert shape(desk) is Pointer.TEXT
    desk.press("x")
    assert shape(desk) is Pointer.HIDDEN


def test_the_pointer_is_a_hand_over_a_link() -> None:
    desk = Desk()
    desk.terminal.feed(b"\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\ text")
    desk.point(*desk.pixel(2, 0))
    assert shape(desk) is Pointer.LINK
    desk.point(*desk.pixel(6, 0))
    assert shape(desk) is Pointer.TEXT
