"""Shortcuts with layouts that have no Latin letters: the key counts, and not its letter."""

from __future__ import annotations

import pytest

from terminal.input.layouts import LayoutGuess
from tests.terminal.desk import Desk

_HOME_ROWS = {
    "Russian": "фывапролдж",
    "Ukrainian": "фівапролдж",
    "Serbian": "љасдфгхјклч",
    "Greek": "ασδφγηξκλ",
    "Hebrew": "שדגכעיחלך",
    "Arabic": "شسيبلاتنم",
    "Persian": "گشسیبلاتنم",
    "Armenian": "ջվգեանիտհ",
    "Georgian": "ასდფგჰჯკლ",
    "Thai": "ฟหกดเ้่าสว",
    "Korean": "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ",
    "Devanagari": "ोे्िुपरकतच",
}


@pytest.mark.parametrize("name", _HOME_ROWS)
def test_the_home_row(name: str) -> None:
    desk = Desk()
    row = _HOME_ROWS[name]
    if name in ("Serbian", "Persian"):
        desk.press(row[0])  # what gives the layout away
        row = row[1:]
    assert b"".join(desk.press("ctrl", letter) for letter in row[:4]) == b"\x01\x13\x04\x06"
    assert desk.press("alt", row[5]) == b"\x1bh"


@pytest.mark.parametrize(
    ("keys", "data"),
    [
        (["ctrl", "с"], b"\x03"),
        (["ctrl", "С"], b"\x03"),  # Caps Lock
        (["ctrl", "shift", "Я"], b"\x1a"),
        (["ctrl", "х"], b"\x1b"),
        (["ctrl", "ґ"], b"\x1c"),
        (["ctrl", "ץ"], b"."),
        (["alt", "и"], b"\x1bb"),
        (["meta", "И"], b"\x1bb"),
        (["alt", "shift", "Б"], b"\x1b<"),
        (["alt", "ю"], b"\x1b."),
        (["ctrl", "alt", "а"], b"\x1b\x06"),
        (["ctrl", "alt_r", "ґ"], "ґ".encode()),  # AltGr on Windows
        (["altgr", "ς"], "ς".encode()),
        (["с"], "с".encode()),
        (["shift", "С"], "С".encode()),
        (["ctrl", "é"], "é".encode()),
        (["alt", "é"], "\x1bé".encode()),
        (["ctrl", "§"], "§".encode()),
        (["alt", "№"], "\x1b№".encode()),  # nothing shows a layout yet
    ],
)
def test_what_shortcuts_send(keys: list[str], data: bytes) -> None:
    assert Desk(terminal_type="xterm-256color").press(*keys) == data


@pytest.mark.parametrize(
    ("keysym", "data"),
    [(0x6D3, b"\x03"), (0x6F3, b"\x03"), (0x7F8, b"\x03"), (0xCE1, b"\x03"), (0x5D5, b"\x17")],
)
def test_keysyms_that_are_older_than_unicode(keysym: int, data: bytes) -> None:
    desk = Desk()
    desk.hold("ctrl")
    assert desk.terminal.key(desk.person, keysym, True) == data


def test_a_letter_that_several_layouts_have() -> None:
    desk = Desk()
    assert desk.press("ctrl", "і") == b"\x13"  # Ukrainian, as nothing tells of another
    desk.press("ў")
    assert desk.press("ctrl", "і") == b"\x02"  # Belarusian
    desk.press("ї")
    assert desk.press("ctrl", "і") == b"\x13"


def test_signs_on_the_keys_of_letters() -> None:
    desk = Desk()
    assert desk.press("ctrl", "/") == b"\x1f"
    desk.press("ש")
    assert desk.press("ctrl", "/") == b"\x11"
    desk.press("a")
    assert desk.press("ctrl", "/") == b"\x1f"
    desk.press("α")
    assert desk.press("ctrl", ";") == b"\x11"
    assert desk.press("ctrl", "[") == b"\x1b"
    assert desk.press(";") == b";"


def test_copying_and_pasting() -> None:
    desk = Desk()
    desk.terminal.clipboard = "text"
    for letter in ("М", "Ω", "ㅍ", "ฮ"):
        assert desk.press("ctrl", "shift", letter) == b"text", letter
    assert desk.press("meta", "м") == b"text"
    desk.press("ذ")
    assert desk.press("ctrl", "shift", "{") == b"text"


def test_kitty_is_told_of_the_letter_and_of_the_key() -> None:
    desk = Desk()
    desk.terminal.feed(b"\x1b[>1u")
    assert desk.press("ctrl", "с") == b"\x1b[1089;5u"
    desk.terminal.feed(b"\x1b[=5u")
    assert desk.press("ctrl", "с") == b"\x1b[1089::99;5u"
    assert desk.press("ctrl", "shift", "Я") == b"\x1b[1103:1071:122;6u"
    assert desk.press("ctrl", "c") == b"\x1b[99;5u"
    assert desk.press("ctrl", "é") == b"\x1b[233;5u"
    desk.terminal.feed(b"\x1b[=15u")
    assert desk.press("с") == b"\x1b[1089::99u"


def test_no_layout_takes_a_space_for_a_letter() -> None:
    guess = LayoutGuess()
    for letter in "сςשضჭะ":
        guess.key(letter, shift=False)
        assert guess.key(" ", shift=False) == guess.key(" ", shift=True) == ""
