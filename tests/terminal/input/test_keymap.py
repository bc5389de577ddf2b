"""Keys: what terminfo says programs expect, modifiers, and what must not stick."""

from __future__ import annotations

import re
import subprocess
from functools import cache

import pytest

from terminal.input.keymap import KeyMap, KeyModes, Modifiers
from tests.terminal.desk import Desk, keysym

_CURSOR = {"kcuu1": "Up", "kcud1": "Down", "kcuf1": "Right", "kcub1": "Left"}
_EDITING = {"khome": "Home", "kend": "End", "kich1": "Insert", "kdch1": "Delete",
            "kpp": "PageUp", "knp": "PageDown", "kcbt": "ISO_Left_Tab"}  # fmt: skip
_PLAIN = {**_CURSOR, **_EDITING}
_SHIFTED = {"kLFT": "Left", "kRIT": "Right", "kUP": "Up", "kDN": "Down", "kHOM": "Home",
            "kEND": "End", "kIC": "Insert", "kDC": "Delete", "kPRV": "PageUp",
            "kNXT": "PageDown"}  # fmt: skip


@cache
def _terminfo(terminal: str) -> dict[str, bytes]:
    try:
        listing = subprocess.run(
            ["infocmp", "-1x", terminal], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"no terminfo of {terminal} here")
    return {
        name: value.replace("\\E", "\x1b")
        .replace("^?", "\x7f")
        .replace("^H", "\b")
        .replace("^I", "\t")
        .encode()
        for name, value in re.findall(r"^\t(\w+)=(.*),$", listing, re.MULTILINE)
    }


def _modes(entry: dict[str, bytes]) -> KeyModes:
    """The modes that a program is in after it has sent `smkx`."""
    smkx = entry.get("smkx", b"")
    return KeyModes(application_cursor=b"?1h" in smkx, application_keypad=b"\x1b=" in smkx)


@pytest.mark.parametrize(
    "terminal",
    [
        "linux",
        "xterm",
        "xterm-256color",
        "xterm-color",
        "xterm-r6",
        "vt100",
        "vt220",
        "screen",
        "tmux-256color",
        "rxvt",
    ],
)
def test_keys_are_those_of_terminfo(terminal: str) -> None:
    entry = _terminfo(terminal)
    keymap = KeyMap(terminal)
    expected = {entry[cap]: name for cap, name in _PLAIN.items() if cap in entry}
    expected |= {entry[f"kf{n}"]: f"F{n}" for n in range(1, 21) if f"kf{n}" in entry}
    assert len(expected) > 10
    for data, name in expected.items():
        code = keysym("F1") + int(name[1:]) - 1 if name[0] == "F" else keysym(name)
        assert keymap.encode(code, "", Modifiers.NONE, _modes(entry)) == data, name


@pytest.mark.parametrize("terminal", ["xterm", "xterm-256color", "tmux-256color"])
def test_modified_keys_are_those_of_terminfo(terminal: str) -> None:
    entry = _terminfo(terminal)
    keymap = KeyMap(terminal)
    checked = 0
    for number in range(2, 8):
        for capability, name in _SHIFTED.items():
            data = entry.get(capability + ("" if number == 2 else str(number)))
            if data is not None:
                modifiers = Modifiers(number - 1)
                assert keymap.encode(keysym(name), "", modifiers, _modes(entry)) == data
                checked += 1
    assert checked > 40


def test_shift_and_a_function_key_is_a_further_function_key_on_the_linux_console() -> None:
    entry = _terminfo("linux")
    keymap = KeyMap("linux")
    shifted = [keymap.encode(keysym("F1") + n, "", Modifiers.SHIFT, KeyModes()) for n in range(8)]
    assert shifted == [entry[f"kf{number}"] for number in range(13, 21)]


def test_cursor_keys_without_application_mode() -> None:
    keymap = KeyMap("xterm-256color")
    for name, final in zip(["Up", "Down", "Right", "Left", "Home", "End"], b"ABCDHF", strict=True):
        data = keymap.encode(keysym(name), "", Modifiers.NONE, KeyModes())
        assert data == b"\x1b[%c" % final


def test_function_keys_by_parameter_go_before_the_terminal_type() -> None:
    console, vt100 = KeyMap("xterm", "esc"), KeyMap("linux", "vt100")
    keys = [keysym("F1") + n for n in range(5)]
    assert [console.encode(key, "", Modifiers.NONE, KeyModes()) for key in keys] == [
        b"\x1b[[A", b"\x1b[[B", b"\x1b[[C", b"\x1b[[D", b"\x1b[[E",
    ]  # fmt: skip
    assert [vt100.encode(key, "", Modifiers.NONE, KeyModes()) for key in keys] == [
        b"\x1bOP", b"\x1bOQ", b"\x1bOR", b"\x1bOS", b"\x1b[15~",
    ]  # fmt: skip


def test_application_keypad_where_a_terminal_has_one() -> None:
    modes = KeyModes(application_keypad=True)
    vt100 = KeyMap("linux", "vt100")
    assert vt100.encode(keysym("KP_7"), "7", Modifiers.NONE, modes) == b"\x1bOw"
    assert vt100.encode(keysym("KP_Enter"), "", Modifiers.NONE, modes) == b"\x1bOM"
    assert vt100.encode(keysym("KP_7"), "7", Modifiers.NONE, KeyModes()) == b"7"
    xterm = KeyMap("xterm")
    assert xterm.encode(keysym("KP_7"), "7", Modifiers.NONE, modes) == b"7"
    assert xterm.encode(keysym("KP_Enter"), "", Modifiers.NONE, modes) == b"\r"
    assert xterm.encode(keysym("KP_Home"), "", Modifiers.NONE, KeyModes()) == b"\x1b[H"


@pytest.mark.parametrize(
    ("keys", "data"),
    [
        (["a"], b"a"),
        (["é"], "é".encode()),
        (["€"], "€".encode()),
        (["😀"], "😀".encode()),
        (["ctrl", "a"], b"\x01"),
        (["ctrl", "shift", "A"], b"\x01"),
        (["ctrl", " "], b"\0"),
        (["ctrl", "@"], b"\0"),
        (["ctrl", "2"], b"\0"),
        (["ctrl", "3"], b"\x1b"),
        (["ctrl", "["], b"\x1b"),
        (["ctrl", "7"], b"\x1f"),
        (["ctrl", "_"], b"\x1f"),
        (["ctrl", "8"], b"\x7f"),
        (["ctrl", "?"], b"\x7f"),
        (["ctrl", "1"], b"1"),
        (["alt", "x"], b"\x1bx"),
        (["alt_r", "x"], b"\x1bx"),
        (["meta", "x"], b"\x1bx"),
        (["alt", "ctrl", "x"], b"\x1b\x18"),
        (["alt", "é"], b"\x1b\xc3\xa9"),
        (["Enter"], b"\r"),
        (["alt", "Enter"], b"\x1b\r"),
        (["Tab"], b"\t"),
        (["shift", "Tab"], b"\x1b[Z"),
        (["shift", "ISO_Left_Tab"], b"\x1b[Z"),
        (["Escape"], b"\x1b"),
        (["Backspace"], b"\x7f"),
        (["alt", "Backspace"], b"\x1b\x7f"),
        (["ctrl", "Backspace"], b"\x17"),
        (["ctrl", "Left"], b"\x1b[1;5D"),
        (["alt", "Up"], b"\x1b[1;3A"),
        (["ctrl", "shift", "Delete"], b"\x1b[3;6~"),
    ],
)
def test_what_keys_send(keys: list[str], data: bytes) -> None:
    assert Desk(terminal_type="xterm-256color").press(*keys) == data


@pytest.mark.parametrize("digit", range(10))
def test_ctrl_and_a_digit_of_the_keypad_is_the_digit(digit: int) -> None:
    """As on xterm."""
    desk = Desk(terminal_type="xterm-256color")
    for modifier, before in (("ctrl", b""), ("alt", b"\x1b")):
        desk.hold(modifier)
        sent = desk.terminal.key(desk.person, keysym("KP_7") - 7 + digit, True)
        assert sent == before + b"%d" % digit
        desk.hold(modifier, down=False)


def test_modes_of_the_host_change_what_keys_send() -> None:
    desk = Desk(terminal_type="xterm-256color")
    desk.terminal.feed(b"\x1b[?1h")
    assert desk.press("Up") == b"\x1bOA"
    desk.terminal.feed(b"\x1b[?1l\x1b[20h")
    assert desk.press("Up") == b"\x1b[A"
    assert desk.press("Enter") == b"\r\n"


def test_backspace_as_configured() -> None:
    assert Desk(backspace=8).press("Backspace") == b"\b"


@pytest.mark.parametrize("level_shift", ["altgr", "mode_switch"])
def test_a_character_made_with_altgr_is_just_the_character(level_shift: str) -> None:
    desk = Desk()
    assert desk.press(level_shift, "@") == b"@"
    # Windows adds Ctrl and Alt to it
    assert desk.press("ctrl", "alt_r", level_shift, "{") == b"{"
    assert desk.press("ctrl", "alt_r", "€") == "€".encode()
    assert desk.press("a") == b"a"


def test_either_key_of_a_pair_may_be_released_first() -> None:
    desk = Desk()
    desk.hold("ctrl")
    desk.hold("ctrl_r")
    desk.hold("ctrl", down=False)
    assert desk.press("c") == b"\x03"
    desk.hold("ctrl_r", down=False)
    assert desk.press("c") == b"c"


def test_shift_does_not_stick_after_a_lost_release() -> None:
    desk = Desk(terminal_type="xterm")
    desk.hold("shift")
    assert desk.press("Up") == b""  # scrolls
    assert desk.press("a") == b"a"
    assert desk.press("Up") == b"\x1b[A"


def test_altgr_does_not_stick_after_a_lost_release() -> None:
    desk = Desk()
    desk.hold("altgr")
    assert desk.press("@") == b"@"
    assert desk.press("ctrl", "c") == b"\x03"
    assert desk.press("alt", "x") == b"\x1bx"


def test_modifiers_of_one_person_are_not_those_of_another() -> None:
    desk, other = Desk(), Desk().person
    desk.hold("ctrl")
    assert desk.press("c", person=other) == b"c"
    assert desk.press("c") == b"\x03"


def test_a_key_that_means_nothing_sends_nothing() -> None:
    desk = Desk()
    for code in (0, -1, 0xFF14, 0xFFE5, 0xFF7F, 0x0100D800, 0x01110000, 0x7FFFFFFF, 0xFE0A):
        assert desk.terminal.key(desk.person, code, True) == b""
        assert desk.terminal.key(desk.person, code, False) == b""


def test_ctrl_c_after_anything() -> None:
    desk = Desk()
    for code in range(0xFE00, 0x10000):
        desk.terminal.key(desk.person, code, True)
        desk.terminal.key(desk.person, code, False)
    assert desk.press("ctrl", "c") == b"\x03"
