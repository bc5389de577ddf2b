"""The line editor of questions in the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.showable import may_be_typed
from terminal.input.prompt import LINE_MAX, LinePrompt, plain_text


def typed(*keys: str, echo: bool = True) -> tuple[LinePrompt, str]:
    prompt = LinePrompt("? ", echo=echo)
    shown = b"".join(prompt.take(key.encode())[0] for key in keys)
    return prompt, shown.decode()


def test_a_line() -> None:
    prompt, shown = typed("r", "o", "o", "t", "\r")
    assert prompt.answer == "root"
    assert shown == "root\r\n"
    assert prompt.done
    assert not prompt.cancelled


def test_a_password_shows_asterisks() -> None:
    prompt, shown = typed("pä", "日", "\x7f", "x", "\r", echo=False)
    assert prompt.answer == "päx"
    assert shown == "***" + "\b \b" + "*\r\n"


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["abc", "\x7f", "d"], "abd"),
        (["abc", "\b"], "ab"),
        (["\x7f", "a"], "a"),
        (["abc", "\x15", "d"], "d"),
        (["one two", "\x17"], "one "),
        (["one two  ", "\x17"], "one "),
        (["one", "\x17", "\x17"], ""),
        (["  ", "\x17", "x"], "x"),
        (["a", "\x1b[A", "\x1bOP", "\x1b[[A", "\x1b[1;5C", "\x1bx", "b"], "ab"),
        (["a\tb\x00c"], "abc"),
        (["grüße 日本 😀"], "grüße 日本 😀"),
        (["ab", "\x04", "c"], "abc"),
    ],
)
def test_editing(keys: list[str], answer: str) -> None:
    assert typed(*keys, "\r")[0].answer == answer


def test_wide_characters_are_erased_whole() -> None:
    assert typed("日", "\x7f")[1] == "日" + "\b \b" * 2


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_cancelling(key: str) -> None:
    prompt, _ = typed(key)
    assert prompt.cancelled
    assert prompt.answer is None


def test_ctrl_c_cancels_in_the_middle_of_a_line() -> None:
    prompt, shown = typed("secret", "\x03")
    assert prompt.cancelled
    assert shown.endswith("\r\n")


def test_what_follows_the_line_is_left_for_the_next() -> None:
    prompt = LinePrompt("Login as: ")
    shown, rest = prompt.take(b"root\r\nhunter2\rls\r")
    assert (prompt.answer, rest, shown) == ("root", b"hunter2\rls\r", b"root\r\n")


def test_a_line_is_bounded_and_says_so() -> None:
    prompt, shown = typed("x" * LINE_MAX)
    assert "\a" not in shown
    assert prompt.take(b"y")[0] == b"\a"
    prompt.take(b"\r")
    assert prompt.answer == "x" * LINE_MAX


def test_the_question_cannot_control_the_terminal() -> None:
    prompt = LinePrompt("Code\x1b[2J\x9b5m\r\nsent:\x07 ")
    assert prompt.opening() == b"Code[2J5m\r\nsent: "
    assert plain_text("a\n\rb\tc\r\r\nd\re") == "a\nb\tc\nd\ne"


@pytest.mark.parametrize("echo", [True, False])
def test_blanks_and_joiners_of_all_kinds_are_characters(echo: bool) -> None:
    text = "a\xa0b\u3000c\u2009d\u200de\u200cf\u202fg\xad\u202e\ue000"
    prompt = LinePrompt("? ", echo=echo)
    shown, _ = prompt.take(text.encode() + b"\r")
    assert prompt.answer == text
    assert "\u202e" not in shown.decode()


def test_what_has_no_width_is_erased_without_one() -> None:
    prompt = LinePrompt("? ")
    prompt.take("x\u200d\ufe0f".encode())
    assert prompt.take(b"\x7f")[0] == b""
    assert prompt.take(b"\x7f")[0] == b""
    assert prompt.take(b"\x7f")[0] == b"\b \b"


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_any_bytes(chunks: list[bytes]) -> None:
    prompt = LinePrompt("? ")
    for chunk in chunks:
        if not prompt.done:
            prompt.take(chunk)
    assert prompt.answer is None or all(map(may_be_typed, prompt.answer))
