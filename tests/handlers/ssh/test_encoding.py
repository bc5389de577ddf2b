"""Hosts in other character sets: before the login, and a real shell after it."""

from __future__ import annotations

from typing import cast

import pytest

from guacr.daemon import Daemon
from tests.support.openssh import OpenSsh
from tests.support.ssh_desk import desk, shell
from tests.support.ssh_questions import Prompts, Questions, asking_server

TEXT = "Пароль:"


def koi8(text: str) -> str:
    """asyncssh's server sends bytes as they are, whatever its annotations say."""
    return cast(str, text.encode("koi8-r"))


@pytest.mark.parametrize("encoding", ["koi8-r", ""])
@pytest.mark.parametrize("method", ["keyboard-interactive", "password"])
async def test_texts_before_the_login(daemon: Daemon, encoding: str, method: str) -> None:
    rounds: list[tuple[str, Prompts, list[str]]] = [
        (koi8("Вход\r\n"), [(koi8(TEXT), True)], ["right"])
    ]
    questions = Questions(rounds, banner=koi8("Добро пожаловать\r\n"), methods=(method,))
    async with (
        asking_server(questions) as address,
        desk(daemon, address | {"encoding": encoding}) as person,
    ):
        asked = TEXT if method != "password" else "Password:"
        if not encoding:
            asked = "\N{REPLACEMENT CHARACTER}" * 6 + ":" if method != "password" else asked
        await person.see(asked)
        person.client.type("right\n")
        await person.see("welcome ann")
    assert ("Добро пожаловать" in person.text) is bool(encoding)


async def test_texts_in_utf_8_are_that_anyway(daemon: Daemon) -> None:
    questions = Questions([("Вход", [(TEXT, True)], ["right"])], banner="Добро пожаловать")
    async with (
        asking_server(questions) as address,
        desk(daemon, address | {"encoding": "koi8-r"}) as person,
    ):
        await person.see(TEXT)
        assert "Добро пожаловать\nВход\n" in person.text
        person.client.type("right\n")
        await person.see("welcome ann")


@pytest.mark.parametrize(
    ("encoding", "codec", "text"),
    [("koi8-r", "koi8-r", "Съешь"), ("shift_jis", "cp932", "表示"), ("cp437", "cp437", "╔═é")],
)
async def test_a_shell(
    daemon: Daemon, server: OpenSsh, key: str, encoding: str, codec: str, text: str
) -> None:
    async with shell(daemon, server, key, encoding=encoding) as person:
        person.client.type("stty -a | grep -o -e '.iutf8'; stty -echo; echo qui''et; od -An -tx1\n")
        await person.see("-iutf8\nquiet")
        person.client.type(f"{text}\n")
        person.control("d")
        await person.see(" ".join(f"{byte:02x}" for byte in text.encode(codec)) + " 0a")
        octal = "".join(f"\\{byte:03o}" for byte in text.encode(codec))
        person.client.type(f"stty echo; printf '{octal}]\\n'\n")
        await person.see(f"{text}]\n")
