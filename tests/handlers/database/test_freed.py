"""The data that a console has read, and its password, leave memory as soon as it has ended."""

from __future__ import annotations

import pytest

from tests.handlers.database.people import Room
from tests.support.freed import freed
from tests.support.sql_servers import Server
from tests.support.tcp_proxy import tcp_proxy

SERVERS = {
    "postgresql": "postgresql_server",
    "mysql": "mariadb_server",
    "redis": "redis_server_alone",
}


@pytest.fixture(params=SERVERS)
def place(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """A protocol, and the parameters that name its server."""
    server: Server = request.getfixturevalue(SERVERS[request.param])
    return request.param, {name: text for name, text in server.items() if name != "socket"}


async def test_a_console(room: Room, place: tuple[str, dict[str, str]]) -> None:
    name, values = place
    async with freed(room.registry):
        person = room.open(name, **values)
        await person.sees("Type \\? for help", ">")
        person.type("\\timing\n")
        await person.sees("iming is on")
        person.transport.send("disconnect")
        del person


async def test_a_server_that_resets_the_connection(
    room: Room, place: tuple[str, dict[str, str]]
) -> None:
    name, values = place
    host, far = values["hostname"], int(values["port"])
    async with tcp_proxy(host, far) as (proxy, port), freed(room.registry):
        person = room.open(name, **values | {"port": str(port)})
        await person.sees("Type \\? for help", ">")
        proxy.reset()
        person.type("\\d\n")
        await person.sees("the connection is lost")
        person.transport.send("disconnect")
        del person


async def test_a_refused_login(room: Room, place: tuple[str, dict[str, str]]) -> None:
    name, values = place
    async with freed(room.registry):
        person = room.open(name, **values | {"username": "nobody", "password": "wrong"})
        await person.fails()
        del person
