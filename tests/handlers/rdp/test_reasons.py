"""The reasons that hosts give for refused logins and for the end of a connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from tests.handlers.rdp.sessions import each_engine
from tests.handlers.rdp.test_logins import PROVEN, SHOWN, refusal
from tests.support.certificates import Authority
from tests.support.freerdp_shadow import ALICE
from tests.support.nla_host import NlaHost
from tests.support.rdp_desktop import BAD_PASSWORD, SESSION_CONTINUES, RdpDesktop
from tests.support.scripted_host import scripted_host


def hex_or_nothing(value: object) -> str:
    """Names a test by its code."""
    return f"{value:#x}" if type(value) is int else ""


@each_engine
@pytest.mark.parametrize(
    ("reason", "status", "words"),
    [
        (0xC0000234, Status.CLIENT_FORBIDDEN, "has locked this account after failed logins: wait"),
        (0xC0000072, Status.CLIENT_FORBIDDEN, "has disabled this account: ask the administrator"),
        (0xC0000193, Status.CLIENT_FORBIDDEN, "says that this account has expired: ask"),
        (0xC0000071, Status.CLIENT_FORBIDDEN, "says that the password has expired: change it"),
        (0xC0000224, Status.CLIENT_FORBIDDEN, "wants the password to be changed: change it"),
        (0xC000006E, Status.CLIENT_FORBIDDEN, "restricts this account, such as to certain hours"),
        (0xC000015B, Status.CLIENT_FORBIDDEN, "does not grant this user remote logins: ask"),
        (0xC000006D, Status.CLIENT_UNAUTHORIZED, "refused the login: check user name, password"),
        (0xC000006A, Status.CLIENT_UNAUTHORIZED, "refused the password: check it"),
        (0xC0000022, Status.CLIENT_FORBIDDEN, "denies access to this user: ask"),
    ],
    ids=hex_or_nothing,
)
async def test_reasons_of_windows(
    reason: int, status: Status, words: str, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    host = NlaHost(authority.server_context(tmp_path), reason)
    async with scripted_host(host.script) as parameters:
        sentence, found = await refusal(
            daemon, parameters | PROVEN | ALICE.parameters | {"autoretry": "3"}
        )
    assert words in sentence
    assert found == status
    assert host.targets == ["TERMSRV/127.0.0.1"]


@asynccontextmanager
async def shown(
    daemon: Daemon, authority: Authority, directory: Path
) -> AsyncIterator[tuple[RdpDesktop, GuacClient]]:
    """A host that shows its desktop, and its client."""
    host = RdpDesktop(authority.server_context(directory))
    async with scripted_host(host.script) as parameters:
        found = PROVEN | parameters | {"username": "ann", "password": "sesame"}
        async with await GuacClient.connect(address(daemon), "rdp", found) as client:
            await client.wait(lambda: client.state.syncs, "the desktop", timeout=SHOWN)
            yield host, client


@each_engine
@pytest.mark.parametrize(
    ("kind", "data", "status", "words"),
    [
        (SESSION_CONTINUES, BAD_PASSWORD, Status.CLIENT_UNAUTHORIZED, "refused the login: check"),
        (SESSION_CONTINUES, 1, Status.CLIENT_FORBIDDEN, "wants the password to be changed"),
        (SESSION_CONTINUES, 2, Status.CLIENT_UNAUTHORIZED, "shows the reason on its own screen"),
        (0xFFFFFFFA, 0, Status.CLIENT_FORBIDDEN, "does not let this user into the session: ask"),
        (0xFFFFFFF9, 5, Status.SESSION_CONFLICT, "a session of another user, which may not be"),
        (SESSION_CONTINUES, 3, Status.SESSION_CLOSED, "closed the connection shortly after the"),
    ],
)
async def test_why_a_logon_is_refused(
    kind: int,
    data: int,
    status: Status,
    words: str,
    daemon: Daemon,
    authority: Authority,
    tmp_path: Path,
) -> None:
    async with shown(daemon, authority, tmp_path) as (host, client):
        await host.refuse_logon(kind, data)
        host.disconnect()
        await client.wait_closed(SHOWN)
    ((sentence, found),) = client.state.errors
    assert words in sentence
    assert found == status


@each_engine
async def test_a_later_logon_counts(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    async with shown(daemon, authority, tmp_path) as (host, client):
        await host.refuse_logon(SESSION_CONTINUES, BAD_PASSWORD)
        await host.note_logon()
        host.disconnect()
        await client.wait_closed(SHOWN)
    assert "has closed the connection" in client.state.errors[0][0]


@each_engine
@pytest.mark.parametrize(
    ("reason", "status", "words"),
    [
        (0x03, Status.SESSION_TIMEOUT, "it was idle too long"),
        (0x05, Status.SESSION_CONFLICT, "has given this session to another connection"),
        (0x0F, Status.UPSTREAM_ERROR, "the driver of its display has failed"),
        (0x19, Status.UPSTREAM_UNAVAILABLE, "shuts down: connect again once it runs"),
        (0x1A, Status.UPSTREAM_UNAVAILABLE, "restarts: connect again in a minute"),
        (0x102, Status.UPSTREAM_UNAVAILABLE, "has no licence left"),
        (0x7777, Status.UPSTREAM_ERROR, "(ERRINFO_UNKNOWN_0x7777): connect again"),
    ],
    ids=hex_or_nothing,
)
async def test_why_a_host_ends_a_connection(
    reason: int, status: Status, words: str, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    async with shown(daemon, authority, tmp_path) as (host, client):
        await host.end(reason)
        await client.wait_closed(SHOWN)
    ((sentence, found),) = client.state.errors
    assert words in sentence
    assert found == status
