"""Servers that redirect their clients: what is made of their messages, and whole sessions."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.errors import ForbiddenError, UnsupportedError, UpstreamError
from guacr.protocol.status import Status
from guacr.settings.access import AccessSettings
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp import attempts
from handlers.rdp import redirection as redirections
from handlers.rdp.channel.redirection import Redirected
from handlers.rdp.login import TEXT_MAX, TOKEN_MAX, Login
from handlers.rdp.params import RdpParams
from handlers.rdp.redirection import (
    COOKIE_MAX,
    ENCRYPTED,
    GUID_MAX,
    HOSTS_MAX,
    NAME_MAX,
    Redirection,
    check_address,
    redirection_of,
)
from tests.handlers.rdp.sessions import connected, each_engine, shows
from tests.support.certificates import Authority, Pair
from tests.support.freerdp_shadow import ALICE, freerdp_shadow
from tests.support.rdp_broker import RdpBroker, redirection, target_certificate
from tests.support.rdp_host import RdpHost
from tests.support.rdp_relay import RdpRelay
from tests.support.scripted_host import scripted_host
from tests.support.xrdp import Xrdp
from tests.support.xvnc import Desktop

BROKER = "127.0.0.2"
"""Another address of this machine: targets have the same port."""
TIMEOUT = 20.0
EMPTY = {
    "flags": 0, "fqdn": "", "address": "", "netbios": "", "addresses": "", "token": b"",
    "username": "", "domain": "", "password": b"", "guid": b"", "certificate": b"",
    "has_rdstls": True,
}  # fmt: skip
SEALED: dict[str, str | bytes] = {
    "token": b"Cookie: msts=1", "username": "once", "password": b"\1\0\2", "guid": b"a guid",
}  # fmt: skip
"""What GNOME Remote Desktop sends for a login."""
OWN = Login("ann", "sesame", "CORP")


def parsed(**fields: object) -> Redirection:
    """What a verified server's message says; `verified` is not one of its fields."""
    verified = bool(fields.pop("verified", True))
    message = Redirected(**EMPTY | fields)  # type: ignore[arg-type]
    params = RdpParams.parse({"hostname": "broker.example"})
    return redirection_of(params, message, is_verified=verified)


def utf16(text: str) -> bytes:
    return f"{text}\0".encode("utf-16-le")


# ---- messages


def test_targets_in_their_order() -> None:
    found = parsed(fqdn="a.example", address="192.0.2.1", netbios="A", addresses="192.0.2.1 ::1")
    assert found.hosts == ("a.example", "192.0.2.1", "::1", "A")
    assert parsed(netbios="A").hosts == ("A",)
    assert parsed().hosts == ("broker.example",)


def test_a_token_leads_to_the_same_host() -> None:
    found = parsed(token=b"Cookie: msts=1", fqdn="a.example")
    assert (found.hosts, found.token) == (("broker.example",), b"Cookie: msts=1")


def test_the_number_of_targets_is_limited() -> None:
    names = [f"192.0.2.{number}" for number in range(HOSTS_MAX + 1)]
    assert parsed(addresses=" ".join(names)).hosts == tuple(names[:HOSTS_MAX])


@pytest.mark.parametrize("name", ["a b", "/run/x", "|7", "a\nb", "a" * (NAME_MAX + 1), "a\0"])
def test_what_is_no_host(name: str) -> None:
    with pytest.raises(UpstreamError, match="is not the name of a host"):
        parsed(fqdn=name)
    assert parsed(fqdn="a" * NAME_MAX).hosts == ("a" * NAME_MAX,)


@pytest.mark.parametrize(
    ("data", "password", "cookie"),
    [
        (utf16("once é€"), "once é€", b""),
        (utf16(""), "", b""),
        (b"\x02\0\0\x80DSHL\x60\xab\0\0", "", b"\x02\0\0\x80DSHL\x60\xab\0\0"),
        (b"odd", "", b"odd"),
        (b"a\0b\0", "", b"a\0b\0"),
        (utf16("a") + utf16("b"), "", utf16("a") + utf16("b")),
        (b"\0\xd8\0\0", "", b"\0\xd8\0\0"),
    ],
)
def test_passwords_are_text_or_cookies(data: bytes, password: str, cookie: bytes) -> None:
    found = parsed(password=data)
    assert (found.password, found.cookie) == (password, cookie)


@pytest.mark.parametrize("name", ["username", "domain", "password"])
def test_credentials_for_which_rdp_has_no_room(name: str) -> None:
    def given(length: int) -> Redirection:
        text = "a" * length
        return parsed(**{name: utf16(text) if name == "password" else text})

    assert getattr(given(TEXT_MAX), name) == "a" * TEXT_MAX
    with pytest.raises(UpstreamError, match="a user name or a password that is too long"):
        given(TEXT_MAX + 1)


@pytest.mark.parametrize(
    ("name", "most"), [("token", TOKEN_MAX), ("password", COOKIE_MAX), ("guid", GUID_MAX)]
)
def test_tokens_for_which_rdp_has_no_room(name: str, most: int) -> None:
    """FreeRDP 2 would write them beyond the end of its memory."""
    parsed(**{name: b"\xff" * (most - 1)})
    with pytest.raises(UpstreamError, match="a token that is too long"):
        parsed(**{name: b"\xff" * (most + 1)})


def test_encrypted_passwords_take_freerdp_3() -> None:
    sealed: dict[str, object] = {"flags": ENCRYPTED, "password": utf16("x"), "guid": b"g"}
    found = parsed(**sealed)
    assert (found.password, found.cookie, found.is_encrypted) == ("", utf16("x"), True)
    with pytest.raises(UnsupportedError, match="which needs FreeRDP 3"):
        parsed(**sealed, has_rdstls=False)


def test_only_verified_servers_vouch_for_others() -> None:
    assert parsed(certificate=b"pem").certificate == b"pem"
    assert parsed(certificate=b"pem", verified=False).certificate == b""


def test_credentials() -> None:
    assert parsed(fqdn="a").login(OWN) is OWN
    assert parsed(username="bob", password=utf16("x")).login(OWN) == Login("bob", "x", "CORP", True)
    given = parsed(username="bob", domain="D", password=b"odd").login(OWN)
    assert given == Login("bob", "", "D", True, b"odd")
    assert given.has_secret
    assert given.is_complete


@pytest.mark.parametrize(
    "local",
    [
        "127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.1.1", "fe80::1", "::", "ff02::1",
        "::127.0.0.1", "64:ff9b::169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "fd00:ec2::254", "fe80::1%eth0", "[::ffff:7f00:1]",
    ],
)  # fmt: skip
def test_local_addresses(local: str) -> None:
    with pytest.raises(ForbiddenError, match="is not followed"):
        check_address(local, "192.0.2.1")
    check_address(local, "127.0.0.1")
    check_address("192.0.2.1", "192.0.2.2")
    check_address("name.example", "192.0.2.2")


@pytest.mark.parametrize(
    "other", ["::192.0.2.1", "64:ff9b::192.0.2.1", "2002:c000:201::", "2001:db8::1", "fd00:ec2::1"]
)
def test_addresses_that_are_not_local(other: str) -> None:
    check_address(other, "192.0.2.2")


# ---- sessions


@each_engine
@pytest.mark.parametrize(
    "fields", [{"address": "127.0.0.1"}, {"fqdn": "nowhere.invalid", "addresses": "127.0.0.1"}]
)
async def test_the_targets_desktop_is_shown(
    fields: dict[str, str], daemon: Daemon, authority: Authority, xrdp: Xrdp, tmp_path: Path
) -> None:
    """The broker gets the credentials of the connection, and the target those of the broker."""
    values = xrdp.parameters()
    login = {name: values[name] for name in ("username", "password")}
    broker = RdpBroker(authority.server_context(tmp_path), fields | login)
    own = {"hostname": BROKER, "username": "ann", "password": "sesame"}
    async with (
        scripted_host(broker.script, address=BROKER, port=int(values["port"])),
        connected(daemon, values | own, security="tls") as client,
    ):
        display = await xrdp.display()
        display.run("xsetroot", "-solid", "#204060")
        client.mouse(1, 1)
        await shows(client, display)
        assert client.state.name == fields.get("fqdn", "127.0.0.1")
    (said,) = broker.seen
    assert said.texts[1:3] == ["ann", "sesame"]


@each_engine
async def test_one_time_credentials_for_nla(
    daemon: Daemon, authority: Authority, pair: Pair, desktop: Desktop, tmp_path: Path
) -> None:
    (tmp_path / "broker").mkdir()
    tls = authority.server_context(tmp_path / "broker")
    password = f"{ALICE.password}\0".encode("utf-16-le")
    fields: dict[str, str | bytes] = {"address": "127.0.0.1", "password": password}
    fields["username"] = ALICE.username
    async with (
        freerdp_shadow(desktop, "nla", pair, tmp_path) as found,
        scripted_host(RdpBroker(tls, fields).script, address=BROKER, port=int(found["port"])),
        connected(daemon, found | {"hostname": BROKER, "username": "ann", "password": "x"}),
    ):
        pass


def context_of(pair: Pair, path: Path) -> ssl.SSLContext:
    path.write_text(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def led(
    daemon: Daemon, broker: RdpBroker, host: RdpHost, **parameters: str
) -> tuple[str, int]:
    """The error of a session that a broker leads to a host, which ends it once it knows its
    client."""
    values = {"username": "ann", "password": "sesame", "security": "tls"}
    values |= {name.replace("_", "-"): value for name, value in parameters.items()}
    async with scripted_host(host.script) as found:
        port = int(found["port"])
        async with (
            scripted_host(broker.script, address=BROKER, port=port) as first,
            await GuacClient.connect(address(daemon), "rdp", first | values) as client,
        ):
            await client.wait_closed(TIMEOUT)
    if not host.introduced.done():
        host.introduced.cancel()
    ((sentence, status),) = client.state.errors
    assert "sesame" not in sentence
    return sentence, status


@each_engine
async def test_what_a_target_learns(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    tls, cookie = authority.server_context(tmp_path), b"\x02\0\0\x80DSHL\0\0"
    broker = RdpBroker(tls, {"address": "127.0.0.1", "username": "bob", "password": cookie})
    host = RdpHost(tls)
    sentence, status = await led(daemon, broker, host, ignore_cert="true")
    said = await host.introduced
    assert said.request[7:].startswith(b"Cookie: mstshash=bob\r\n")
    assert said.texts[1] == "bob"
    assert cookie in said.info
    assert status == Status.UPSTREAM_ERROR
    assert "host '127.0.0.1'" in sentence


async def test_a_host_without_tls(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    """FreeRDP 2 then keeps the number of its socket, which it has closed."""
    tls = authority.server_context(tmp_path)
    broker, host = RdpBroker(tls, {"address": "127.0.0.1", "username": "bob"}), RdpHost(tls)
    await led(daemon, broker, host, security="rdp")
    assert (await host.introduced).texts[1] == "bob"


@each_engine
async def test_another_attempt_begins_with_the_broker(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    """What it has told the first time is used up."""
    tls = authority.server_context(tmp_path)
    broker, host = RdpBroker(tls, {"address": "127.0.0.1"}), RdpHost(tls)
    await led(daemon, broker, host, ignore_cert="true", password="", autoretry="1")
    assert (await host.introduced).texts[1] == "ann"
    assert len(broker.seen) == 2


async def test_redirections_without_end(
    daemon: Daemon, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "FOLLOWED_MAX", 1)
    tls, token = authority.server_context(tmp_path), b"Cookie: msts=3640205228.15629.0000\r\n"
    broker = RdpBroker(tls, {"token": token})
    sentence, status = await led(daemon, broker, RdpHost(tls), ignore_cert="true")
    assert status == Status.UPSTREAM_ERROR
    assert "redirects again, after 1 of them without a desktop" in sentence
    assert len(broker.seen) == 2
    first, *others = (said.request[7:] for said in broker.seen)
    assert first.startswith(b"Cookie: mstshash=ann\r\n")
    assert all(request.startswith(token) for request in others)


async def test_a_target_that_is_not_followed(
    daemon: Daemon, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the broker's address was not one of this machine."""
    monkeypatch.setattr(redirections, "_is_local", lambda address: address == "127.0.0.1")
    tls = authority.server_context(tmp_path)
    broker, host = RdpBroker(tls, {"fqdn": "localhost"}), RdpHost(tls)
    sentence, status = await led(daemon, broker, host, ignore_cert="true", autoretry="3")
    assert status == Status.CLIENT_FORBIDDEN
    assert sentence.startswith("a redirection to '127.0.0.1' is not followed: ")
    assert host.introduced.cancelled()


async def test_access_rules_apply_to_targets(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    """A name that they do not allow does not keep an address from being tried that they do."""
    tls, registry = authority.server_context(tmp_path), daemon.registry
    for targets, is_followed in (([BROKER], False), (["127.0.0.0/8"], True)):
        rules = AccessSettings.model_validate({"rules": [{"targets": targets}]})
        registry.settings = registry.settings.model_copy(update={"access": rules})
        broker = RdpBroker(tls, {"fqdn": "unknown.invalid", "address": "127.0.0.1"})
        host = RdpHost(tls)
        sentence, status = await led(daemon, broker, host, ignore_cert="true")
        assert host.introduced.cancelled() != is_followed
        assert (status == Status.CLIENT_FORBIDDEN) != is_followed
        assert ("is not allowed or unknown" in sentence) != is_followed


@each_engine
async def test_encrypted_passwords_without_rdstls(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    tls = authority.server_context(tmp_path)
    broker = RdpBroker(tls, SEALED, ENCRYPTED)
    sentence, _ = await led(daemon, broker, RdpHost(tls), ignore_cert="true", autoretry="3")
    assert "with an encrypted password (RDSTLS), which needs FreeRDP 3" in sentence
    assert len(broker.seen) == 1


@each_engine
async def test_a_desktop_that_redirects(
    daemon: Daemon, authority: Authority, xrdp: Xrdp, tmp_path: Path
) -> None:
    """As GNOME Remote Desktop does once somebody has logged in on its own screen."""
    tls, values = authority.server_context(tmp_path), xrdp.parameters()
    relay, host = RdpRelay(int(values["port"]), tls), RdpHost(tls)
    relay.then = host.script
    async with (
        scripted_host(relay.script) as found,
        connected(daemon, values | found, security="tls") as client,
    ):
        display = await xrdp.display()
        await shows(client, display)
        relay.add(redirection({"token": b"Cookie: msts=1", "username": "bob"}))
        display.run("xsetroot", "-solid", "#204060")
        said = await asyncio.wait_for(host.introduced, TIMEOUT)
        await client.wait_closed(TIMEOUT)
    assert said.request[7:].startswith(b"Cookie: msts=1\r\n")
    assert said.texts[1] == "bob"


async def certified(
    daemon: Daemon, authority: Authority, directory: Path, *, told: bool
) -> tuple[bool, str]:
    """Whether a host is trusted whose certificate only the broker knows, and the error."""
    trusted, unknown = authority.issue("broker"), Authority().issue("host")
    fields: dict[str, str | bytes] = {"address": "127.0.0.1"}
    if told:
        fields["certificate"] = target_certificate(unknown)
    broker = RdpBroker(context_of(trusted, directory / "1"), fields)
    host = RdpHost(context_of(unknown, directory / "2"))
    sentence, _ = await led(daemon, broker, host, ca_cert=trusted.certificate)
    return host.introduced.exception() is None, sentence


@pytest.mark.parametrize(("host", "is_right"), [("desk.invalid", True), ("", False)])
async def test_a_target_must_have_its_full_name(
    host: str, is_right: bool, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    """Also if the daemon only knows its address, which the second certificate is for."""
    broker_pair, pair = authority.issue("broker"), authority.issue("host", host=host)
    fields = {"fqdn": "desk.invalid", "address": "127.0.0.1"}
    broker = RdpBroker(context_of(broker_pair, tmp_path / "1"), fields)
    target = RdpHost(context_of(pair, tmp_path / "2"))
    trusted = authority.certificate + broker_pair.certificate
    sentence, _ = await led(daemon, broker, target, ca_cert=trusted)
    assert (target.introduced.exception() is None) == is_right
    assert ("that host 'desk.invalid' shows is that of another host" in sentence) != is_right


@pytest.mark.parametrize("told", [True, False])
async def test_certificates_of_targets(
    told: bool, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    """FreeRDP 2 does not pass on what the broker tells of them."""
    is_trusted, sentence = await certified(daemon, authority, tmp_path, told=told)
    assert not is_trusted
    assert "the certificate of host '127.0.0.1' is not trusted" in sentence
