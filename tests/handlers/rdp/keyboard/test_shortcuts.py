"""Shortcuts are typed with the key of the letter; modifiers stay as they are."""

from __future__ import annotations

import pytest

from tests.handlers.rdp.keyboard.receiver import (
    ALT_L,
    ALT_R,
    ALTGR,
    CONTROL_L,
    CONTROL_R,
    SHIFT_L,
    SUPER_L,
    Desk,
    keysym,
)

DELETE, F4, TAB = 0xFFFF, 0xFFC1, 0xFF09


@pytest.mark.parametrize(
    ("name", "keys", "command"),
    [
        ("en-us-qwerty", (CONTROL_L, "c"), ("C", 0x2E)),
        ("en-us-qwerty", (CONTROL_L, "C"), ("C", 0x2E)),  # with the user's Caps Lock
        ("en-us-qwerty", (CONTROL_R, SHIFT_L, "T"), ("SC", 0x14)),
        ("en-us-qwerty", (CONTROL_L, ALT_L, DELETE), ("CA", 0x153)),
        ("en-us-qwerty", (ALT_L, F4), ("A", 0x3E)),
        ("en-us-qwerty", (ALT_R, F4), ("A", 0x3E)),
        ("en-us-qwerty", (ALT_L, TAB), ("A", 0x0F)),
        ("en-us-qwerty", (SUPER_L, "r"), ("W", 0x13)),
        ("en-us-qwerty", (SUPER_L, "."), ("W", 0x34)),
        ("en-us-qwerty", (CONTROL_L, "?"), ("C", 0x35)),
        ("en-us-qwerty", (CONTROL_L, SHIFT_L, "+"), ("SC", 0x0D)),
        ("de-de-qwertz", (CONTROL_L, "z"), ("C", 0x15)),
        ("de-de-qwertz", (CONTROL_L, "+"), ("C", 0x1B)),
        ("de-de-qwertz", (CONTROL_L, "/"), ("C", 0x08)),  # Shift+7, but Shift is not down
        ("de-de-qwertz", (ALT_L, "@"), ("A", 0x10)),
        ("de-de-qwertz", (SUPER_L, "l"), ("W", 0x26)),
        ("fr-fr-azerty", (CONTROL_L, "a"), ("C", 0x10)),
        ("fr-fr-azerty", (CONTROL_L, "1"), ("C", 0x02)),
        ("fr-fr-azerty", (CONTROL_L, "&"), ("C", 0x02)),
        ("tr-tr-f", (CONTROL_L, "c"), ("C", 0x2F)),
        ("en-us-dvorak", (CONTROL_L, "c"), ("C", 0x17)),
        ("ru-ru-qwerty", (CONTROL_L, "c"), ("C", 0x2E)),
        ("ru-ru-qwerty", (CONTROL_L, "с"), ("C", 0x2E)),
        ("en-us-qwerty", (CONTROL_L, "с"), ("C", 0x2E)),  # a Russian keyboard
        ("en-us-qwerty", (CONTROL_L, "х"), ("C", 0x1A)),
        ("en-us-qwerty", (CONTROL_L, "ω"), ("C", 0x2F)),
        ("el-gr-qwerty", (CONTROL_L, "c"), ("C", 0x2E)),
        ("failsafe", (CONTROL_L, "c"), ("C", 0x2E)),
        ("failsafe", (SUPER_L, "r"), ("W", 0x13)),
        ("failsafe", (CONTROL_L, ALT_L, DELETE), ("CA", 0x153)),
    ],
)
def test_shortcuts(name: str, keys: tuple[int | str, ...], command: tuple[str, int]) -> None:
    desk = Desk(name)
    keysyms = [keysym(one) if isinstance(one, str) else one for one in keys]
    desk.press(*keysyms)
    assert desk.receiver.commands == [command]
    assert desk.receiver.units == []
    desk.release(*reversed(keysyms))
    assert desk.receiver.down == set()


def test_a_shortcut_repeats_and_is_released() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(CONTROL_L, keysym("z"), keysym("z"), keysym("z"))
    assert desk.receiver.commands == [("C", 0x2C)] * 3
    desk.release(CONTROL_L, keysym("z"))
    assert desk.receiver.down == set()


def test_ctrl_and_alt_with_a_character_that_does_not_need_altgr_are_a_shortcut() -> None:
    for name, code in (("de-de-qwertz", 0x34), ("en-us-qwerty", 0x34)):
        desk = Desk(name)
        desk.stroke(CONTROL_L, ALT_L, keysym("."))
        desk.press(CONTROL_L, ALT_L)
        assert desk.keyboard.layout.key(".") == code
        assert desk.receiver.unicode_units == 0
        assert desk.receiver.down == {0x1D, 0x38}


def test_altgr_with_alt_is_a_shortcut() -> None:
    desk = Desk("de-de-qwertz")
    desk.press(ALTGR, ALT_L, 0xFFC1)
    assert desk.receiver.down == {0x138, 0x38, 0x3E}
    desk.press(keysym("語"))
    desk.keyboard.release_all()
    assert desk.receiver.down == set()


def test_a_character_that_the_layout_lacks_is_sent_as_such() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(CONTROL_L)
    assert desk.type("語") == "語"
    assert desk.receiver.down == {0x1D}
