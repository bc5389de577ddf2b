"""Mouse reports as xterm writes them, through a terminal whose host has asked for them."""

from __future__ import annotations

import pytest

from terminal.engines.contents import MouseFormat, MouseTracking
from terminal.input.keymap import Modifiers
from terminal.input.mouse import Action, Button, PointerEvent, report
from tests.terminal.desk import Desk

LEFT, MIDDLE, RIGHT = 1, 2, 4


def desk(*modes: int) -> Desk:
    desk = Desk()
    for mode in modes:
        desk.terminal.feed(b"\x1b[?%dh" % mode)
    return desk


@pytest.mark.parametrize(
    ("modes", "press", "release"),
    [
        ([1000], b"\x1b[M %&", b"\x1b[M#%&"),
        ([1000, 1005], b"\x1b[M %&", b"\x1b[M#%&"),
        ([1000, 1006], b"\x1b[<0;5;6M", b"\x1b[<0;5;6m"),
        ([1000, 1015], b"\x1b[32;5;6M", b"\x1b[35;5;6M"),
        ([1000, 1016], b"\x1b[<0;46;105M", b"\x1b[<0;46;105m"),
        ([9], b"\x1b[M %&", b""),
        ([9, 1006], b"\x1b[<0;5;6M", b""),
    ],
)
def test_press_and_release(modes: list[int], press: bytes, release: bytes) -> None:
    with_modes = desk(*modes)
    place = with_modes.pixel(4.5, 5)
    assert with_modes.point(*place, LEFT) == press
    assert with_modes.point(*place) == release


def test_buttons() -> None:
    with_mouse = desk(1000, 1006)
    codes = [with_mouse.click(0, 0, button=button) for button in (LEFT, MIDDLE, RIGHT)]
    assert codes == [b"\x1b[<%d;1;1M\x1b[<%d;1;1m" % (code, code) for code in range(3)]
    assert with_mouse.wheel(up=True, column=0, row=0) == b"\x1b[<64;1;1M"
    assert with_mouse.wheel(up=False, column=0, row=0) == b"\x1b[<65;1;1M"


def test_two_buttons_at_once() -> None:
    with_mouse = desk(1000, 1006)
    place = with_mouse.pixel(0, 0)
    assert with_mouse.point(*place, LEFT | RIGHT) == b"\x1b[<0;1;1M\x1b[<2;1;1M"
    assert with_mouse.point(*place, RIGHT) == b"\x1b[<0;1;1m"
    assert with_mouse.point(*place) == b"\x1b[<2;1;1m"


def test_moves_by_mode() -> None:
    for mode, dragged, free in ((1000, b"", b""), (1002, b"\x1b[<32;3;1M", b""),
                                (1003, b"\x1b[<32;3;1M", b"\x1b[<35;4;1M")):  # fmt: skip
        with_mouse = desk(mode, 1006)
        with_mouse.point(*with_mouse.pixel(1, 0), LEFT)
        assert with_mouse.point(*with_mouse.pixel(2, 0), LEFT) == dragged
        assert with_mouse.point(*with_mouse.pixel(2.5, 0), LEFT) == b"", "the same cell"
        with_mouse.point(*with_mouse.pixel(2, 0))
        assert with_mouse.point(*with_mouse.pixel(3, 0)) == free


def test_pixels_are_reported_as_they_change() -> None:
    with_mouse = desk(1003, 1016)
    with_mouse.point(100, 100)
    assert with_mouse.point(101, 100) == b"\x1b[<35;95;94M"


def test_modifiers_are_told() -> None:
    with_mouse = desk(1000, 1006)
    with_mouse.hold("ctrl")
    assert with_mouse.click(0, 0) == b"\x1b[<16;1;1M\x1b[<16;1;1m"
    with_mouse.hold("alt")
    assert with_mouse.click(0, 0) == b"\x1b[<24;1;1M\x1b[<24;1;1m"


def test_shift_keeps_the_pointer_for_selecting() -> None:
    with_mouse = desk(1003, 1006)
    with_mouse.show("hello")
    with_mouse.hold("shift")
    assert with_mouse.drag((0, 0), (4.9, 0)) == b""
    assert with_mouse.copies == ["hello"]
    with_mouse.hold("shift", down=False)
    with_mouse.terminal.feed(b"\x1b[?1003l")
    assert with_mouse.drag((0, 0), (2, 0)) == b""
    assert with_mouse.copies == ["hello", "he"]


def test_a_drag_that_began_with_the_host_ends_with_it() -> None:
    with_mouse = desk(1002, 1006)
    with_mouse.point(*with_mouse.pixel(0, 0), LEFT)
    with_mouse.hold("shift")
    assert with_mouse.point(*with_mouse.pixel(1, 0), LEFT) == b"\x1b[<36;2;1M"
    assert with_mouse.point(*with_mouse.pixel(1, 0)) == b"\x1b[<4;2;1m"
    assert not with_mouse.copies


@pytest.mark.parametrize(
    ("form", "last"), [(MouseFormat.X10, 222), (MouseFormat.UTF8, 2014), (MouseFormat.SGR, 10**6)]
)
def test_cells_that_a_format_cannot_tell_are_not_told(form: MouseFormat, last: int) -> None:
    def press(column: int) -> bytes:
        event = PointerEvent(Action.PRESS, Button.LEFT, column, 0, 0, 0, Modifiers.NONE)
        return report(event, MouseTracking.BUTTONS, form)

    assert press(last)
    if form is not MouseFormat.SGR:
        assert press(last + 1) == b""
    assert press(300 if form is not MouseFormat.X10 else 200).isascii() == (form is MouseFormat.SGR)


def test_the_wheel_scrolls_three_rows() -> None:
    without = Desk()
    without.show(*map(str, range(100)))
    bottom = without.terminal.emulator.scrollbar.offset
    assert without.wheel(up=True) == b""
    assert without.terminal.emulator.scrollbar.offset == bottom - 3
    without.wheel(up=False)
    assert without.terminal.emulator.scrollbar.at_bottom


def test_the_wheel_presses_arrows_on_the_alternate_screen() -> None:
    without = desk(1049)
    assert without.wheel(up=True) == b"\x1b[A" * 3
    without.terminal.feed(b"\x1b[?1h")
    assert without.wheel(up=False) == b"\x1bOB" * 3
    without.terminal.feed(b"\x1b[?1007l")
    assert without.wheel(up=False) == b""
