"""RDP servers, with a certificate that an authority has signed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.daemon import running_daemon
from handlers.rdp.handler import RdpHandler
from handlers.rdp.launcher import launcher
from tests.handlers.rdp.sessions import workers, zygote_pid
from tests.support.certificates import Authority, Pair
from tests.support.waiting import until
from tests.support.xrdp import Xrdp, xrdp_server
from tests.support.xvnc import Desktop, xvnc


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def pair(authority: Authority) -> Pair:
    """The certificate and key of servers; the RDP protocol's own security needs an RSA key."""
    return authority.issue("server", rsa_key=True)


@pytest.fixture(scope="session")
def running_xrdp(pair: Pair) -> Iterator[Xrdp]:
    with xrdp_server(pair) as server:
        yield server


@pytest.fixture
async def xrdp(running_xrdp: Xrdp) -> AsyncIterator[Xrdp]:
    """One server for all tests of a process; its sessions end with the test."""
    yield running_xrdp
    await running_xrdp.end_sessions()


@pytest.fixture
async def desktop() -> AsyncIterator[Desktop]:
    """A display for the servers that show one which they did not start."""
    async with xvnc() as running:
        yield running


@pytest.fixture(scope="module")
def zygote() -> Iterator[None]:
    """The process that forks workers, which loads FreeRDP once for all tests of a module."""
    launcher.start()
    yield
    launcher.close()


@pytest.fixture
async def daemon(zygote: None) -> AsyncIterator[Daemon]:
    async with running_daemon(RdpHandler) as running:
        yield running
    await until(lambda: not workers(zygote_pid()), "the workers' end")
