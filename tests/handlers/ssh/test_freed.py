"""SSH sessions leave memory at once when they have ended, and the password with them."""

from __future__ import annotations

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from tests.support.freed import freed
from tests.support.openssh import OpenSsh
from tests.support.tcp_proxy import tcp_proxy


@pytest.fixture
def login(server: OpenSsh, key: str) -> dict[str, str]:
    return {**server.address, "username": server.user, "private-key": key}


async def used(daemon: Daemon, values: dict[str, str]) -> GuacClient:
    client = await GuacClient.connect(address(daemon), "ssh", values)
    await client.frame()
    client.type("echo a\n")
    client.mouse(9, 9, 1)
    client.size(640, 480)
    await client.frame()
    return client


async def test_a_shell_that_its_user_leaves(daemon: Daemon, login: dict[str, str]) -> None:
    async with freed(daemon.registry):
        client = await used(daemon, login)
        await client.close()


async def test_a_shell_that_ends(daemon: Daemon, login: dict[str, str]) -> None:
    async with freed(daemon.registry):
        client = await used(daemon, login)
        client.type("exit\n")
        await client.wait_closed()
        await client.close()


async def test_a_host_that_resets_the_connection(
    daemon: Daemon, server: OpenSsh, login: dict[str, str]
) -> None:
    async with tcp_proxy(server.host, server.port) as (proxy, port), freed(daemon.registry):
        client = await used(daemon, login | {"port": str(port)})
        proxy.reset()
        await client.wait_closed()
        await client.close()


async def test_a_refused_login(daemon: Daemon, server: OpenSsh) -> None:
    values = {**server.address, "username": server.user, "password": "wrong"}
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "ssh", values)
        client.send("key", 65, 1)
        await client.close(politely=True)
        client = await GuacClient.connect(address(daemon), "ssh", values)
        await client.wait_closed(30)
        await client.close()


async def test_who_leaves_in_place_of_a_password(daemon: Daemon, server: OpenSsh) -> None:
    values = {**server.address, "username": server.user}
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "ssh", values)
        await client.frame()
        await client.close()


async def test_a_host_behind_another_one(
    daemon: Daemon, server: OpenSsh, login: dict[str, str], key: str
) -> None:
    jump = {
        "ssh-jump-hostname": server.host,
        "ssh-jump-port": str(server.port),
        "ssh-jump-private-key": key,
    }
    async with freed(daemon.registry):
        client = await used(daemon, login | jump)
        await client.close()


async def test_a_forwarded_agent(daemon: Daemon, login: dict[str, str]) -> None:
    async with freed(daemon.registry):
        client = await used(daemon, login | {"enable-agent": "true"})
        await client.close()
