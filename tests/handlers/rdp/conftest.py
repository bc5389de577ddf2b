"""RDP servers, with a certificate that an authority has signed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.daemon import local_settings, running_daemon
from handlers.rdp.handler import RdpHandler
from handlers.rdp.launcher import launcher, launchers
from tests.handlers.rdp.sessions import workers, zygote_pid
from tests.support.certificates import Authority, Pair
from tests.support.guarding import owned
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


@pytest.fixture(scope="session")
def zygotes() -> Iterator[None]:
    """The processes that fork workers, which load their engine once for all tests of a process."""
    yield
    for one in launchers.values():
        one.close()


@pytest.fixture
async def zygote(zygotes: None) -> None:
    """The one of FreeRDP, which tests of others may have ended."""
    with owned():
        await asyncio.to_thread(launcher.start)


@pytest.fixture
def engine() -> str:
    """The engine of the daemon's sessions; tests of others set it as a parameter."""
    return "auto"


@pytest.fixture
def settings() -> dict[str, object]:
    """Further settings of the daemon, under [rdp]."""
    return {}


@pytest.fixture
async def daemon(zygote: None, engine: str, settings: dict[str, object]) -> AsyncIterator[Daemon]:
    with owned():
        await asyncio.to_thread(launchers[engine].start)
    local = local_settings(rdp={"engine": engine} | settings)
    async with running_daemon(RdpHandler, settings=local) as running:
        yield running
    await until(lambda: not workers(zygote_pid(engine)), "the workers' end")
