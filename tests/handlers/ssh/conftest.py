"""One OpenSSH server for all tests of a process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from guacr.daemon import Daemon
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.require import missing
from tests.support.ssh_desk import ssh_daemon


@pytest.fixture(scope="session")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("OpenSSH's server is not installed")
    with openssh_server() as running:
        yield running


@pytest.fixture(scope="session")
def key(server: OpenSsh) -> str:
    """A private key that the server takes."""
    return server.make_key("-t", "ed25519")


@pytest.fixture
def password(server: OpenSsh) -> str:
    if not server.password:
        missing("making a user with a password takes root")
    return server.password


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with ssh_daemon() as running:
        yield running
