"""The client of the commands, against a daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import TypeVar

import pytest

from guacr.access.operator_tokens import Right
from guacr.control import client as module
from guacr.control.client import ControlClient, Place
from guacr.errors import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    SettingsError,
    UnauthorizedError,
    UpstreamError,
    UpstreamUnavailableError,
)
from guacr.testing.daemon import running_daemon
from tests.guacr.operators.conftest import Site, bearer, control_settings, running_site
from tests.support.certificates import Authority
from tests.support.loopback import SketchHandler, session_of, until

T = TypeVar("T")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(control_settings(tmp_path)) as running:
        yield running


def local(site: Site) -> ControlClient:
    return ControlClient(Place(unix_socket=site.daemon.settings.control.unix_socket))


async def run(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


async def test_it_sees_and_acts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    client = local(site)
    clients = [site.connect(hostname=f"host{number}") for number in range(3)]
    sessions = await run(lambda: list(client.sessions()))
    assert [one.host for one in sessions] == ["host0", "host1", "host2"]
    assert [one.id for one in sessions] == list(site.daemon.registry.sessions)
    assert (await run(client.status)).workers[0].sessions == 3
    (found,) = await run(lambda: list(client.sessions(search="host1")))
    transport, user = clients[1]
    assert found.id == session_of(user).id
    await run(lambda: client.end(found.id, "so long"))
    assert transport.all("error")[0][0] == "so long"
    await run(client.drain)
    assert site.is_draining()
    await run(client.resume)
    assert not site.is_draining()
    with pytest.raises(SettingsError, match="no settings"):
        await run(client.reload)


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda client: client.status(), {"version": "9", "ready": True, "mood": "fine"}),
        (lambda client: client.status(), {"version": "9"}),
        (lambda client: list(client.sessions()), {"sessions": [{"id": "$1"}], "next": ""}),
        (lambda client: list(client.sessions()), {"sessions": [None], "next": ""}),
        (lambda client: list(client.sessions()), {}),
        (lambda client: client.reload(), {}),
    ],
)
def test_daemons_of_other_versions(
    ask: Callable[[ControlClient], object],
    answer: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = ControlClient(Place(url="http://127.0.0.1:1"))
    monkeypatch.setattr(client, "_ask", lambda *_, **__: answer)
    with pytest.raises(UpstreamError, match="of the same version"):
        ask(client)


async def test_ids_may_be_shortened(site: Site) -> None:
    client = local(site)
    _, user = site.connect()
    session = session_of(user)
    for text in (session.id, session.id[1:], session.id[:9]):
        assert (await run(lambda text=text: client.find(text))).id == session.id  # type: ignore[misc]
    with pytest.raises(NotFoundError, match="begins with 'x': `guacr sessions`"):
        await run(lambda: client.find("x"))
    with pytest.raises(BadRequestError, match="empty"):
        await run(lambda: client.find("$"))


async def test_a_token_is_needed_on_tcp(site: Site) -> None:
    url = f"http://127.0.0.1:{site.daemon.control_port}"
    token = bearer([Right.READ])["Authorization"].removeprefix("Bearer ")
    reader = ControlClient(Place(url=url, token=token))
    assert await run(lambda: list(reader.sessions())) == []
    with pytest.raises(ForbiddenError):
        await run(reader.drain)
    with pytest.raises(UnauthorizedError):
        await run(ControlClient(Place(url=url)).status)
    assert token not in repr(Place(url=url, token=token))


async def test_a_required_certificate_that_is_missing_is_named(tmp_path: Path) -> None:
    authority = Authority()
    pair = authority.issue("server")
    ca, server = tmp_path / "ca.pem", tmp_path / "server.pem"
    ca.write_text(authority.certificate)
    server.write_text(pair.certificate + pair.key)
    settings = control_settings(
        tmp_path, token_keys=(), tls_certificate=server, tls_client_ca=ca, readers=("*",)
    )
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        place = Place(url=f"https://127.0.0.1:{daemon.control_port}", ca=ca)
        with pytest.raises(UpstreamUnavailableError, match="require --client-certificate"):
            await run(ControlClient(place).status)


async def test_events_are_followed(site: Site) -> None:
    events = local(site).events()
    first = asyncio.create_task(run(lambda: next(events)))
    await until(lambda: bool(site.daemon.registry.events._subscriptions))
    site.connect(hostname="example.com")
    seen = await first
    assert (seen["event"], seen["host"]) == ("session-opened", "example.com")
    assert isinstance(events, Generator)
    await run(events.close)


async def test_whoever_else_answers_is_no_guacr(site: Site) -> None:
    page = f"http://127.0.0.1:{site.daemon.web_port}"
    with pytest.raises(UpstreamError, match="check the URL"):
        await run(ControlClient(Place(url=page)).status)


def test_tokens_are_not_sent_to_other_machines_in_clear() -> None:
    for host in ("desk.example", "192.0.2.7:4824", "[2001:db8::1]", "localhost.example", "0.0.0.0"):
        with pytest.raises(SettingsError, match="read on the way: use https, or a tunnel"):
            ControlClient(Place(url=f"http://{host}", token="secret"))
        ControlClient(Place(url=f"https://{host}", token="secret"))
    for host in ("127.0.0.1", "127.8.0.1:4824", "[::1]:4824", "localhost", "LOCALHOST:80"):
        ControlClient(Place(url=f"http://{host}", token="secret"))


async def test_a_path_is_quoted(site: Site) -> None:
    base = f"http://127.0.0.1:{site.daemon.control_port}"
    with pytest.raises(BadRequestError, match="this path is unknown"):
        await run(ControlClient(Place(url=f"{base}/é b%20c")).status)


@pytest.mark.parametrize("host", ["[::1", "foo..bar:1", f"{'a' * 80}:1", ".foo", "[127.0.0.1x]"])
def test_hosts_that_are_none(host: str) -> None:
    with pytest.raises(SettingsError, match="has an invalid host"):
        ControlClient(Place(url=f"http://{host}"))


def test_places_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    for url in ("", "ftp://example.com", "https://", "http://localhost:x"):
        with pytest.raises(SettingsError):
            ControlClient(Place(url=url))
    with pytest.raises(SettingsError, match="cannot use"):
        ControlClient(Place(url="https://localhost", ca=tmp_path / "none"))
    (certificate := tmp_path / "certificate.pem").write_text("no key")
    with pytest.raises(SettingsError, match="certificate and its key"):
        ControlClient(Place(url="https://localhost", certificate=certificate))
    with pytest.raises(UpstreamUnavailableError, match="no guacr answers"):
        ControlClient(Place(unix_socket=tmp_path / "none")).status()
