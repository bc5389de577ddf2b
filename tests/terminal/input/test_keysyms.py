"""Keysyms and the characters they stand for."""

from __future__ import annotations

import unicodedata

import pytest

from terminal.input.keysyms import character, combined
from tests.terminal.desk import Desk


@pytest.mark.parametrize(
    ("keysym", "expected"),
    [
        (0x0020, " "),
        (0x00E9, "é"),
        (0x01A1, "Ą"),
        (0x03BD, "Ŋ"),
        (0x04B1, "ア"),
        (0x05C7, "ا"),
        (0x06C1, "а"),
        (0x06E1, "А"),
        (0x06A3, "ё"),
        (0x06B3, "Ё"),
        (0x06AD, "ґ"),
        (0x07C1, "Α"),
        (0x07E1, "α"),
        (0x07D2, "Σ"),
        (0x07F2, "σ"),
        (0x07F3, "ς"),
        (0x07B1, "ά"),
        (0x0CE0, "א"),
        (0x0DA1, "ก"),
        (0x0EA1, "ㄱ"),
        (0x13BC, "Œ"),
        (0x20AC, "€"),
        (0x0AA9, "—"),
        (0x01000394, "Δ"),
        (0x0101F600, "😀"),
        (0xFFB5, "5"),
        (0xFFAF, "/"),
    ],
)
def test_characters(keysym: int, expected: str) -> None:
    assert character(keysym) == expected


def test_keys_that_type_nothing() -> None:
    for keysym in (0, 0x1F, 0x7F, 0x9F, 0xFF0D, 0xFFE1, 0x0100000A, 0x01000080, 0x01110000):
        assert character(keysym) is None


def test_nothing_but_printable_characters_comes_out_of_old_keysyms() -> None:
    for keysym in range(0x100, 0x2000):
        text = character(keysym)
        assert text is None or not unicodedata.category(text).startswith("C") or text in "\xad‎‏"


def test_dead_keys() -> None:
    assert combined("\u0301", "e") == "é"
    assert combined("\u0302", "q") == "^q"
    assert combined("\u0303", " ") == "~"
    desk = Desk()
    assert desk.terminal.key(desk.person, 0xFE51, True) == b""
    assert desk.press("a") == "á".encode()
    assert desk.press("a") == b"a"
    assert desk.terminal.key(desk.person, 0xFE52, True) == b""
    assert desk.terminal.key(desk.person, 0xFE52, True) == b"^"
