"""Every mode that is claimed works: what DECRQM says can be set does something when it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from terminal.input.mouse import Button
from tests.terminal.conformance.case import ENGINES, screen_of
from tests.terminal.desk import Desk, keysym

HIGHEST = 3000
Observe = Callable[[Desk], Any]


def _feed(desk: Desk, data: str) -> Desk:
    desk.terminal.feed(data.encode())
    return desk


def _position(desk: Desk) -> tuple[int, int]:
    cursor = desk.terminal.emulator.update(full=True).cursor
    return cursor.column, cursor.row


def _screen(desk: Desk, data: str) -> tuple[str, ...]:
    return screen_of(_feed(desk, data).terminal.emulator)


def _pointer(desk: Desk, *masks: int, at: int = 300) -> list[bytes]:
    """Return the reports to the host while the pointer moves right with these buttons held."""
    desk.terminal.feed(b"\x1b[?1000h" if desk.terminal.emulator.mouse_tracking.value == 0 else b"")
    steps = enumerate(masks)
    return [desk.terminal.mouse(desk.person, at + 40 * n, 200, mask, n) for n, mask in steps]


def _reports(desk: Desk, *masks: int) -> list[bytes]:
    steps = enumerate(masks)
    return [desk.terminal.mouse(desk.person, 300 + 40 * n, 200, mask, n) for n, mask in steps]


def _repeated(desk: Desk) -> bytes:
    desk.terminal.key(desk.person, keysym("a"), True)
    return desk.terminal.key(desk.person, keysym("a"), True)


def _recoloured(desk: Desk) -> list[bytes]:
    desk.terminal.set_colour_scheme("black-white")
    return desk.replies[-1:]


def _resized(desk: Desk) -> list[bytes]:
    before = len(desk.replies)
    desk.terminal.resize(500, 500)
    return desk.replies[before:]


def _restored(desk: Desk) -> tuple[int, int]:
    """Return where DECRC moves the cursor if the mode was set at another place."""
    return _position(_feed(desk, "\x1b8"))


_LEFT = int(Button.LEFT)
PRIVATE: dict[int, Observe] = {
    1: lambda desk: desk.press("Up"),
    5: lambda desk: desk.terminal.background,
    6: lambda desk: _position(_feed(desk, "\x1b[3;9r\x1b[2;2H")),
    7: lambda desk: _screen(desk, "\x1b[H" + 120 * "x"),
    8: _repeated,
    9: lambda desk: _reports(desk, _LEFT),
    12: lambda desk: desk.terminal.emulator.update(full=True).cursor.blinking,
    25: lambda desk: desk.terminal.emulator.update(full=True).cursor.visible,
    45: lambda desk: _position(_feed(desk, "\x1b[H" + 110 * "x" + "\r\b")),
    47: lambda desk: desk.terminal.emulator.alternate_screen,
    66: lambda desk: desk.terminal.key(desk.person, keysym("KP_7"), True),
    67: lambda desk: desk.press("Backspace"),
    69: lambda desk: _position(_feed(desk, "\x1b[5;9s\x1b[H0123456789")),
    1000: lambda desk: _reports(desk, _LEFT, 0),
    1002: lambda desk: _reports(desk, _LEFT, _LEFT),
    1003: lambda desk: _reports(desk, 0, 0),
    1004: lambda desk: desk.terminal.focus(True),
    1005: lambda desk: _pointer(desk, _LEFT, at=990),
    1006: lambda desk: _pointer(desk, _LEFT),
    1007: lambda desk: _reports(_feed(desk, "\x1b[?1049h"), int(Button.WHEEL_UP)),
    1015: lambda desk: _pointer(desk, _LEFT),
    1016: lambda desk: _pointer(desk, _LEFT),
    1045: lambda desk: _position(_feed(desk, "\x1b[?45h\x1b[H\b")),
    1047: lambda desk: desk.terminal.emulator.alternate_screen,
    1048: _restored,
    1049: lambda desk: desk.terminal.emulator.alternate_screen,
    2004: lambda desk: desk.terminal.paste("text"),
    2026: lambda desk: desk.terminal.emulator.mode(2026),
    2027: lambda desk: _position(_feed(desk, "\r\U0001f44d\U0001f3fd")),
    2031: _recoloured,
    2048: _resized,
}
"""What shows whether a mode is set. 2026 is seen to by `handlers.terminal`, whose tests have it."""
ANSI: dict[int, Observe] = {
    4: lambda desk: _screen(desk, "abc\rx"),
    20: lambda desk: desk.press("Enter"),
}


def _states(desk: Desk, prefix: str) -> dict[int, int]:
    """Return the state of each mode, as reported to DECRQM."""
    desk.replies.clear()
    _feed(desk, "".join(f"\x1b[{prefix}{number}$p" for number in range(HIGHEST)))
    answers = b"".join(desk.replies).decode()
    found = re.findall(rf"\x1b\[{re.escape(prefix)}(\d+);(\d)\$y", answers)
    assert len(found) == HIGHEST
    return {int(number): int(state) for number, state in found}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("prefix", "known"), [("?", PRIVATE), ("", ANSI)], ids=["private", "ansi"])
def test_no_other_mode_is_claimed(engine: str, prefix: str, known: dict[int, Observe]) -> None:
    states = _states(Desk(engine=engine), prefix)
    assert {number for number, state in states.items() if state in (1, 2)} == set(known)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("prefix", "number"), [*(("?", number) for number in PRIVATE), *(("", n) for n in ANSI)]
)
def test_a_mode_that_is_claimed_works(engine: str, prefix: str, number: int) -> None:
    seen = []
    for final, state in (("l", 2), ("h", 1)):
        desk = Desk(engine=engine, terminal_type="vt220")
        _feed(desk, f"\x1b[5;5H\x1b[{prefix}{number}{final}")
        assert f"{number};{state}$y" in _answer(desk, f"\x1b[{prefix}{number}$p")
        if number != 1048:
            _feed(desk, "\x1b[H")
        seen.append((PRIVATE if prefix else ANSI)[number](desk))
    assert seen[0] != seen[1]


@pytest.mark.parametrize("engine", ENGINES)
def test_modes_that_are_fixed_stay(engine: str) -> None:
    desk = Desk(engine=engine)
    for prefix in ("?", ""):
        before = {number: state for number, state in _states(desk, prefix).items() if state > 2}
        assert before
        for number in before:
            _feed(desk, f"\x1b[{prefix}{number}h\x1b[{prefix}{number}l")
        after = _states(desk, prefix)
        assert {number: after[number] for number in before} == before
    assert desk.terminal.emulator.columns == Desk(engine=engine).terminal.emulator.columns
    assert desk.press("alt", "x") == b"\x1bx"


def _answer(desk: Desk, question: str) -> str:
    desk.replies.clear()
    return b"".join(_feed(desk, question).replies).decode()
