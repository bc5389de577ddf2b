"""The test card's questions to its owner, and what it shows of the answers."""

from __future__ import annotations

import pytest

from guacr.errors import BadRequestError
from guacr.testing.client import GuacClient, Hello
from guacr.testing.daemon import address, running_daemon
from handlers.testcard import TestcardHandler as CardHandler
from handlers.testcard.questions import DOTS, NAMES_MAX, names_of, shown
from tests.support.waiting import until

ASK = {"ask": "username, password", "frame-rate": "1"}


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the notes that are written on the card."""
    told: list[str] = []
    monkeypatch.setattr(CardHandler, "_note", lambda self, text: told.append(text))
    return told


async def test_the_answers_are_shown_but_for_secrets(notes: list[str]) -> None:
    async with (
        running_daemon(CardHandler) as daemon,
        await GuacClient.connect(address(daemon), "testcard", ASK) as client,
    ):
        await client.wait(lambda: client.state.required == [("username", "password")], "questions")
        client.argv("username", "jö")
        client.argv("password", "s3cret")
        await client.frame()
        await until(lambda: len(notes) == 2, "the notes")
        assert notes == ["username: jö", f"password: {DOTS}"]


async def test_a_client_that_cannot_be_asked_is_told_what_to_do() -> None:
    hello = Hello(version="VERSION_1_1_0")
    async with (
        running_daemon(CardHandler) as daemon,
        await GuacClient.connect(address(daemon), "testcard", ASK, hello=hello) as client,
    ):
        await client.wait_closed()
        ((message, status),) = client.state.errors
        assert "set the parameters of these names" in message
        assert status == 256


async def test_what_is_no_name_is_refused() -> None:
    async with running_daemon(CardHandler) as daemon:
        client = await GuacClient.dial(*address(daemon))
        async with client:
            client.send("select", "testcard")
            await client.wait(lambda: client.state.args)
            client.answer_args({"ask": "Pass word"}, Hello())
            await client.wait_closed()
            ((message, status),) = client.state.errors
            assert (status, "'Pass word' is not a name" in message) == (768, True)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        (" ", []),
        ("username", ["username"]),
        ("username,password , domain", ["username", "password", "domain"]),
        ("a,a", ["a"]),
        (",".join("abcdefgh"), list("abcdefgh")),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert names_of(text) == names


@pytest.mark.parametrize("text", ["a,,b", ",", "1a", "é", "x" * 33, ",".join("abcdefghi")])
def test_names_that_are_none(text: str) -> None:
    assert NAMES_MAX == 8
    with pytest.raises(BadRequestError):
        names_of(text)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("username", "u", "u"),
        ("password", "p", DOTS),
        ("gateway-password", "a very long one", DOTS),
        ("password", "", "(empty)"),
    ],
)
def test_secrets_are_dots(name: str, value: str, text: str) -> None:
    assert shown(name, value) == text
