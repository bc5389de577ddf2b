"""Pasted text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.input.paste import BRACKETS, pasted
from tests.terminal.desk import Desk


def test_line_ends_are_carriage_returns() -> None:
    assert pasted("a\nb\r\nc\rd", bracketed=False) == b"a\rb\rc\rd"


def test_brackets_when_the_host_asked_for_them() -> None:
    desk = Desk()
    assert desk.terminal.paste("a\nb") == b"a\rb"
    desk.terminal.feed(b"\x1b[?2004h")
    assert desk.terminal.paste("a\nb") == b"\x1b[200~a\rb\x1b[201~"
    assert desk.terminal.paste("") == b""


@given(st.text(), st.booleans())
def test_pasted_text_cannot_break_out(text: str, bracketed: bool) -> None:
    data = pasted(text, bracketed=bracketed)
    if bracketed and data:
        assert data.startswith(BRACKETS[0])
        assert data.endswith(BRACKETS[1])
        data = data.removeprefix(BRACKETS[0]).removesuffix(BRACKETS[1])
    assert all(ord(c) >= 0x20 or c in "\t\r" for c in data.decode())
    assert not any(0x7F <= ord(c) < 0xA0 for c in data.decode())


def test_tabs_and_all_printable_text_stay() -> None:
    text = "\tgrüße 日本 😀 e\u0301 \u200d"
    assert pasted(text, bracketed=False).decode() == text
    assert pasted("\ud800", bracketed=False) == b"?"


@pytest.mark.parametrize(
    "keys", [("ctrl", "shift", "V"), ("ctrl", "shift", "v"), ("meta", "v"), ("shift", "Insert")]
)
def test_keys_that_paste(keys: tuple[str, ...]) -> None:
    desk = Desk()
    desk.terminal.clipboard = "text"
    assert desk.press(*keys) == b"text"
    desk.person.may_paste = False
    assert desk.press(*keys) == b""


@pytest.mark.parametrize("button", [2, 4])
def test_buttons_that_paste(button: int) -> None:
    desk = Desk()
    desk.terminal.clipboard = "text"
    assert desk.point(*desk.pixel(1, 1), button) == b""
    assert desk.point(*desk.pixel(1, 1)) == b"text"
    desk.person.may_paste = False
    assert desk.click(1, 1, button=button) == b""
