"""Clients are who their certificate, token and listener say, for the access rules."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from guacr.access.tokens import Grant, make_token
from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.policy.client import Client
from guacr.protocol.status import Status
from guacr.session.events import UserJoined
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from guacr.testing.client import GuacClient
from guacr.testing.daemon import LOCAL
from tests.support.certificates import Authority
from tests.support.loopback import SketchHandler
from tests.support.waiting import until

KEY = "k" * 32
NAME = "ann.example.com"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def daemon(authority: Authority, tmp_path: Path) -> AsyncIterator[Daemon]:
    pair = authority.issue("server")
    (tmp_path / "server.pem").write_text(pair.certificate + pair.key)
    (tmp_path / "ca.pem").write_text(authority.certificate)
    settings = Settings.model_validate(
        {
            "server": {
                "hosts": LOCAL,
                "port": 0,
                "tls_certificate": tmp_path / "server.pem",
                "tls_client_ca": tmp_path / "ca.pem",
                "unix_socket": tmp_path / "socket",
            },
            "websocket": {"hosts": LOCAL, "port": 0, "token_keys": [KEY]},
        }
    )
    daemon = Daemon(settings, protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


def tls_of(authority: Authority, directory: Path, name: str) -> ssl.SSLContext:
    """TLS of a client with a certificate."""
    pair = authority.issue("common name", host=name)
    path = directory / "client.pem"
    path.write_text(pair.certificate + pair.key)
    context = ssl.create_default_context(cadata=authority.certificate)
    context.load_cert_chain(path)
    return context


async def outcome(daemon: Daemon, tls: ssl.SSLContext | None) -> tuple[str, int] | Client:
    """The error that a client gets, or who it is for the daemon."""
    if tls is None:
        path = str(daemon.settings.server.unix_socket)
        client = GuacClient(*await asyncio.open_unix_connection(path))
    else:
        client = await GuacClient.dial(LOCAL[0], daemon.port, tls=tls)
    async with client:
        client.send("select", "sketch")
        await client.wait(lambda: client.state.args, "args")
        client.send("connect", *([""] * len(client.state.args)))
        await client.wait(lambda: client.state.ready or client.state.errors, "an answer")
        if client.state.errors:
            return client.state.errors[0]
        session = daemon.registry.find(client.state.ready).session
        return session.context.origin.client


def with_rules(daemon: Daemon, *rules: dict[str, object]) -> Settings:
    return Settings.model_validate(daemon.settings.model_dump() | {"access": {"rules": rules}})


async def test_certificates_and_unix_sockets(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    ann = tls_of(authority, tmp_path, NAME)
    ben = tls_of(authority, tmp_path, "ben.example.com")
    assert await outcome(daemon, ann) == Client("tcp", LOCAL[0], (NAME,))
    await until(lambda: not daemon.registry.sessions, "its session ends")
    with daemon.registry.events.subscribe() as events:
        await outcome(daemon, ann)
        await anext(events)
        joined = await anext(events)
        assert isinstance(joined, UserJoined)
        assert joined.certificate == NAME
    assert await outcome(daemon, None) == Client("unix")
    assert daemon.reload(with_rules(daemon, {"identities": [NAME], "addresses": LOCAL})) == []
    assert await outcome(daemon, ann) == Client("tcp", LOCAL[0], (NAME,))
    for tls in (ben, None):
        refused = await outcome(daemon, tls)
        assert isinstance(refused, tuple)
        assert refused[1] == Status.CLIENT_FORBIDDEN
    daemon.reload(with_rules(daemon, {"listeners": ["unix"]}))
    assert await outcome(daemon, None) == Client("unix")
    assert isinstance(await outcome(daemon, ann), tuple)


async def test_operators_see_the_name_in_a_certificate(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    tls = tls_of(authority, tmp_path, NAME)
    async with await GuacClient.dial(LOCAL[0], daemon.port, tls=tls) as client:
        await client.handshake("sketch")
        (session,) = await daemon.control.sessions()
    assert (session.subject, session.users[0].subject) == (NAME, NAME)


async def test_rules_that_cannot_be_read_change_nothing(daemon: Daemon) -> None:
    with pytest.raises((SettingsError, ValueError)):
        daemon.reload(with_rules(daemon, {"targets": []}))
    assert not daemon.registry.admission.policy.is_active


async def test_tokens(daemon: Daemon) -> None:
    daemon.reload(with_rules(daemon, {"identities": ["ann"], "listeners": ["websocket"]}))
    for subject, allowed in (("ann", True), ("ben", False), ("", False)):
        grant = Grant(protocol="sketch", subject=subject)
        token = make_token(KEY, grant, now=time.time(), lifetime=60)
        url = f"ws://{LOCAL[0]}:{daemon.web_port}/websocket?token={token}"
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(url, protocols=["guacamole"]) as socket,
        ):
            text = ""
            while "5.ready" not in text and "5.error" not in text:
                text += await socket.receive_str()
            assert ("5.ready" in text) == allowed
            assert ("3.771" in text) != allowed
