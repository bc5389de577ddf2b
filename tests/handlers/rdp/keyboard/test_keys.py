"""Keys that type no character, and the keypad."""

from __future__ import annotations

import pytest

from tests.handlers.rdp.keyboard.receiver import (
    ALT_L,
    CONTROL_L,
    NUM_LOCK,
    SHIFT_L,
    SUPER_L,
    Desk,
)

KP_DIGITS = range(0xFFB0, 0xFFBA)
KP_HOME, KP_7, KP_DECIMAL, KP_SEPARATOR, KP_BEGIN = 0xFF95, 0xFFB7, 0xFFAE, 0xFFAC, 0xFF9D
PAUSE, BREAK, PRINT = 0xFF13, 0xFF6B, 0xFF61
TAB, LEFT_TAB = 0xFF09, 0xFE20


@pytest.mark.parametrize(
    ("keysym", "code"),
    [
        (0xFF08, 0x0E), (0xFF09, 0x0F), (0xFF0D, 0x1C), (0xFF1B, 0x01), (0xFFBE, 0x3B),
        (0xFFC7, 0x44), (0xFFC8, 0x57), (0xFFC9, 0x58), (0xFFCA, 0x64), (0xFFD5, 0x76),
        (0xFF50, 0x147), (0xFF57, 0x14F), (0xFF55, 0x149), (0xFF56, 0x151), (0xFF63, 0x152),
        (0xFFFF, 0x153), (0xFF51, 0x14B), (0xFF52, 0x148), (0xFF53, 0x14D), (0xFF54, 0x150),
        (0xFF67, 0x15D), (0xFF8D, 0x11C), (0xFFAF, 0x135), (0xFFAA, 0x37), (0xFFAB, 0x4E),
        (0xFFAD, 0x4A), (PRINT, 0x137), (0xFF14, 0x46), (0x1008FF11, 0x12E), (0x1008FF12, 0x120),
        (0x1008FF13, 0x130), (0x1008FF14, 0x122), (0x1008FF17, 0x119), (BREAK, 0x146),
        (0xFF91, 0x3B), (KP_HOME, 0x47), (0xFF9F, 0x53),
    ],
)  # fmt: skip
def test_function_keys(keysym: int, code: int) -> None:
    desk = Desk("de-de-qwertz")
    desk.press(keysym)
    assert desk.receiver.commands == [("", code)]
    assert desk.receiver.down == {code}
    desk.release(keysym)
    assert desk.receiver.down == set()


def test_digits_of_the_keypad_turn_num_lock_on() -> None:
    desk = Desk("de-de-qwertz")
    desk.press(SHIFT_L)
    for keysym in KP_DIGITS:
        desk.stroke(keysym)
    assert desk.receiver.text == "0123456789"
    assert (desk.receiver.num, desk.receiver.syncs) == (True, 1)
    assert desk.receiver.down == {0x2A}


@pytest.mark.parametrize(("name", "decimal"), [("de-de-qwertz", ","), ("en-us-qwerty", ".")])
def test_the_decimal_key(name: str, decimal: str) -> None:
    desk = Desk(name, num=True)
    desk.press(KP_DECIMAL)
    assert desk.receiver.down == {0x53}
    desk.release(KP_DECIMAL)
    desk.press(KP_SEPARATOR)
    assert desk.receiver.down == {0x53 if decimal == "," else 0x33}
    assert desk.receiver.text == decimal + ","


@pytest.mark.parametrize("keysym", range(0xFF95, 0xFFA0))
def test_other_keys_of_the_keypad_type_no_digit(keysym: int) -> None:
    desk = Desk("en-us-qwerty", num=True)
    desk.stroke(keysym)
    assert desk.receiver.text == ""
    assert desk.receiver.syncs == 0
    assert len(desk.receiver.commands) == 1


def test_a_code_with_alt_needs_no_num_lock() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(ALT_L)
    for keysym in (0xFFB0, 0xFFB1, 0xFFB6, 0xFFB3):
        desk.stroke(keysym)
    desk.release(ALT_L)
    assert desk.receiver.commands == [("A", 0x52), ("A", 0x4F), ("A", 0x4D), ("A", 0x51)]
    assert desk.receiver.syncs == 0


def test_ctrl_and_a_digit_of_the_keypad() -> None:
    desk = Desk("en-us-qwerty")
    desk.stroke(CONTROL_L, 0xFFB0)
    assert desk.receiver.commands == [("C", 0x52)]
    assert desk.receiver.num
    assert desk.receiver.down == set()


def test_num_lock_waits_while_a_windows_key_is_down() -> None:
    desk = Desk("en-us-qwerty")
    desk.stroke(SUPER_L, 0xFFB1)
    assert desk.receiver.commands == [("W", 0x4F)]
    assert desk.receiver.syncs == 0


def test_the_num_lock_key_turns_it_on_and_off() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(NUM_LOCK, NUM_LOCK)  # the second one repeats
    desk.release(NUM_LOCK)
    assert desk.receiver.num
    desk.stroke(KP_7)
    desk.stroke(NUM_LOCK)
    desk.stroke(KP_HOME)
    assert desk.receiver.text == "7"
    assert desk.receiver.commands == [("", 0x45), ("", 0x47)]
    assert desk.receiver.syncs == 0


def test_pause() -> None:
    desk = Desk("en-us-qwerty")
    desk.stroke(PAUSE)
    assert desk.receiver.pauses == 1
    desk.stroke(CONTROL_L, PAUSE)
    assert desk.receiver.commands == [("C", 0x146)]
    assert desk.receiver.pauses == 1
    assert desk.receiver.down == set()


def test_print_screen_with_alt() -> None:
    desk = Desk("de-de-qwertz")
    desk.stroke(ALT_L, PRINT)
    desk.stroke(SHIFT_L, PRINT)
    assert desk.receiver.commands == [("A", 0x54), ("S", 0x137)]


def test_the_left_tab() -> None:
    desk = Desk("en-us-qwerty")
    desk.stroke(LEFT_TAB)
    desk.stroke(SHIFT_L, LEFT_TAB)
    assert desk.receiver.commands == [("S", 0x0F), ("S", 0x0F)]
    assert desk.receiver.down == set()


@pytest.mark.parametrize(
    ("name", "keysym", "code"),
    [
        ("ja-jp-qwerty", 0xFF2A, 0x29),
        ("ja-jp-qwerty", 0xFF28, 0x29),
        ("ja-jp-qwerty", 0xFF22, 0x7B),
        ("ja-jp-qwerty", 0xFF23, 0x79),
        ("ja-jp-qwerty", 0xFF27, 0x70),
        ("ja-jp-qwerty", 0xFF30, 0x3A),
        ("en-us-qwerty", 0xFF2A, None),
        ("en-us-qwerty", 0xFF23, 0x79),
        ("ko-kr-qwerty", 0xFF34, None),
        ("en-us-qwerty", 0xFF31, 0x72),
    ],
)
def test_keys_of_input_methods(name: str, keysym: int, code: int | None) -> None:
    desk = Desk(name)
    desk.press(keysym)
    assert desk.receiver.commands == ([("", code)] if code else [])
    assert desk.receiver.down == set()


def test_the_alphanumeric_key_is_not_caps_lock() -> None:
    desk = Desk("ja-jp-qwerty")
    desk.press(SHIFT_L, 0xFF30)
    assert not desk.receiver.caps
    assert desk.receiver.down == {0x2A}


def test_hangul_is_the_right_alt_of_a_korean_keyboard() -> None:
    desk = Desk("ko-kr-qwerty")
    sent = []
    desk.receiver.scancode = (  # type: ignore[method-assign]
        lambda code, *, extended, pressed: sent.append((code, extended, pressed))
    )
    desk.stroke(0xFF31)
    desk.stroke(0xFF34)
    assert sent == [
        (0x38, True, True),
        (0x38, True, False),
        (0x1D, True, True),
        (0x1D, True, False),
    ]


def test_caps_lock_needs_shift_on_a_japanese_keyboard() -> None:
    desk = Desk("ja-jp-qwerty")
    sent = []
    desk.receiver.scancode = (  # type: ignore[method-assign]
        lambda code, *, extended, pressed: sent.append((code, pressed))
    )
    desk.stroke(0xFFE5)
    assert sent == [(0x2A, True), (0x3A, True), (0x3A, False), (0x2A, False)]
    assert desk.keyboard.locks.caps


@pytest.mark.parametrize(
    "keysym",
    [-1, 0, 1, 0x1F, 0x7F, 0x80, 0xFFEF + 0xF000, 0x0100D800, 0x01110000, 1 << 29, 1 << 64],
)
def test_other_keysyms_have_no_effect(keysym: int) -> None:
    desk = Desk("de-de-qwertz")
    desk.stroke(keysym)
    assert desk.receiver.down == set()
    assert (desk.receiver.text, desk.receiver.commands) == ("", [])
