"""Logins in which the host asks: keyboard-interactive, banners, passwords to be changed."""

from __future__ import annotations

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from tests.support.ssh_desk import desk
from tests.support.ssh_questions import Questions, asking_server

PASSWORD = ("", [("Password: ", False)], ["right"])


async def test_any_number_of_prompts_and_rounds_is_asked(daemon: Daemon) -> None:
    questions = Questions(
        [
            ("Who are you?", [("Pet's name: ", True), ("Secret: ", False)], ["Rex", "bone"]),
            ("Second step.", [("Verification code: ", True)], ["123456"]),
        ]
    )
    async with asking_server(questions) as address, desk(daemon, address) as person:
        await person.see("Who are you?")
        await person.see("Pet's name:")
        person.client.type("Rex\n")
        await person.see("Secret:")
        person.client.type("bone\n")
        await person.see("Second step.")
        await person.see("Verification code:")
        assert "Rex" in person.text
        assert "bone" not in person.text
        person.client.type("123456\n")
        await person.see("welcome ann")
        await person.end()


async def test_the_password_parameter_answers_and_the_code_is_typed(daemon: Daemon) -> None:
    questions = Questions([PASSWORD, ("", [("One-time code: ", False)], ["42"])])
    async with (
        asking_server(questions) as address,
        desk(daemon, address | {"password": "right"}) as person,
    ):
        await person.see("One-time code:")
        assert "Password" not in person.text
        person.client.type("42\n")
        await person.see("welcome ann")
    assert questions.attempts == [["right"], ["42"]]


async def test_a_refused_password_parameter_is_sent_once_only(daemon: Daemon) -> None:
    questions = Questions([PASSWORD], methods=("keyboard-interactive", "password"))
    async with (
        asking_server(questions) as address,
        desk(daemon, address | {"password": "wrong"}) as person,
    ):
        _, status = await person.failure()
        assert status == Status.CLIENT_UNAUTHORIZED
    assert questions.attempts == [["wrong"]]
    assert questions.passwords == []


async def test_a_wrong_answer_is_asked_for_again(daemon: Daemon) -> None:
    questions = Questions([PASSWORD])
    async with asking_server(questions) as address, desk(daemon, address) as person:
        await person.see("Password:")
        person.client.type("wrong\n")
        await person.see("Permission denied, please try again.")
        person.client.type("right\n")
        await person.see("welcome ann")


async def test_the_banner_is_shown(daemon: Daemon) -> None:
    questions = Questions([], banner="Authorised use\x1b[31m only.\r\n", methods=("password",))
    async with (
        asking_server(questions) as address,
        desk(daemon, address | {"password": "right"}) as person,
    ):
        await person.see("Authorised use�[31m only.")
        await person.see("welcome ann")


async def test_an_expired_password_is_changed(daemon: Daemon) -> None:
    questions = Questions([], methods=("password",), expired=True)
    async with (
        asking_server(questions) as address,
        desk(daemon, address | {"password": "old"}) as person,
    ):
        await person.see("Your password has expired.")
        await person.see("New password:")
        person.client.type("new\n")
        await person.see("Retype new password:")
        person.client.type("new\n")
        await person.see("welcome ann")
    assert questions.passwords == ["old", "old", "new"]


async def test_a_host_that_takes_nothing_that_is_there_is_told(daemon: Daemon) -> None:
    questions = Questions([], methods=())
    async with asking_server(questions) as address, desk(daemon, address) as person:
        _, status = await person.failure()
        assert status == Status.CLIENT_UNAUTHORIZED


@pytest.mark.parametrize("prompt", ["Password for vscode@build1: ", "", "Salasanasi? "])
async def test_a_hidden_prompt_gets_the_password(daemon: Daemon, prompt: str) -> None:
    questions = Questions([("", [(prompt, False)], ["right"])])
    async with (
        asking_server(questions) as address,
        desk(daemon, address | {"password": "right"}) as person,
    ):
        await person.see("welcome ann")
    assert questions.attempts == [["right"]]
