"""Encode pointer events for a host: xterm's mouse tracking.

The modes and formats are those of xterm's control sequences, "Mouse Tracking".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from terminal.engines.contents import MouseFormat, MouseTracking
from terminal.input.keymap import Modifiers

WHEEL_ROWS = 3
"""Rows per step of the wheel."""

_X10_LAST = 223
"""The last cell that a one-byte format can express."""
_UTF8_LAST = 2015


class Button(IntFlag):
    """A Guacamole button mask."""

    NONE = 0
    LEFT = 1
    MIDDLE = 2
    RIGHT = 4
    WHEEL_UP = 8
    WHEEL_DOWN = 16


WHEEL = Button.WHEEL_UP | Button.WHEEL_DOWN
REAL_BUTTONS = (Button.LEFT, Button.MIDDLE, Button.RIGHT)

_CODES = {
    Button.LEFT: 0,
    Button.MIDDLE: 1,
    Button.RIGHT: 2,
    Button.NONE: 3,
    Button.WHEEL_UP: 64,
    Button.WHEEL_DOWN: 65,
}
_MOTION = 32
_MODIFIER_BITS = {Modifiers.SHIFT: 4, Modifiers.ALT: 8, Modifiers.META: 8, Modifiers.CTRL: 16}


class Action(IntEnum):
    """An action of a button or the pointer."""

    PRESS = 0
    RELEASE = 1
    MOVE = 2


@dataclass(frozen=True, slots=True)
class PointerEvent:
    """An event at a cell and at a pixel of the text, all counted from 0."""

    action: Action
    button: Button
    """For a move, the button that is held, or NONE."""
    column: int
    row: int
    x: int
    y: int
    modifiers: Modifiers = Modifiers.NONE


def report(event: PointerEvent, tracking: MouseTracking, form: MouseFormat) -> bytes:
    """Return the bytes that report an event to the host; empty if it did not request such
    events."""
    if not _is_wanted(event, tracking):
        return b""
    code = _CODES[event.button]
    if event.action is Action.MOVE:
        code += _MOTION
    if tracking is not MouseTracking.PRESS:
        held = {bit for flag, bit in _MODIFIER_BITS.items() if event.modifiers & flag}
        code += sum(held)
    return _FORMATS[form](event, code)


def _is_wanted(event: PointerEvent, tracking: MouseTracking) -> bool:
    if event.button & WHEEL and event.action is not Action.PRESS:
        return False
    if tracking is MouseTracking.PRESS:
        return event.action is Action.PRESS
    if event.action is not Action.MOVE:
        return tracking is not MouseTracking.NONE
    if tracking is MouseTracking.DRAG:
        return event.button is not Button.NONE
    return tracking is MouseTracking.MOTION


def _x10(event: PointerEvent, code: int) -> bytes:
    column, row = event.column + 1, event.row + 1
    if column > _X10_LAST or row > _X10_LAST:
        return b""
    return b"\x1b[M" + bytes([32 + _released(event, code), 32 + column, 32 + row])


def _utf8(event: PointerEvent, code: int) -> bytes:
    column, row = event.column + 1, event.row + 1
    if column > _UTF8_LAST or row > _UTF8_LAST:
        return b""
    numbers = (_released(event, code), column, row)
    return b"\x1b[M" + "".join(chr(32 + number) for number in numbers).encode()


def _urxvt(event: PointerEvent, code: int) -> bytes:
    return b"\x1b[%d;%d;%dM" % (32 + _released(event, code), event.column + 1, event.row + 1)


def _sgr(event: PointerEvent, code: int) -> bytes:
    return _sgr_at(event, code, event.column + 1, event.row + 1)


def _sgr_pixels(event: PointerEvent, code: int) -> bytes:
    return _sgr_at(event, code, event.x + 1, event.y + 1)


def _sgr_at(event: PointerEvent, code: int, x: int, y: int) -> bytes:
    final = b"m" if event.action is Action.RELEASE else b"M"
    return b"\x1b[<%d;%d;%d%b" % (code, x, y, final)


def _released(event: PointerEvent, code: int) -> int:
    """The code of a release; older formats do not identify the button."""
    return code | _CODES[Button.NONE] if event.action is Action.RELEASE else code


_FORMATS = {
    MouseFormat.X10: _x10,
    MouseFormat.UTF8: _utf8,
    MouseFormat.SGR: _sgr,
    MouseFormat.URXVT: _urxvt,
    MouseFormat.SGR_PIXELS: _sgr_pixels,
}
