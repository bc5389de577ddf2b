"""Connections that are not had: each with its status and a sentence, and no password in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from guacr.protocol.status import Status
from guacr.session.origin import Origin
from handlers.database import history
from tests.handlers.database.people import Room, host
from tests.support.redis_server import redis_server
from tests.support.sql_servers import PASSWORD, Server

WRONG = "wrong-and-secret"
NEW = "new-and-secret"


@dataclass(frozen=True, slots=True)
class Case:
    """A database, and what it says."""

    name: str
    server: str
    """The fixture that gives its parameters."""
    login: str
    """What refuses a login."""
    nowhere: str
    """A database that is not there."""
    unknown: str
    """What is said of it."""
    alter: str
    """A statement that sets a password."""


CASES = [
    Case(
        "postgresql",
        "postgresql_server",
        "the server rejects the login of 'ann': check user and password",
        "nowhere",
        'database "nowhere" does not exist: check the connection\'s parameters',
        f"alter user ann password '{NEW}';",
    ),
    Case(
        "mysql",
        "mariadb_server",
        "the server rejects the login of 'ann': check user and password",
        "nowhere",
        "Unknown database 'nowhere': check the connection's parameters",
        f"set password = password('{NEW}');",
    ),
    Case(
        "redis",
        "redis_server_with_ann",
        "the server rejects the login of 'ann': check user and password",
        "99",
        "database 99 cannot be opened: 'ERR DB index is out of range'",
        f"acl setuser ann >{NEW}",
    ),
]


@pytest.fixture(scope="module")
def redis_server_with_ann() -> Iterator[Server]:
    user = ["--user", "ann", "on", f">{PASSWORD}", "+@all", "~*"]
    with redis_server("--requirepass", PASSWORD, *user) as server:
        yield server


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
async def values(case: Case, request: pytest.FixtureRequest, room: Room) -> Server:
    """Ann's parameters."""
    server: Server = request.getfixturevalue(case.server)
    values = {name: text for name, text in server.items() if name != "socket"}
    if case.name != "redis":
        make = {
            "postgresql": "drop user if exists ann; "
            f"create user ann superuser password '{PASSWORD}'",
            "mysql": f"create or replace user ann identified by '{PASSWORD}'; "
            "grant all on *.* to ann",
        }
        administrator = room.open(case.name, **values)
        await administrator.sees(">")
        administrator.type(f"{make[case.name]}; select 6 * 7 as answer;\n")
        await administrator.sees("42\n(1 row)")
    return values | {"username": "ann", "password": PASSWORD}


async def refused(room: Room, case: Case, values: Server, **more: str) -> tuple[str, int]:
    """The sentence and the status that a connection ends with."""
    message, status = await room.open(case.name, **values | more).fails()
    assert WRONG not in message
    assert PASSWORD not in message
    return message, int(status)


async def test_a_wrong_password(case: Case, room: Room, values: Server) -> None:
    message, status = await refused(room, case, values, password=WRONG)
    assert (message, status) == (case.login, Status.CLIENT_UNAUTHORIZED)


async def test_an_unknown_user(case: Case, room: Room, values: Server) -> None:
    message, status = await refused(room, case, values, username="nobody")
    assert (message, status) == (case.login.replace("ann", "nobody"), Status.CLIENT_UNAUTHORIZED)


async def test_an_unknown_database(case: Case, room: Room, values: Server) -> None:
    message, status = await refused(room, case, values, database=case.nowhere)
    assert (message, status) == (case.unknown, Status.RESOURCE_NOT_FOUND)


async def test_a_listener_that_is_silent(case: Case, room: Room, values: Server) -> None:
    async with host(lambda reader, writer: None) as silent:
        answers = await asyncio.gather(
            refused(room, case, values, **silent, tls="disable", timeout="1"),
            refused(room, case, values, **silent, tls="require", timeout="1"),
        )
    for message, status in answers:
        assert status == Status.UPSTREAM_TIMEOUT
        assert silent["port"] in message


async def test_a_listener_that_closes(case: Case, room: Room, values: Server) -> None:
    async with host(lambda reader, writer: writer.close()) as closing:
        message, status = await refused(room, case, values, **closing, tls="disable")
    assert status == Status.UPSTREAM_ERROR
    assert closing["port"] in message


async def test_a_listener_that_is_no_database(case: Case, room: Room, values: Server) -> None:
    async with host(lambda reader, writer: writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 9)) as other:
        message, status = await refused(room, case, values, **other, tls="disable", timeout="2")
    assert status == Status.UPSTREAM_ERROR
    assert "cannot be used" in message or "is not Redis's protocol" in message


async def test_a_host_that_nobody_knows(case: Case, room: Room, values: Server) -> None:
    message, status = await refused(room, case, values, hostname="nowhere.invalid")
    assert status == Status.UPSTREAM_NOT_FOUND
    assert message == "host 'nowhere.invalid' is unknown: check the name, or give its address"


async def test_a_password_is_kept_to_itself(
    case: Case, room: Room, values: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    history._kept.clear()
    person = room.open(case.name, Origin(subject="alice"), **values | {"password": ""})
    await person.sees("Password:")
    person.type(f"{PASSWORD}\n")
    await person.sees("Type \\? for help.")
    person.type(f"{case.alter}\n\\conninfo\n")
    await person.sees(NEW, "You are connected to")
    await refused(room, case, values, password=WRONG)
    [kept] = history._kept.values()
    assert list(kept) == ["\\conninfo"]
    told = f"{person.transport.all('name')} {caplog.text}"
    assert not any(secret in told for secret in (PASSWORD, WRONG, NEW))
    assert PASSWORD not in person.text
