"""A daemon that operators can use, with sessions of the sketch protocol."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from guacr.access.operator_tokens import ALL_RIGHTS, Right, make_operator_token
from guacr.daemon import Daemon
from guacr.protocol.client import ClientInfo
from guacr.session.origin import Origin
from guacr.session.user import User
from guacr.settings.models import Settings
from guacr.testing.daemon import local_settings, running_daemon
from tests.support.loopback import MemoryTransport, SketchHandler, note_session

KEY = "the key of operators' tokens, of enough characters"


@dataclass(frozen=True, slots=True)
class Site:
    """A daemon with its control interface."""

    daemon: Daemon
    http: aiohttp.ClientSession
    """Requests go to the TCP port."""
    unix: aiohttp.ClientSession
    """Requests go to the Unix socket."""

    def is_draining(self) -> bool:
        return self.daemon.registry.is_draining

    def connect(self, select: str = "sketch", **values: str) -> tuple[MemoryTransport, User]:
        """A client; `subject` is the person for whom its token was made."""
        transport = MemoryTransport()
        origin = Origin(subject=values.pop("subject", ""))
        info = ClientInfo(width=200, height=100, version=(1, 5, 0), name="somebody")
        reader = self.daemon.registry.open(select, values, info, transport, origin)
        note_session(reader)
        return transport, reader.user


def bearer(rights: Iterable[Right] = ALL_RIGHTS, lifetime: float = 60) -> dict[str, str]:
    """The headers of an operator."""
    token = make_operator_token(KEY, "ann", rights, now=time.time(), lifetime=lifetime)
    return {"Authorization": f"Bearer {token}"}


def control_settings(path: Path, **control: object) -> Settings:
    """Settings with all that is here; `control` overrides them."""
    values = {
        "unix_socket": path / "control.sock",
        "http": True,
        "hosts": ("127.0.0.1",),
        "port": 0,
        "token_keys": (KEY,),
    }
    patient = {"hosts": ("127.0.0.1",), "port": 0, "client_timeout": 120}
    return local_settings(
        server=patient,  # clients in memory say nothing
        control=values | control,
        websocket={"hosts": ("127.0.0.1",), "port": 0},
    )


@asynccontextmanager
async def running_site(settings: Settings) -> AsyncIterator[Site]:
    """Run a daemon with plain HTTP until the block ends."""
    path = settings.control.unix_socket
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        base = f"http://127.0.0.1:{daemon.control_port}"
        unix = aiohttp.UnixConnector(str(path))
        async with (
            aiohttp.ClientSession(base) as http,
            aiohttp.ClientSession("http://guacr", connector=unix) as local,
        ):
            yield Site(daemon, http, local)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(control_settings(tmp_path)) as running:
        yield running
