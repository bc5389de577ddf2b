"""Login by Kerberos at OpenSSH's server, with tickets that are the operator's to give."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from guacr.access.gateway import Gateway
from guacr.access.keys import ProcessKeys
from guacr.daemon import Daemon
from guacr.protocol.client import ClientInfo
from guacr.protocol.status import Status
from guacr.session.origin import ANYONE, Origin
from guacr.settings.models import Settings
from handlers.terminal import TerminalHandler
from terminal.engines.contents import Position, Span
from tests.support.kerberos import HOST, Realm, kerberos_realm, missing_program
from tests.support.loopback import MemoryTransport
from tests.support.openssh import OpenSsh
from tests.support.require import missing
from tests.support.ssh_desk import ssh_daemon
from tests.support.waiting import until

OPERATOR = Origin(trusted=frozenset({"gss-auth", "hostname", "username"}))
OPTIONS = ("GSSAPIAuthentication yes", "GSSAPIStrictAcceptorCheck no")


@pytest.fixture(scope="module")
def realm() -> Iterator[Realm]:
    if importlib.util.find_spec("gssapi") is None:
        missing("gssapi is not installed")
    if name := missing_program():
        missing(f"{name} is not installed")
    with kerberos_realm() as running:
        yield running


@pytest.fixture
def within(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process, and what it starts, are in the realm."""
    for name, value in realm.environment.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def session(
    daemon: Daemon, origin: Origin, **values: str
) -> AsyncIterator[tuple[MemoryTransport, TerminalHandler]]:
    transport = MemoryTransport()
    transport.replies = True
    texts = {name.replace("_", "-"): text for name, text in values.items()}
    client = ClientInfo(width=800, height=400)
    session = daemon.registry.open("ssh", texts, client, transport, origin).session
    assert isinstance(session.handler, TerminalHandler)
    yield transport, session.handler
    session.close()


def text_of(handler: TerminalHandler) -> str:
    emulator = handler.terminal.emulator
    last = Position(emulator.columns - 1, emulator.scrollbar.total - 1)
    return emulator.text(Span(Position(0, 0), last))


async def sees(handler: TerminalHandler, text: str) -> None:
    try:
        await until(lambda: text in text_of(handler), f"{text!r} on the screen")
    except AssertionError as error:
        raise AssertionError(f"{error}; it shows {text_of(handler)!r}") from None


async def refusal(transport: MemoryTransport) -> tuple[str, int]:
    await until(lambda: transport.all("error"), "an error")
    sentence, status = transport.all("error")[0]
    return sentence, int(status)


@pytest.mark.usefixtures("within")
async def test_tickets_let_in(server: OpenSsh, realm: Realm) -> None:
    cache = realm.tickets(server.user)
    values = {"hostname": HOST, "username": server.user, "gss_auth": "true"}
    with server.variant(*OPTIONS, "PasswordAuthentication no") as place:
        async with (
            ssh_daemon(kerberos_cache=cache) as daemon,
            session(
                daemon, OPERATOR, **values, port=place["port"], command="echo $((40 + 2)); cat"
            ) as (_, handler),
        ):
            await sees(handler, "42")


@pytest.mark.usefixtures("within")
async def test_a_host_without_kerberos_asks_for_the_password(server: OpenSsh, realm: Realm) -> None:
    cache = realm.tickets(f"{server.user}-elsewhere")
    values = {"hostname": HOST, "username": server.user, "gss_auth": "true"}
    with server.variant("PasswordAuthentication yes") as place:
        async with (
            ssh_daemon(kerberos_cache=cache) as daemon,
            session(daemon, OPERATOR, **values, port=place["port"]) as (_, handler),
        ):
            await sees(handler, "Password")


@pytest.mark.usefixtures("within")
@pytest.mark.parametrize(
    ("origin", "with_cache", "status", "words"),
    [
        (ANYONE, True, Status.CLIENT_FORBIDDEN, "which clients may not use"),
        (OPERATOR, False, Status.CLIENT_BAD_REQUEST, "kerberos_cache under [ssh]"),
        (OPERATOR, True, Status.CLIENT_UNAUTHORIZED, "there is no ticket"),
    ],
)
async def test_what_is_refused_before_the_host_hears_of_it(
    origin: Origin, with_cache: bool, status: Status, words: str
) -> None:
    cache = "FILE:/nowhere/tickets" if with_cache else ""
    values = {"hostname": "127.0.0.1", "port": "1", "username": "u", "gss_auth": "true"}
    async with (
        ssh_daemon(kerberos_cache=cache) as daemon,
        session(daemon, origin, **values) as (transport, _),
    ):
        sentence, number = await refusal(transport)
        assert words in sentence
        assert number == status


@pytest.mark.usefixtures("within")
async def test_nothing_is_used_unless_it_is_asked_for(server: OpenSsh, realm: Realm) -> None:
    cache = realm.tickets(f"{server.user}-unasked")
    values = {"hostname": HOST, "username": server.user}
    with server.variant(*OPTIONS) as place:
        async with (
            ssh_daemon(kerberos_cache=cache) as daemon,
            session(daemon, OPERATOR, **values, port=place["port"]) as (_, handler),
        ):
            await sees(handler, "Password")


@pytest.mark.usefixtures("within")
@pytest.mark.parametrize("name", ["hostname", "username"])
async def test_clients_do_not_choose_where_the_tickets_are_used(
    server: OpenSsh, realm: Realm, name: str
) -> None:
    cache = realm.tickets(server.user)
    with server.variant(*OPTIONS, "PasswordAuthentication no") as place:
        fixed = {"hostname": HOST, "port": place["port"], "username": server.user}
        query = ("connection", "desk"), (name, fixed.pop(name))
        connection = {
            "protocol": "ssh",
            "parameters": fixed | {"gss-auth": True},
            "allow_query_parameters": [name],
        }
        async with ssh_daemon(kerberos_cache=cache) as daemon:
            registry = daemon.registry
            settings = Settings.model_validate({"connections": {"desk": connection}})
            keys = ProcessKeys.generate()
            gateway = Gateway(settings, registry.protocols, registry.params_type, keys)
            opening = gateway.resolve(query)
            values = {key.replace("-", "_"): text for key, text in opening.values.items()}
            async with session(daemon, opening.origin, **values) as (transport, _):
                sentence, status = await refusal(transport)
    assert f"clients may not choose the {name}" in sentence
    assert status == Status.CLIENT_FORBIDDEN


@pytest.mark.usefixtures("within")
async def test_nobody_is_asked_for_whom_the_tickets_are_used(realm: Realm) -> None:
    cache = realm.tickets("nameless")
    values = {"hostname": HOST, "port": "1", "username": "", "gss_auth": "true"}
    async with (
        ssh_daemon(kerberos_cache=cache) as daemon,
        session(daemon, OPERATOR, **values) as (transport, _),
    ):
        sentence, status = await refusal(transport)
    assert "needs a username" in sentence
    assert status == Status.CLIENT_BAD_REQUEST


@pytest.mark.usefixtures("within")
@pytest.mark.parametrize(
    ("host", "options", "words"),
    [
        ("127.0.0.1", OPTIONS, "there is no ticket for host '127.0.0.1'"),
        (HOST, (), "does not let user"),
        (HOST, OPTIONS, "does not let user"),  # the tickets are another user's
    ],
    ids=["not in the realm", "without Kerberos", "another principal"],
)
async def test_a_login_by_tickets_alone_that_fails_says_so(
    server: OpenSsh, realm: Realm, host: str, options: tuple[str, ...], words: str
) -> None:
    cache = realm.tickets(f"{server.user}-other")
    with server.variant(*options, "PasswordAuthentication no") as place:
        values = {"hostname": host, "port": place["port"], "username": server.user}
        async with (
            ssh_daemon(kerberos_cache=cache) as daemon,
            session(daemon, OPERATOR, **values, gss_auth="true") as (transport, _),
        ):
            sentence, status = await refusal(transport)
    assert words in sentence
    assert status == Status.CLIENT_UNAUTHORIZED
