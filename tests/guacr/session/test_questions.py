"""Asking the owner for values: who can be asked, who answers, and what nobody else sees."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from guacr.errors import (
    ClientTimeoutError,
    ClosedError,
    ConflictError,
    UnsupportedError,
)
from guacr.protocol.client import ClientInfo
from guacr.session.input.opcodes import ARGV_MAX
from tests.support.loopback import Bench, MemoryTransport, session_of, until


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


def answer(transport: MemoryTransport, name: str, value: str, stream: int = 0) -> None:
    transport.send("argv", stream, "text/plain", name)
    for start in range(0, len(value), 6000):
        part = value.encode()[start : start + 6000]
        transport.send("blob", stream, b64encode(part).decode())
    transport.send("end", stream)


async def test_the_owner_answers_and_nobody_else_hears_of_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    owner, user = bench.connect()
    joiner, _ = bench.connect(session_of(user).id)
    task = asyncio.create_task(session_of(user).context.ask("username", "password"))
    await until(lambda: owner.all("required") == [("username", "password")])
    answer(owner, "username", "jö")
    assert not task.done()
    answer(joiner, "password", "from somebody else", 1)
    assert joiner.all("ack")[0][2] == "771"
    answer(owner, "password", "s3cret")
    assert await task == {"username": "jö", "password": "s3cret"}
    assert joiner.all("required") == []
    assert not [one for one in (*owner.all("argv"), *joiner.all("argv")) if one[2] != "colour"]
    assert "s3cret" not in caplog.text
    assert all(ack[2] == "0" for ack in owner.all("ack"))
    answer(owner, "password", "too late")
    assert "771" in [ack[2] for ack in owner.all("ack")]


async def test_an_empty_answer_is_one(bench: Bench) -> None:
    owner, user = bench.connect()
    task = asyncio.create_task(session_of(user).context.ask("domain"))
    await until(lambda: owner.all("required") != [])
    answer(owner, "domain", "")
    assert await task == {"domain": ""}


async def test_an_answer_that_is_too_long(bench: Bench) -> None:
    owner, user = bench.connect()
    task = asyncio.create_task(session_of(user).context.ask("password"))
    await until(lambda: owner.all("required") != [])
    answer(owner, "password", "x" * (ARGV_MAX + 1))
    assert "781" in [ack[2] for ack in owner.all("ack")]
    assert not task.done()
    answer(owner, "password", "x" * ARGV_MAX)
    assert await task == {"password": "x" * ARGV_MAX}


@pytest.mark.parametrize(
    ("info", "parameters"),
    [
        (ClientInfo(version=(1, 1, 0)), {}),
        (ClientInfo(version=(1, 3, 0)), {"read_only": "true"}),
    ],
)
async def test_who_cannot_be_asked(
    bench: Bench, info: ClientInfo, parameters: dict[str, str]
) -> None:
    owner, user = bench.connect(info=info, **parameters)
    with pytest.raises(UnsupportedError, match="needs username and password, but this client"):
        await session_of(user).context.ask("username", "password")
    assert owner.all("required") == []


async def test_a_client_of_1_3_0_can_be_asked(bench: Bench) -> None:
    owner, user = bench.connect(info=ClientInfo(version=(1, 3, 0)))
    task = asyncio.create_task(session_of(user).context.ask("username"))
    await until(lambda: owner.all("required") != [])
    answer(owner, "username", "u")
    await task


async def test_no_answer_in_time(bench: Bench) -> None:
    owner, user = bench.connect()
    with pytest.raises(ClientTimeoutError, match=r"password was not entered within 0\.01 seconds"):
        await session_of(user).questions.ask(user, ["password"], 0.01)
    assert owner.closed_with is None
    task = asyncio.create_task(session_of(user).context.ask("password"))
    await until(lambda: len(owner.all("required")) == 2)
    answer(owner, "password", "p")
    assert await task == {"password": "p"}


async def test_one_question_at_a_time(bench: Bench) -> None:
    owner, user = bench.connect()
    task = asyncio.create_task(session_of(user).context.ask("password"))
    await until(lambda: owner.all("required") != [])
    with pytest.raises(ConflictError):
        await session_of(user).context.ask("username")
    answer(owner, "password", "p")
    assert await task == {"password": "p"}


async def test_an_owner_who_leaves(bench: Bench) -> None:
    owner, user = bench.connect()
    bench.connect(session_of(user).id)
    task = asyncio.create_task(session_of(user).context.ask("password"))
    await until(lambda: owner.all("required") != [])
    owner.send("disconnect")
    with pytest.raises(ClosedError, match="left without an answer"):
        await task
    with pytest.raises(ClosedError, match="nobody is left to ask for password"):
        await session_of(user).context.ask("password")
