"""Logins by regular expressions, without a host."""

from __future__ import annotations

import pytest

from guacr.errors import BadRequestError, UnauthorizedError
from handlers.telnet.expressions import PATTERN_MAX, search
from handlers.telnet.login import LINE_MAX, WATCHED_MAX, LoginWatch
from handlers.telnet.params import TelnetParams
from handlers.terminal.hosttext import HostText


def watch(**values: str) -> LoginWatch:
    texts = {name.replace("_", "-"): text for name, text in values.items()}
    params = TelnetParams.parse({"username": "ann", "password": "pw"} | texts)
    return LoginWatch(params, HostText(params.encoding))


def test_name_and_password_are_typed_once() -> None:
    login = watch()
    assert login.feed(b"Welcome\r\nhost login: ") == b"ann\r"
    assert login.feed(b"ann\r\nPassword: ") == b"pw\r"
    assert login.over
    assert login.feed(b"\r\nlogin: Password: ") == b""


def test_prompts_may_come_in_pieces() -> None:
    login = watch()
    typed = [login.feed(bytes([code])) for code in b"a login: b\nPassword: c"]
    assert [text for text in typed if text] == [b"ann\r", b"pw\r"]


def test_both_prompts_in_one_piece() -> None:
    assert watch().feed(b"login: ann\r\nPassword: ") == b"ann\rpw\r"


def test_a_name_that_was_not_asked_for_is_not_typed_later() -> None:
    login = watch()
    assert login.feed(b"Password: ") == b"pw\r"
    assert login.feed(b"\r\nLast login: today") == b""


def test_a_refusal() -> None:
    login = watch(login_failure_regex="incorrect|denied", login_success_regex=r"[#$] $")
    login.feed(b"login: ")
    login.feed(b"Password: ")
    with pytest.raises(UnauthorizedError, match="rejects the login"):
        login.feed(b"\r\nLogin incorrect\r\n$ ")


def test_a_success_ends_the_watch() -> None:
    login = watch(login_failure_regex="incorrect", login_success_regex="[[:alpha:]]+[#$] ?$")
    login.feed(b"login: ")
    assert (login.awaits_success, login.over) == (True, False)
    login.feed(b"\r\nhost$")
    assert (login.awaits_success, login.over) == (False, True)
    assert login.feed(b"incorrect") == b""


def test_nothing_is_watched_without_need() -> None:
    assert watch(username="", password="").over


def test_the_bound_of_what_is_watched() -> None:
    login = watch()
    assert [login.feed(b"x\n" * (WATCHED_MAX // 2)), login.over] == [b"", False]
    assert [login.feed(b"x"), login.over] == [b"", True]


@pytest.mark.parametrize("encoding", ["", "koi8-r", "windows-1251", "gbk", "shift_jis"])
def test_prompts_in_other_languages_are_cut_anywhere(encoding: str) -> None:
    login = watch(
        encoding=encoding, username="имя", username_regex="Логин:", password_regex="Пароль:"
    )
    codec = encoding or "utf-8"
    prompts = "Логин: \r\nПароль: ".encode(codec)
    typed = b"".join(login.feed(bytes([code])) for code in prompts)
    assert typed == "имя\rpw\r".encode(codec)


@pytest.mark.parametrize("name", ["username", "password"])
def test_an_answer_that_the_host_cannot_take(name: str) -> None:
    with pytest.raises(BadRequestError, match=f"parameter {name} has a character") as raised:
        watch(encoding="cp437", **{name: "пароль"})
    assert "пароль" not in str(raised.value)


def test_the_bound_of_a_line() -> None:
    prompt = b"login:"
    assert watch().feed(prompt + b"x" * (LINE_MAX - len(prompt))) == b"ann\r"
    assert watch().feed(prompt + b"x" * (LINE_MAX - len(prompt) + 1)) == b""


@pytest.mark.parametrize("pattern", ["(", "[a", "x{99999}", "(a)\\1", "x" * (PATTERN_MAX + 1)])
def test_what_is_no_expression(pattern: str) -> None:
    with pytest.raises(BadRequestError, match="parameter username-regex"):
        watch(username_regex=pattern)


@pytest.mark.timeout(5)
def test_no_expression_takes_for_ever() -> None:
    assert not search("p", "^(a+)+(a*)*b$")("a" * LINE_MAX)


def test_what_is_wrong_with_an_expression_is_told_in_words() -> None:
    with pytest.raises(BadRequestError) as refused:
        search("password-regex", "(")
    assert str(refused.value).endswith("must be a regular expression, not '(': missing ): (")
