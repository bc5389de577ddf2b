"""Sessions of this process, for conversations whose settings name no guacd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from guacr.settings.models import ServerSettings, Settings
from guacr.testing.daemon import running_daemon
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.guacamole.connect import Request
from guacr.tubes.guacamole.local_sessions import LocalSessions
from guacr.tubes.guacamole.opener import Opener
from guacr.tubes.wire.control import ConnectionOpened, OpenConnection
from tests.support.conversations import raw_peer
from tests.support.loopback import SketchHandler
from tests.support.waiting import until


def opener(protocol: str) -> Opener:
    return Opener(Request(protocol, {}), lambda event: None)


def only(protocol: str) -> Settings:
    return Settings(server=ServerSettings(protocols=(protocol,)))


@pytest_asyncio.fixture
async def sessions() -> AsyncIterator[LocalSessions]:
    own = LocalSessions()
    yield own
    await own.close()


async def test_a_session(sessions: LocalSessions) -> None:
    async with raw_peer(await sessions.backend("testcard", opener("testcard"))) as (peer, _):
        peer.send(OpenConnection(1))

        await until(peer.received(ConnectionOpened(1)), "the open")
        await until(lambda: b"4.sync," in peer.data.get(1, b""), "a frame")


@pytest.mark.parametrize("protocol", ["http", "zzz"])
async def test_protocols_that_are_not_installed(sessions: LocalSessions, protocol: str) -> None:
    with pytest.raises(TubeSettingsError, match=f"protocol '{protocol}' is unknown"):
        await sessions.backend(protocol, opener(protocol))


async def test_settings_apply_to_what_begins_afterwards(sessions: LocalSessions) -> None:
    await sessions.backend("testcard", opener("testcard"))

    await sessions.configure(only("ssh"))

    with pytest.raises(TubeSettingsError, match="protocol testcard is disabled"):
        await sessions.backend("testcard", opener("testcard"))
    await sessions.backend("ssh", opener("ssh"))


async def test_settings_from_the_start() -> None:
    sessions = LocalSessions(only("ssh"))
    with pytest.raises(TubeSettingsError, match="protocol testcard is disabled"):
        await sessions.backend("testcard", opener("testcard"))
    await sessions.close()


async def test_settings_with_an_unknown_protocol(sessions: LocalSessions) -> None:
    with pytest.raises(TubeSettingsError, match="protocol 'zzz' is unknown"):
        await sessions.configure(only("zzz"))


async def test_sessions_of_a_daemon() -> None:
    async with running_daemon(SketchHandler) as daemon:
        sessions = LocalSessions(directory=daemon.registry)
        async with raw_peer(await sessions.backend("sketch", opener("sketch"))) as (peer, _):
            peer.send(OpenConnection(1))
            await until(lambda: daemon.registry.sessions, "the session")
            await sessions.close()
            assert daemon.registry.sessions


async def test_they_start_once(sessions: LocalSessions) -> None:
    backends = [sessions.backend("testcard", opener("testcard")) for _ in range(3)]

    one, *others = await asyncio.gather(*backends)

    assert all(other._directory is one._directory for other in others)  # type: ignore[attr-defined]
