"""No client takes a host for connected that is not: the first `sync` is a success, and Apache
Guacamole's failover goes by it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, running_daemon
from tests.support.waiting import free_port

HOST = {"hostname": "127.0.0.1", "username": "u"}
CASES = {
    "ssh": HOST,
    "telnet": {"hostname": "127.0.0.1"},
    "kubernetes": {"hostname": "127.0.0.1", "pod": "p", "use-ssl": "false"},
    "vnc": {"hostname": "127.0.0.1"},
    "postgresql": HOST,
    "mysql": HOST,
    "redis": {"hostname": "127.0.0.1"},
    "mongodb": {"hostname": "127.0.0.1", "timeout": "1"},
    "sqlserver": HOST | {"timeout": "1"},
    "oracle": HOST | {"password": "p", "database": "d"},
}


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with running_daemon() as running:
        yield running


@pytest.mark.parametrize("protocol", CASES)
async def test_a_refused_port_is_told_without_a_picture(daemon: Daemon, protocol: str) -> None:
    parameters = CASES[protocol] | {"port": str(free_port())}
    async with await GuacClient.connect(address(daemon), protocol, parameters) as client:
        await client.wait_closed()
        assert client.state.errors
        assert client.state.syncs == 0


async def test_who_is_asked_for_a_name_sees_the_question(daemon: Daemon) -> None:
    parameters = {"hostname": "127.0.0.1", "port": str(free_port())}
    async with await GuacClient.connect(address(daemon), "ssh", parameters) as client:
        await client.frame()
        assert not client.state.errors
