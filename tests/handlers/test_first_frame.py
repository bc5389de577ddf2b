"""No client takes a host for connected that is not: the first `sync` is a success, and Apache
Guacamole's failover goes by it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from guacr.daemon import Daemon
from guacr.session.protocols import Protocols
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, running_daemon
from handlers.rdp.launcher import launcher
from tests.support.waiting import free_port

HOST = {"hostname": "127.0.0.1", "username": "u"}
CASES = {
    "ssh": HOST,
    "telnet": {"hostname": "127.0.0.1"},
    "kubernetes": {"hostname": "127.0.0.1", "pod": "p", "use-ssl": "false"},
    "vnc": {"hostname": "127.0.0.1"},
    "rdp": HOST | {"password": "p"},
    "postgresql": HOST,
    "mysql": HOST,
    "redis": {"hostname": "127.0.0.1"},
    "mongodb": {"hostname": "127.0.0.1", "timeout": "1"},
    "sqlserver": HOST | {"timeout": "1"},
    "oracle": HOST | {"password": "p", "database": "d"},
}


def test_every_protocol_that_connects_to_a_host_is_among_them() -> None:
    protocols = Protocols()
    handlers = {name: protocols.find(name) for name in protocols.names}
    remote = {
        name
        for name, handler in handlers.items()
        if not handler.alias_of and "hostname" in handler.params_type.names()
    }
    assert remote - {"sqlite"} == set(CASES)


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with running_daemon() as running:
        yield running
    launcher.close()  # the process that forks RDP's workers, if it was started


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
