"""The answers in a login, question by question, without a host."""

from __future__ import annotations

import pytest

from guacr.errors import SessionClosedError, UnauthorizedError
from handlers.ssh.login import (
    PROMPTS_MAX,
    ROUNDS_MAX,
    TYPED_TRIES,
    Login,
    asks_for_password,
    printable,
)
from tests.handlers.ssh.people import Person

PASSWORD = [("Password: ", False)]
CODE = [("Verification code: ", False)]


@pytest.mark.parametrize(
    "prompt",
    ["Password: ", "(ann@host) Password:", "Passwort: ", "Mot de passe :", "パスワード:", "密码：",
     "UNIX password: ", "Пароль: ", "Password for vscode@build1: ", "Password for pinot@newton:"],
)  # fmt: skip
def test_prompts_for_the_password_are_known(prompt: str) -> None:
    assert asks_for_password(prompt)


@pytest.mark.parametrize(
    "prompt",
    ["Verification code: ", "One-time password (OATH) for `ann': ", "Password & code: ",
     "Einmalpasswort: ", "New password: ", "Retype new UNIX password: ", "PIN: ", "Username: ",
     "Enter your token password: ", "OTP password: ", ""],
)  # fmt: skip
def test_prompts_for_anything_else_are_known_as_well(prompt: str) -> None:
    assert not asks_for_password(prompt)


async def test_the_password_answers_one_request_only() -> None:
    login = Login(Person(), "ann", password="secret")
    assert await login.password() == "secret"
    assert await login.password() is None


async def test_the_password_answers_a_prompt_and_is_not_sent_again_when_refused() -> None:
    person = Person(["never asked"])
    login = Login(person, "ann", password="secret")
    assert login.takes_prompts()
    assert await login.answers([], PASSWORD) == ["secret"]
    assert not login.takes_prompts()
    assert await login.password() is None
    assert person.asked == []
    refusal = login.refusal("host")
    assert isinstance(refusal, UnauthorizedError)
    assert "password" in str(refusal)
    assert "secret" not in str(refusal)


async def test_the_person_answers_what_the_password_does_not_fit() -> None:
    person = Person(["123456", "yes"])
    login = Login(person, "ann", password="secret")
    assert login.takes_prompts()
    assert await login.answers(["Two steps"], PASSWORD) == ["secret"]
    assert await login.answers(["Step two"], [*CODE, ("Remember? ", True)]) == ["123456", "yes"]
    assert person.asked == [("Verification code: ", False), ("Remember? ", True)]
    assert person.shown == ["Step two"]


@pytest.mark.parametrize("prompt", ["Password for vscode@build1: ", "", "Lösen: ", "비번: "])
async def test_the_first_hidden_prompt_gets_the_password_whatever_it_says(prompt: str) -> None:
    person = Person()
    login = Login(person, "ann", password="secret")
    assert login.takes_prompts()
    assert await login.answers([], [(prompt, False)]) == ["secret"]
    assert person.asked == []


async def test_a_question_that_the_password_did_not_fit_is_put_to_the_person() -> None:
    person = Person(["123456"])
    login = Login(person, "ann", password="secret")
    assert login.takes_prompts()
    assert await login.answers([], CODE) == ["secret"]
    assert login.takes_prompts()
    assert await login.answers([], CODE) == ["123456"]
    assert person.asked == [("Verification code: ", False)]


async def test_after_a_partial_success_the_password_may_be_used_again() -> None:
    login = Login(Person(), "ann", password="secret")
    assert await login.password() == "secret"
    login.partial_success()
    assert login.takes_prompts()
    assert await login.answers([], PASSWORD) == ["secret"]
    login.partial_success()
    assert await login.password() == "secret"


async def test_after_a_partial_success_a_code_is_asked_for() -> None:
    person = Person(["123456"])
    login = Login(person, "ann", password="secret")
    assert await login.password() == "secret"
    login.partial_success()
    assert login.takes_prompts()
    assert await login.answers([], CODE) == ["123456"]


async def test_a_shown_prompt_never_gets_the_password() -> None:
    person = Person(["typed"])
    login = Login(person, "ann", password="secret")
    assert await login.answers([], [("Password: ", True)]) == ["typed"]


async def test_typed_passwords_have_three_tries_in_all() -> None:
    person = Person(["a", "b", "c", "d"])
    login = Login(person, "ann")
    assert login.takes_prompts()
    assert await login.answers([], PASSWORD) == ["a"]
    assert login.takes_prompts()
    assert await login.answers([], PASSWORD) == ["b"]
    assert login.takes_prompts()
    assert await login.answers([], PASSWORD) == ["c"]
    assert not login.takes_prompts()
    assert await login.password() is None
    assert len(person.asked) == TYPED_TRIES
    assert person.shown == ["Permission denied, please try again."] * 2


async def test_a_second_method_after_the_first_has_passed_is_no_failure() -> None:
    person = Person(["secret", "123456"])
    login = Login(person, "ann")
    assert await login.password() == "secret"
    assert login.takes_prompts()
    assert await login.answers([], CODE) == ["123456"]
    assert person.shown == []


async def test_a_cancelled_question_ends_the_login() -> None:
    login = Login(Person(), "ann")
    with pytest.raises(SessionClosedError):
        await login.password()
    assert not login.takes_prompts()
    assert await login.password() is None
    assert isinstance(login.refusal("host"), SessionClosedError)


async def test_requests_without_prompts_are_answered_and_not_repeated_for_ever() -> None:
    login = Login(Person(), "ann")
    assert login.takes_prompts()
    assert await login.answers(["Welcome"], []) == []
    assert not login.takes_prompts()


async def test_questions_are_bounded() -> None:
    login = Login(Person([""] * 1000), "ann")
    assert await login.answers([], CODE * PROMPTS_MAX) is not None
    assert await login.answers([], CODE * (PROMPTS_MAX + 1)) is None
    assert isinstance(login.refusal("host"), UnauthorizedError)

    login = Login(Person([""] * 1000), "ann")
    for _ in range(ROUNDS_MAX):
        assert await login.answers([], CODE) == [""]
    assert await login.answers([], CODE) is None


async def test_a_new_password_is_typed_twice() -> None:
    person = Person(["old", "new", "other", "new", "new"])
    login = Login(person, "ann")
    assert await login.password() == "old"
    assert await login.new_password("Your password has expired.") == ("old", "new")
    assert person.shown == ["Your password has expired.", "The two passwords differ."]


def test_a_refusal_says_what_the_host_would_take() -> None:
    login = Login(Person(), "ann")
    assert login.next_key() is None
    assert "only by publickey" in str(login.refusal("host"))


def test_banners_cannot_steer_the_terminal() -> None:
    person = Person()
    Login(person, "ann").banner("Hello\r\n\x1b]0;owned\x07 \x9b2J\x00\n")
    assert person.shown == ["Hello", "�]0;owned� �2J�"]
    assert printable("x" * 100, 10) == "x" * 10


def test_banners_as_devices_and_other_languages_have_them() -> None:
    person = Person()
    Login(person, "ann").banner(
        "Port\tState\n\r東京都\u3000千代田区\r\r\n10\xa0000 €\rend\u2028x\u202ey"
    )
    assert person.shown == ["Port\tState", "東京都\u3000千代田区", "10\xa0000 €", "end�x�y"]
