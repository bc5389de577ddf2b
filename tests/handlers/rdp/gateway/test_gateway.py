"""Sessions through a gateway: logins, what is refused, and how connections end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.errors import BadRequestError, GuacrError
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp.gateway import gateway as gateways
from handlers.rdp.gateway.tunnel import DISABLE_CLIPBOARD
from handlers.rdp.params import RdpParams
from tests.handlers.rdp.sessions import connected, each_engine, shows
from tests.handlers.test_wake import card, parameters
from tests.support.certificates import Authority, Pair
from tests.support.rd_gateway import (
    AUTH,
    CHANNEL,
    HANDSHAKE,
    PASSWORD,
    SERVICE,
    TUNNEL,
    RdGateway,
    running_gateway,
)
from tests.support.rdp_broker import RdpBroker
from tests.support.rdp_host import RdpHost
from tests.support.scripted_host import saying, scripted_host
from tests.support.waiting import free_port, until
from tests.support.xrdp import Xrdp

INSIDE = "desk.internal"
"""A name that only the gateway knows."""
TIMEOUT = 20.0


def trusting(authority: Authority) -> dict[str, str]:
    return {"gateway-ca-cert": authority.certificate}


async def outcome(daemon: Daemon, parameters: Mapping[str, str]) -> tuple[str, int]:
    """The error of a session without a desktop."""
    values = {"hostname": INSIDE, "ignore-cert": "true", "security": "tls"} | dict(parameters)
    async with await GuacClient.connect(address(daemon), "rdp", values) as client:
        await client.wait_closed(TIMEOUT)
    ((sentence, status),) = client.state.errors
    assert PASSWORD not in sentence
    return sentence, status


@each_engine
async def test_a_desktop_behind_a_gateway(
    daemon: Daemon, authority: Authority, pair: Pair, xrdp: Xrdp, tmp_path: Path
) -> None:
    gateway = RdGateway(pair, names={INSIDE: "127.0.0.1"}, consent="Be good.")
    values = xrdp.parameters() | trusting(authority) | {"hostname": INSIDE}
    async with running_gateway(gateway, tmp_path) as found:
        async with connected(daemon, values | found, client_name="guacr") as client:
            display = await xrdp.display()
            display.run("xsetroot", "-solid", "#204060")
            client.mouse(1, 1)
            await shows(client, display)
            (tunnel,) = gateway.tunnels
        await until(lambda: tunnel.closed, "the end of the channel")
    assert gateway.judged == [("NTLM", True)]
    assert gateway.targets == [(INSIDE, int(values["port"]))]
    assert gateway.clients == ["guacr"]
    assert gateway.workstations == ["GUACR"]


async def test_a_host_behind_a_gateway_is_woken(
    daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    gateway = RdGateway(pair, refusals={CHANNEL: 0x59DD})
    async with card() as network, running_gateway(gateway, tmp_path) as found:
        await outcome(daemon, found | trusting(authority) | parameters(network))
        await until(lambda: network.packets, "the packet")


@pytest.mark.parametrize("login", ["Negotiate", "Basic", ""])
async def test_logins(
    login: str, daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    logins = (login,) if login else ()
    gateway = RdGateway(pair, logins, names={INSIDE: "127.0.0.1"})
    host = RdpHost(authority.server_context(tmp_path))
    async with (
        scripted_host(host.script) as behind,
        running_gateway(gateway, tmp_path) as found,
    ):
        values = found | trusting(authority) | {"port": behind["port"], "username": "ann"}
        await outcome(daemon, values)
    assert (await host.introduced).texts[1] == "ann"
    assert gateway.judged == [(name, True) for name in logins]


@pytest.mark.parametrize("policy", [0, DISABLE_CLIPBOARD])
async def test_a_policy_may_forbid_the_clipboard(
    policy: int, daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    gateway = RdGateway(pair, names={INSIDE: "127.0.0.1"}, policy=policy)
    host = RdpHost(authority.server_context(tmp_path))
    async with (
        scripted_host(host.script) as behind,
        running_gateway(gateway, tmp_path) as found,
    ):
        await outcome(daemon, found | trusting(authority) | {"port": behind["port"]})
    assert ("cliprdr" in (await host.introduced).channels) == (policy == 0)


async def test_missing_credentials_are_asked_for(
    daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    gateway = RdGateway(pair, names={INSIDE: "127.0.0.1"}, refusals={CHANNEL: 0x59DD})
    async with running_gateway(gateway, tmp_path) as found:
        given = found | trusting(authority) | {"hostname": INSIDE, "ignore-cert": "true"}
        values = {name: given[name] for name in given if name != "gateway-password"}
        async with await GuacClient.connect(address(daemon), "rdp", values) as client:
            await client.wait(lambda: client.state.required, "a question", TIMEOUT)
            assert client.state.required == [("gateway-password",)]
            client.stream("argv", "text/plain", "gateway-password", data=PASSWORD.encode())
            await client.wait_closed(TIMEOUT)
    assert gateway.judged == [("NTLM", True)]


@pytest.mark.parametrize("login", ["NTLM", "Basic"])
async def test_a_refused_login_is_not_repeated(
    login: str, daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    gateway = RdGateway(pair, (login,))
    async with running_gateway(gateway, tmp_path) as found:
        wrong = {"gateway-password": "wrong", "autoretry": "3"}
        sentence, status = await outcome(daemon, found | trusting(authority) | wrong)
    assert status == Status.CLIENT_UNAUTHORIZED
    assert sentence == (
        "gateway 'localhost' refused the login: check gateway-username, gateway-password and "
        "gateway-domain"
    )
    assert gateway.judged == [(login, False)]


async def test_a_login_without_an_answer_is_not_repeated(
    daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    gateway = RdGateway(pair, ("Basic",), hangs_up=True)
    async with running_gateway(gateway, tmp_path) as found:
        values = found | trusting(authority) | {"autoretry": "1"}
        sentence, status = await outcome(daemon, values)
    assert status == Status.CLIENT_FORBIDDEN
    assert "closed the connection during the login, which is therefore not repeated" in sentence


async def test_ntlm_takes_one_connection(
    daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    async with running_gateway(RdGateway(pair, closes=True), tmp_path) as found:
        sentence, status = await outcome(daemon, found | trusting(authority))
    assert "closes the connection during the login with NTLM" in sentence
    assert status == Status.UNSUPPORTED


@pytest.mark.parametrize(
    ("refusals", "status", "reason"),
    [
        ({HANDSHAKE: 0x800759E9}, Status.UNSUPPORTED, "wants abilities that guacr does not have"),
        ({TUNNEL: 0x800759DB}, Status.CLIENT_FORBIDDEN, "a connection authorization policy"),
        ({AUTH: 0x800759D8}, Status.UPSTREAM_ERROR, "has an internal error"),
        ({CHANNEL: 0x800759DA}, Status.CLIENT_FORBIDDEN, "connect to host 'desk.internal' on port"),
        ({CHANNEL: 0x59DD}, Status.UPSTREAM_NOT_FOUND, "cannot reach host 'desk.internal' on port"),
        ({CHANNEL: 0x80071234}, Status.UPSTREAM_ERROR, "about error 0x80071234"),
    ],
)
async def test_refusals(
    refusals: dict[int, int],
    status: int,
    reason: str,
    daemon: Daemon,
    authority: Authority,
    pair: Pair,
    tmp_path: Path,
) -> None:
    gateway = RdGateway(pair, (), refusals=refusals)
    async with running_gateway(gateway, tmp_path) as found:
        sentence, got = await outcome(daemon, found | trusting(authority))
    assert sentence.startswith("gateway 'localhost' ")
    assert reason in sentence
    assert got == status


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        (200, Status.UNSUPPORTED, "has no WebSocket transport"),
        (302, Status.UPSTREAM_ERROR, "redirects to another address (HTTP status 302)"),
        (403, Status.CLIENT_FORBIDDEN, "denies access (HTTP status 403)"),
        (404, Status.UPSTREAM_ERROR, "is no remote desktop gateway"),
        (500, Status.UPSTREAM_ERROR, "answers with HTTP status 500"),
        (503, Status.UPSTREAM_UNAVAILABLE, "is not available (HTTP status 503)"),
    ],
)
async def test_http_statuses(
    number: int,
    status: int,
    reason: str,
    daemon: Daemon,
    authority: Authority,
    pair: Pair,
    tmp_path: Path,
) -> None:
    async with running_gateway(RdGateway(pair, status=number), tmp_path) as found:
        sentence, got = await outcome(daemon, found | trusting(authority))
    assert f"gateway 'localhost' {reason}" in sentence
    assert got == status


async def test_unknown_logins(
    daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    async with running_gateway(RdGateway(pair, ("Kerberos",)), tmp_path) as found:
        sentence, status = await outcome(daemon, found | trusting(authority))
    assert "offers the logins 'Kerberos', of which guacr knows none" in sentence
    assert status == Status.UNSUPPORTED


async def test_what_is_no_gateway(daemon: Daemon, authority: Authority, pair: Pair) -> None:
    refused = {"gateway-hostname": "127.0.0.1", "gateway-port": str(free_port())}
    sentence, status = await outcome(daemon, refused)
    assert "gateway '127.0.0.1' refuses connections to port" in sentence
    assert status == Status.UPSTREAM_UNAVAILABLE
    async with scripted_host(saying(b"SSH-2.0-OpenSSH_9.2\r\n")) as found:
        values = {"gateway-hostname": "127.0.0.1", "gateway-port": found["port"]}
        sentence, status = await outcome(daemon, values)
    assert status == Status.UPSTREAM_ERROR, sentence


async def test_certificates(
    daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    """Only those of authorities are accepted, whatever is set for the host."""
    lax = {"ca-cert": authority.certificate, "ignore-cert": "true", "cert-tofu": "true"}
    other = authority.issue("gateway", host="other.example")
    for shown, trusted in ((pair, {}), (pair, trusting(Authority())), (other, trusting(authority))):
        gateway = RdGateway(shown)
        async with running_gateway(gateway, tmp_path) as found:
            sentence, status = await outcome(daemon, found | lax | trusted)
        assert "the certificate of gateway 'localhost' is not trusted, or that of" in sentence
        assert status == Status.UPSTREAM_ERROR
        assert not gateway.judged


async def test_a_gateway_that_is_lost(
    daemon: Daemon, authority: Authority, pair: Pair, xrdp: Xrdp, tmp_path: Path
) -> None:
    """Another attempt goes through it as well, and finds the session."""
    gateway = RdGateway(pair, names={INSIDE: "127.0.0.1"})
    values = xrdp.parameters() | trusting(authority) | {"hostname": INSIDE}
    async with (
        running_gateway(gateway, tmp_path) as found,
        connected(daemon, values | found, autoretry="1", password="") as client,
    ):
        await client.wait(lambda: client.state.syncs, "a picture")
        gateway.tunnels[0].drop()
        await until(lambda: len(gateway.targets) > 1, "another attempt")


async def test_what_a_gateway_says_when_it_ends_a_session(
    daemon: Daemon,
    authority: Authority,
    pair: Pair,
    xrdp: Xrdp,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    gateway = RdGateway(pair, names={INSIDE: "127.0.0.1"})
    values = xrdp.parameters() | trusting(authority) | {"hostname": INSIDE}
    async with (
        running_gateway(gateway, tmp_path) as found,
        connected(daemon, values | found) as client,
    ):
        shown = client.canvas.flatten().copy()
        text = "Maintenance\nat noon".encode("utf-16-le")
        for _ in range(gateways.MESSAGES_MAX + 9):
            gateway.tunnels[0].send(SERVICE, len(text).to_bytes(2, "little") + text)
        await client.wait(lambda: (client.canvas.flatten()[:30] != shown[:30]).any(), "a notice")
        gateway.tunnels[0].end(0x59F6)
        await client.wait_closed(TIMEOUT)
    ((sentence, status),) = client.state.errors
    assert sentence == "gateway 'localhost' has ended the connection: its time was over"
    assert status == Status.SESSION_TIMEOUT
    said = [line for line in caplog.messages if line == "the gateway says: Maintenance at noon"]
    assert len(said) == gateways.MESSAGES_MAX


async def test_a_redirection_leads_through_the_gateway(
    daemon: Daemon, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    """Names mean what they mean to the gateway; addresses of this machine are not followed."""
    tls = authority.server_context(tmp_path)
    gateway = RdGateway(pair, (), names={INSIDE: "127.0.0.1", "second.internal": "127.0.0.1"})
    for target, reached in (("second.internal", True), ("127.0.0.1", False)):
        broker, host = RdpBroker(tls, {"fqdn": target, "username": "bob"}), RdpHost(tls)
        broker.follow(host)
        async with (
            scripted_host(broker.script) as behind,
            running_gateway(gateway, tmp_path) as found,
        ):
            values = found | trusting(authority) | {"port": behind["port"]}
            sentence, status = await outcome(daemon, values)
        assert host.introduced.done() == reached
        host.introduced.cancel()
        if not reached:
            assert "a redirection to '127.0.0.1' is not followed" in sentence
            assert status == Status.CLIENT_FORBIDDEN
    assert [name for name, _ in gateway.targets] == [INSIDE, "second.internal", INSIDE]


@pytest.mark.parametrize(
    "name", ["https://gateway.example", "gateway.example/path", "a b", "user@gateway"]
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(BadRequestError, match="without https:// and path"):
        gateways.check_params(RdpParams.parse({"gateway-hostname": name}))


def test_certificates_that_are_none() -> None:
    with pytest.raises(GuacrError, match="gateway-ca-cert contains no PEM certificate"):
        gateways.check_params(RdpParams.parse({"gateway-ca-cert": "x"}))
