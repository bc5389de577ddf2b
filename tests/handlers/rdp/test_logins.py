"""Logins with FreeRDP's shadow server and xrdp: security protocols, credentials, refusals, and
questions to the owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient, Hello, keysym
from guacr.testing.daemon import address
from handlers.rdp.login import TEXT_MAX
from handlers.rdp.worker.engines import AARDWOLF, AUTO
from tests.handlers.rdp.sessions import aardwolf, each_engine
from tests.handlers.rdp.sessions import shows as shows_exactly
from tests.support.certificates import Authority, Pair
from tests.support.freerdp_shadow import ALICE, BOB, CAROL, DORA, freerdp_shadow
from tests.support.hyper_v import hyper_v
from tests.support.rdp_desktop import BAD_PASSWORD, SESSION_CONTINUES, RdpDesktop
from tests.support.scripted_host import scripted_host
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tests.support.waiting import until
from tests.support.xrdp import Xrdp
from tests.support.xvnc import Desktop

PROVEN = {"ignore-cert": "true"}
KEYS = {"\t": 0xFF09, "\r": 0xFF0D}
TEXT = 3
"""Colours of a desktop without text on it."""
SHOWN = 20.0
"""Seconds within which a desktop appears."""


@pytest.fixture
async def desktop(desktop: Desktop) -> Desktop:
    """A display with a colour."""
    desktop.run("xsetroot", "-solid", "#204060")
    return desktop


@asynccontextmanager
async def server(
    desktop: Desktop, security: str, pair: Pair, directory: Path
) -> AsyncIterator[tuple[dict[str, str], TcpProxy]]:
    """The parameters for a server, and the proxy before it, which counts connections."""
    async with (
        freerdp_shadow(desktop, security, pair, directory) as found,
        tcp_proxy("127.0.0.1", int(found["port"])) as (proxy, port),
    ):
        yield PROVEN | {"hostname": "127.0.0.1", "port": str(port)}, proxy


async def refusal(daemon: Daemon, parameters: Mapping[str, str]) -> tuple[str, int]:
    """The error of a connection that shows nothing."""
    async with await GuacClient.connect(address(daemon), "rdp", parameters) as client:
        await client.wait_closed(SHOWN)
        assert not client.canvas.flatten().any()
    ((sentence, status),) = client.state.errors
    return sentence, status


async def is_shown(daemon: Daemon, parameters: Mapping[str, str]) -> None:
    async with await GuacClient.connect(address(daemon), "rdp", parameters) as client:
        await shows(client)


async def shows(client: GuacClient) -> None:
    await client.wait(lambda: client.canvas.flatten().any(), "the desktop", SHOWN)


async def answer(client: GuacClient, **values: str) -> None:
    """Wait until exactly these values are asked for, in this order, and give them."""
    await client.wait(lambda: client.state.required, "a question", SHOWN)
    assert client.state.required == [tuple(values)]
    for name, value in values.items():
        client.stream("argv", "text/plain", name, data=value.encode())


# ---- NLA


@each_engine
@pytest.mark.parametrize("security", ["any", "nla", "nla-ext"])
async def test_nla(
    security: str, daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with server(desktop, "nla", pair, tmp_path) as (found, proxy):
        found |= {"security": security}
        await is_shown(daemon, found | ALICE.parameters)
        assert proxy.connections == 1


@each_engine
async def test_refused_logins_are_not_repeated(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    """Repeated ones would lock accounts. `any` must not fall back to anything weaker either."""
    async with server(desktop, "nla", pair, tmp_path) as (found, proxy):
        found |= {"autoretry": "3"}
        for login in ({"password": "wrong"}, {"username": "nobody"}):
            sentence, status = await refusal(daemon, found | ALICE.parameters | login)
            assert status == Status.CLIENT_UNAUTHORIZED
            assert sentence == (
                "host '127.0.0.1' refused the login: check user name, password and domain"
            )
        assert proxy.connections == 2


@each_engine
@pytest.mark.parametrize(
    "login",
    [
        BOB.parameters,
        {"username": f"{BOB.domain}\\{BOB.username}", "password": BOB.password},
        CAROL.parameters,
    ],
    ids=["domain", "domain in the name", "user@domain"],
)
async def test_domains(
    login: dict[str, str], daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with server(desktop, "nla", pair, tmp_path) as (found, _):
        await is_shown(daemon, found | login)


@pytest.mark.parametrize(
    ("engine", "known", "asked"),
    [
        (AUTO, {}, {"username": "bob", "domain": "CORP", "password": BOB.password}),
        (AUTO, {"domain": "CORP"}, {"username": "bob", "password": BOB.password}),
        (AUTO, {"username": "alice"}, {"password": ALICE.password}),
        (AUTO, {"password": ALICE.password}, {"username": "alice", "domain": ""}),
        (AUTO, {"username": "dora"}, {"password": DORA.password}),
        pytest.param(AARDWOLF, {"username": "dora"}, {"password": DORA.password}, marks=aardwolf),
    ],
    ids=["all", "but the domain", "the password", "the name", "an empty password", "by aardwolf"],
)
async def test_the_owner_is_asked(
    known: dict[str, str],
    asked: dict[str, str],
    daemon: Daemon,
    desktop: Desktop,
    pair: Pair,
    tmp_path: Path,
) -> None:
    async with server(desktop, "nla", pair, tmp_path) as (found, proxy):
        async with await GuacClient.connect(address(daemon), "rdp", found | known) as client:
            await client.wait(lambda: client.state.required, "a question", SHOWN)
            await until(lambda: proxy.is_idle, "no connection during a question")
            await answer(client, **asked)
            await shows(client)
        assert proxy.connections == 2


async def test_a_wrong_answer(daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path) -> None:
    async with server(desktop, "nla", pair, tmp_path) as (found, proxy):
        for values, sentence, connections in (
            ({"username": "alice", "domain": "", "password": ""}, "refused the login", 2),
            ({"username": "", "domain": "", "password": "x"}, "no user name was entered", 3),
        ):
            async with await GuacClient.connect(address(daemon), "rdp", found) as client:
                await answer(client, **values)
                await client.wait_closed(SHOWN)
            ((said, status),) = client.state.errors
            assert sentence in said
            assert status == Status.CLIENT_UNAUTHORIZED
            assert proxy.connections == connections


async def test_who_leaves_or_cannot_be_asked(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with server(desktop, "nla", pair, tmp_path) as (found, proxy):
        async with await GuacClient.connect(address(daemon), "rdp", found) as client:
            await client.wait(lambda: client.state.required, "a question", SHOWN)
        await until(lambda: not daemon.registry.sessions, "the session's end")
        old = Hello(version="VERSION_1_1_0")
        async with await GuacClient.connect(address(daemon), "rdp", found, hello=old) as client:
            await client.wait_closed(SHOWN)
        ((sentence, status),) = client.state.errors
        assert status == Status.UNSUPPORTED
        assert "needs username and domain and password" in sentence
        assert proxy.connections == 2


# ---- security protocols


@pytest.mark.parametrize(
    ("offered", "given", "sentence"),
    [
        ("nla", {"security": "tls"}, "network level authentication (NLA), which security=tls"),
        ("nla", {"security": "rdp"}, "network level authentication (NLA), which security=rdp"),
        ("nla", {"disable-auth": "true"}, "(NLA), which disable-auth excludes: do not set"),
        ("tls", {"security": "nla"}, "wants TLS without NLA, which security=nla excludes: set"),
        ("tls", {"security": "rdp"}, "wants TLS without NLA, which security=rdp excludes: set"),
        ("rdp", {"security": "nla"}, "only RDP's own encryption (it verifies no certificate)"),
        (
            "rdp",
            {"security": "nla-ext"},
            "RDP's own encryption (it verifies no certificate), which",
        ),
        ("rdp", {"security": "tls"}, "which security=tls excludes: set the parameter security"),
        ("rdp", {"ignore-cert": ""}, "which security=any excludes: set the parameter security"),
    ],
)
async def test_excluded(
    offered: str,
    given: dict[str, str],
    sentence: str,
    daemon: Daemon,
    desktop: Desktop,
    pair: Pair,
    tmp_path: Path,
) -> None:
    async with server(desktop, offered, pair, tmp_path) as (found, _):
        said, status = await refusal(daemon, found | ALICE.parameters | given)
    assert sentence in said
    assert status == Status.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("offered", "given"),
    [
        ("tls", {}),
        ("tls", {"security": "tls"}),
        ("tls", {"disable-auth": "true"}),
        ("rdp", {}),
        ("rdp", {"security": "rdp", "ignore-cert": ""}),
    ],
)
async def test_accepted(
    offered: str,
    given: dict[str, str],
    daemon: Daemon,
    desktop: Desktop,
    pair: Pair,
    tmp_path: Path,
) -> None:
    async with server(desktop, offered, pair, tmp_path) as (found, _):
        await is_shown(daemon, found | given)


async def test_a_virtual_machine(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    """Its id precedes a login by NLA, for which nothing is negotiated before (vmconnect)."""
    async with (
        freerdp_shadow(desktop, "nla", pair, tmp_path) as found,
        hyper_v(int(found["port"]), pair, tmp_path) as host,
    ):
        values = PROVEN | ALICE.parameters | host.parameters
        values |= {"security": "vmconnect", "preconnection-blob": "7c4b9ac4"}
        await is_shown(daemon, values)
        assert host.machines == ["7c4b9ac4"]
        sentence, status = await refusal(daemon, values | {"password": "wrong"})
    assert "refused the login" in sentence
    assert status == Status.CLIENT_UNAUTHORIZED


# ---- xrdp, which has no NLA, and a login window of its own


@pytest.mark.parametrize("security", ["any", "tls"])
async def test_xrdp(security: str, daemon: Daemon, xrdp: Xrdp) -> None:
    found = PROVEN | xrdp.parameters("Xvnc") | {"security": security}
    async with await GuacClient.connect(address(daemon), "rdp", found) as client:
        await xrdp.display()
        await shows(client)


@each_engine
async def test_xrdp_refuses(daemon: Daemon, xrdp: Xrdp) -> None:
    """It shows its log, and waits for the person: nothing must be repeated."""
    found = PROVEN | xrdp.parameters("Xvnc") | {"password": "wrong", "autoretry": "3"}
    before = xrdp.log.read_text().count("AUTHFAIL")
    async with await GuacClient.connect(address(daemon), "rdp", found) as client:
        await client.wait(lambda: shades(client) > TEXT, "its log", timeout=SHOWN)
        assert not client.state.errors
    assert xrdp.log.read_text().count("AUTHFAIL") == before + 1


@each_engine
async def test_xrdps_own_window_for_logins(daemon: Daemon, xrdp: Xrdp) -> None:
    found = PROVEN | xrdp.address("asking")
    async with await GuacClient.connect(address(daemon), "rdp", found) as client:
        await client.wait(lambda: shades(client) > TEXT, "the window", timeout=SHOWN)
        for character in f"{xrdp.user}\t{xrdp.password}\r":
            client.key(KEYS.get(character) or keysym(character))
        await shows_exactly(client, await xrdp.display())


def shades(client: GuacClient) -> int:
    """How many different colours the client sees."""
    red, green, blue = np.moveaxis(client.canvas.flatten().astype(np.uint32), 2, 0)
    return len(np.unique(red << 16 | green << 8 | blue))


# ---- hosts that report a logon once their desktop is shown


@each_engine
@pytest.mark.parametrize("refused", [True, False])
async def test_a_logon_that_the_host_refuses_is_not_repeated(
    refused: bool, engine: str, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    tls = authority.server_context(tmp_path)
    hosts: list[RdpDesktop] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.append(RdpDesktop(tls))
        await hosts[-1].script(reader, writer)

    async with scripted_host(script) as parameters:
        found = PROVEN | parameters | {"username": "ann", "password": "sesame", "autoretry": "1"}
        async with await GuacClient.connect(address(daemon), "rdp", found) as client:
            await until(lambda: hosts, "the connection")
            if refused:
                await hosts[0].refuse_logon(SESSION_CONTINUES, BAD_PASSWORD)
            else:
                await hosts[0].note_logon()
            await client.wait(lambda: client.state.syncs, "the desktop", timeout=SHOWN)
            hosts[0].disconnect()
            if refused:
                await client.wait_closed(SHOWN)
                assert "check user name, password and domain" in client.state.errors[0][0]
            else:
                await until(lambda: len(hosts) == 2, "another connection")
    assert len(hosts) == (1 if refused else 2)


# ---- lengths


@each_engine
async def test_the_longest_credentials_arrive(daemon: Daemon, authority: Authority) -> None:
    """As far as RDP has room for them, even if all of them are so long."""
    names = "username", "password", "domain", "initial-program"
    longest = {name: letter * TEXT_MAX for name, letter in zip(names, "updi", strict=True)}
    with TemporaryDirectory() as directory:
        host = RdpDesktop(authority.server_context(Path(directory)))
        async with scripted_host(host.script) as found:
            parameters = PROVEN | found | longest
            async with await GuacClient.connect(address(daemon), "rdp", parameters) as client:
                introduced = await asyncio.wait_for(host.introduced, SHOWN)
                assert not client.state.errors
    request, texts = introduced.request, introduced.texts[:4]
    assert request[0] == len(request) - 1  # one byte, whatever the name
    assert texts == [longest[name] for name in ("domain", "username", "password", names[-1])]


@pytest.mark.parametrize("name", ["username", "password", "domain", "initial-program"])
async def test_what_is_too_long_is_refused(name: str, daemon: Daemon) -> None:
    """FreeRDP would send it, and write more than it has room for."""
    parameters = {"hostname": "127.0.0.1", "port": "1", name: "\N{GRINNING FACE}" * 128}
    sentence, status = await refusal(daemon, parameters)
    assert sentence == f"parameter {name} is too long: RDP has room for 255 characters"
    assert status == Status.CLIENT_BAD_REQUEST
