from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.handlers.database.people import Room
from tests.support.certificates import Authority
from tests.support.redis_server import redis_server
from tests.support.sql_servers import Server, mariadb, postgresql


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    yield room
    await room.close()


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority that signed the certificates of `postgresql_server` and `mariadb_server`."""
    return Authority()


@pytest.fixture(scope="session")
def postgresql_server(authority: Authority) -> Iterator[Server]:
    with postgresql(authority) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server(authority: Authority) -> Iterator[Server]:
    with mariadb(authority) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server_alone() -> Iterator[Server]:
    """Redis, with neither password nor TLS."""
    with redis_server() as server:
        yield server
