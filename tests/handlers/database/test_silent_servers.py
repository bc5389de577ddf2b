"""Servers that fall silent: nothing comes any more, and the connection never ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from handlers.database.console import cancellation as cancelling
from handlers.database.postgresql import adapter as postgresql
from tests.handlers.database.people import END, Person, Room
from tests.support.sql_servers import Server
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

AGAIN = "press Enter to connect again and run what was typed"


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of server, and what is typed there."""

    name: str
    server: str
    """The fixture that gives its parameters."""
    slow: str
    lost: str = cancelling.GIVEN_UP
    """What is said of one that is silent to everybody."""
    some: str = ""
    """A result that comes to a halt behind its first page."""
    ask: str = "select 6 * 7 as answer;"
    answer: str = "42\n(1 row)"
    knows: str = ""


POSTGRESQL = Case(
    "postgresql",
    "postgresql_server",
    "select pg_sleep(100);",
    some="select i, repeat('x', 500), case when i = 1200 then pg_sleep(100) end "
    "from generate_series(1, 5000) as i;",
    knows="pg_class",
)
MYSQL = Case(
    "mysql",
    "mariadb_server",
    "select sleep(100);",
    some="select seq, repeat('x', 500), if(seq = 1200, sleep(100), 0) from seq_1_to_5000;",
    knows="help_topic",
)
REDIS = Case(
    "redis",
    "redis_server_alone",
    "blpop no 0",
    "accepts the connection, but does not answer",
    ask="echo answer",
    answer='"answer"',
)


@pytest.fixture(params=[POSTGRESQL, MYSQL, REDIS], ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
async def proxy(
    case: Case, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[TcpProxy, Server]]:
    """A proxy to the server, and the parameters that lead there."""
    monkeypatch.setattr(postgresql, "CANCEL_TIMEOUT", 0.5)
    monkeypatch.setattr(postgresql, "CLOSE_TIMEOUT", 0.5)
    server: Server = request.getfixturevalue(case.server)
    values = {name: text for name, text in server.items() if name != "socket"}
    async with tcp_proxy(values["hostname"], int(values["port"])) as (proxy, port):
        yield proxy, values | {"port": str(port), "timeout": "1"}


@pytest.fixture
async def person(case: Case, room: Room, proxy: tuple[TcpProxy, Server]) -> Person:
    person = room.open(case.name, **proxy[1])
    await person.waits(lambda: person.text.rstrip().endswith(">"))
    if case.knows:
        await person.knows(case.knows)
    return person


async def halts(person: Person) -> None:
    """Have the rest of a result fetched, until no more comes."""
    console = person.handler._console
    assert console is not None
    pager = console._results._pager
    assert pager is not None
    person.press(END)
    await person.waits(lambda: pager.waits and pager.seen >= 500)


async def test_a_server_that_is_silent_to_everybody(
    case: Case, person: Person, proxy: tuple[TcpProxy, Server]
) -> None:
    person.type(f"{case.slow}\n")
    await person.runs()
    proxy[0].silence()
    person.control("c")
    await person.sees(case.lost, AGAIN, "(not connected) ")


@pytest.mark.parametrize("case", [POSTGRESQL, MYSQL], ids=lambda case: case.name)
async def test_a_connection_that_is_silent(
    case: Case,
    person: Person,
    proxy: tuple[TcpProxy, Server],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancelling, "PATIENCE", 0.1)
    person.type(f"{case.slow}\n")
    await person.runs()
    proxy[0].silence(new=False)
    person.control("c")
    await person.sees(cancelling.OVERDUE)
    assert case.lost not in person.text
    person.control("c")
    await person.sees(case.lost, AGAIN, "(not connected) ")
    person.control("u")
    person.type(f"{case.ask}\n")
    await person.sees(case.answer)


@pytest.mark.parametrize("case", [POSTGRESQL, MYSQL], ids=lambda case: case.name)
async def test_a_result_that_does_not_go_on(
    case: Case,
    person: Person,
    proxy: tuple[TcpProxy, Server],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancelling, "PATIENCE", 0.1)
    person.type(f"{case.some}\n")
    await person.sees("q quit")
    await halts(person)
    proxy[0].silence(new=False)
    person.control("c")
    await person.sees(cancelling.OVERDUE)
    person.control("c")
    await person.sees(case.lost, AGAIN, "(not connected) ")


@pytest.mark.parametrize("case", [POSTGRESQL, MYSQL], ids=lambda case: case.name)
@pytest.mark.parametrize("key", ["q", "\x03"])
async def test_a_result_that_comes_to_a_halt_can_be_left(
    case: Case, person: Person, key: str
) -> None:
    person.type(f"{case.some}\n")
    await person.sees("q quit")
    await halts(person)
    person.handler.send(key.encode())
    await person.sees("looked at; there are more")
    person.type(f"{case.ask}\n")
    await person.sees(case.answer)


async def test_nothing_is_left_of_a_silent_server(
    case: Case, person: Person, proxy: tuple[TcpProxy, Server]
) -> None:
    person.type(f"{case.slow}\n")
    await person.runs()
    proxy[0].silence()
    person.transport.send("disconnect")
    await person.session.wait_closed()
    await person.waits(lambda: proxy[0].is_idle)
