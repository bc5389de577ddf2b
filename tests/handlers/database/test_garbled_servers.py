"""Servers that speak their protocol until a person has logged in, and nonsense then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from tests.handlers.database.people import ENTER, Room
from tests.support.sql_servers import Server
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

LOST = ("the connection is lost: ", "press Enter to connect again", "(not connected) ")


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of server, and what is typed there."""

    name: str
    server: str
    """The fixture that gives its parameters."""
    change: Callable[[bytes], bytes]
    """What becomes of what the server says."""
    ask: str = "select 6 * 7 as answer;"
    answer: str = "42\n(1 row)"


def nothing_but_ones(data: bytes) -> bytes:
    return b"\xff" * len(data)


def no_utf8(data: bytes) -> bytes:
    return data.replace(b"answer", b"\xff\xff\xff\xff\xff\xff")


def longer_names(data: bytes) -> bytes:
    return data.replace(b"\x06answer", b"\xf0answer")


CASES = {
    "postgresql": Case("postgresql", "postgresql_server", nothing_but_ones),
    "mysql": Case("mysql", "mariadb_server", nothing_but_ones),
    "mysql, no UTF-8": Case("mysql", "mariadb_server", no_utf8),
    "mysql, longer names": Case("mysql", "mariadb_server", longer_names),
    "redis": Case("redis", "redis_server_alone", nothing_but_ones, "echo answer", '"answer"'),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
async def proxy(
    case: Case, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[TcpProxy, Server]]:
    """A proxy to the server, and the parameters that lead there."""
    server: Server = request.getfixturevalue(case.server)
    values = {name: text for name, text in server.items() if name != "socket"}
    async with tcp_proxy(values["hostname"], int(values["port"])) as (proxy, port):
        yield proxy, values | {"port": str(port), "tls": "disable"}


async def test_a_garbled_answer_loses_the_server(
    case: Case, room: Room, proxy: tuple[TcpProxy, Server]
) -> None:
    person = room.open(case.name, **proxy[1])
    await person.waits(lambda: person.text.rstrip().endswith(">"))
    proxy[0].garble(case.change)
    person.type(f"{case.ask}\n")
    await person.sees(*LOST)
    proxy[0].garble(bytes)
    person.press(ENTER)
    await person.sees(case.answer)


@pytest.mark.parametrize("case", [CASES["postgresql"]])
async def test_a_version_that_is_no_text(room: Room, proxy: tuple[TcpProxy, Server]) -> None:
    proxy[0].garble(lambda data: data.replace(b"server_version\x001", b"server_version\x00\xff"))
    person = room.open("postgresql", **proxy[1])
    await person.sees("PostgreSQL \N{REPLACEMENT CHARACTER}", "postgres=>")
