"""Certificates of servers: whose are accepted, and what the errors say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from guacr.daemon import Daemon
from guacr.errors import UpstreamError
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from handlers.rdp import certificates, known_hosts
from handlers.rdp.handler import RdpHandler
from handlers.rdp.known_hosts import KnownHosts
from handlers.rdp.params import RdpParams
from tests.handlers.rdp.sessions import each_engine
from tests.support.certificates import Authority, Pair
from tests.support.freerdp_shadow import freerdp_shadow
from tests.support.waiting import free_port
from tests.support.xvnc import Desktop

SHOWN = 20.0
"""Seconds within which a desktop appears."""


def fingerprint(pair: Pair) -> str:
    certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
    return certificate.fingerprint(hashes.SHA256()).hex()


@asynccontextmanager
async def showing(desktop: Desktop, pair: Pair, port: int = 0) -> AsyncIterator[dict[str, str]]:
    with TemporaryDirectory() as directory:
        async with freerdp_shadow(desktop, "tls", pair, Path(directory), port=port) as found:
            yield found


async def outcome(daemon: Daemon, parameters: Mapping[str, str]) -> str:
    """The error of a connection; empty if it shows a desktop."""
    async with await GuacClient.connect(address(daemon), "rdp", parameters) as client:
        await client.wait(lambda: client.state.syncs or client.state.errors, "it", SHOWN)
    if not client.state.errors:
        return ""
    ((sentence, status),) = client.state.errors
    assert status == Status.UPSTREAM_ERROR
    return sentence


@each_engine
async def test_authorities(
    daemon: Daemon, desktop: Desktop, authority: Authority, pair: Pair
) -> None:
    shown = fingerprint(pair)
    async with showing(desktop, pair) as found:
        for host in ("127.0.0.1", "localhost", "LOCALHOST"):
            trusted = {"hostname": host, "ca-cert": authority.certificate}
            assert not await outcome(daemon, found | trusted)
        assert not await outcome(daemon, found | {"ca-cert": pair.certificate})
        for wrong in ({"ca-cert": Authority().certificate}, {}):
            sentence = await outcome(daemon, found | wrong | {"autoretry": "9"})
            assert (
                "host '127.0.0.1' is not trusted (no trusted authority has signed it; " in sentence
            )
            assert f"its fingerprint is {shown}): set ca-cert to" in sentence
        assert not await outcome(daemon, found | {"ignore-cert": "true"})


def test_flaws() -> None:
    authority = Authority()
    root, host = (
        x509.load_pem_x509_certificate(pem.encode())
        for pem in (authority.certificate, authority.issue("server").certificate)
    )
    assert certificates._flaw(root) == "it is signed by itself"
    assert certificates._flaw(host) == "no trusted authority has signed it"


async def test_only_authorities_sign(authority: Authority) -> None:
    """The key of a host must not vouch for another one, whoever trusts its certificate."""
    host, forger = authority.issue("server"), Authority()
    forger._key = load_pem_private_key(host.key.encode(), None)  # type: ignore[assignment]
    forger._name = x509.load_pem_x509_certificate(host.certificate.encode()).subject
    pem = forger.issue("another").certificate.encode()
    params = RdpParams.parse({"hostname": "127.0.0.1", "ca-cert": host.certificate})
    with pytest.raises(UpstreamError, match="no trusted authority has signed it") as caught:
        await certificates.check(params, pem, KnownHosts(None))
    assert "missing required extension: CA certificate" in str(caught.value.__cause__)


async def test_authorities_of_the_system(
    desktop: Desktop,
    authority: Authority,
    pair: Pair,
    daemon: Daemon,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "authorities").write_text(authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities"))
    async with showing(desktop, pair) as found:
        assert not await outcome(daemon, found)


@each_engine
async def test_fingerprints(daemon: Daemon, desktop: Desktop, pair: Pair) -> None:
    shown = fingerprint(pair)
    as_freerdp = "sha256:" + ":".join(shown[at : at + 2] for at in range(0, 64, 2))
    async with showing(desktop, pair) as found:
        for given in (shown, shown.upper(), f"{'00' * 32},{as_freerdp}"):
            assert not await outcome(daemon, found | {"cert-fingerprints": given})
        wrong = {"cert-fingerprints": "00" * 32, "ignore-cert": "true", "cert-tofu": "true"}
        sentence = await outcome(daemon, found | wrong)
        assert f"not the one expected by cert-fingerprints: it shows {shown}" in sentence


@pytest.mark.parametrize(
    ("issued", "reason"),
    [
        ({"host": "other.example"}, "is that of another host"),
        ({"expired": True}, "is not trusted (it expired on "),
    ],
)
async def test_other_hosts_and_times(
    issued: dict[str, str | bool],
    reason: str,
    daemon: Daemon,
    desktop: Desktop,
    authority: Authority,
) -> None:
    pair = authority.issue("server", rsa_key=True, **issued)  # type: ignore[arg-type]
    async with showing(desktop, pair) as found:
        sentence = await outcome(daemon, found | {"ca-cert": authority.certificate})
        assert reason in sentence
        assert f"its fingerprint is {fingerprint(pair)})" in sentence


@pytest.mark.usefixtures("zygote")
async def test_names_behind_gateways_are_others(authority: Authority, tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "hosts")
    values = {"hostname": "desk", "cert-tofu": "true"}
    places: tuple[dict[str, str], ...] = (
        {},
        {"gateway-hostname": "a.example"},
        {"gateway-hostname": "b.example"},
    )
    shown = [authority.issue("desk", host="other").certificate.encode() for _ in places]
    for pem, place in zip(shown, places, strict=True):
        await certificates.check(RdpParams.parse(values | place), pem, known)
    with pytest.raises(UpstreamError, match="has changed"):
        await certificates.check(RdpParams.parse(values), shown[1], known)
    assert "desk%20behind%20a.example:3389 " in (tmp_path / "hosts").read_text()


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.usefixtures("zygote")
async def test_trust_on_first_use(
    stored: bool, desktop: Desktop, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    known_hosts.known_hosts.cache_clear()
    port, path = free_port(), tmp_path / "hosts"
    settings = local_settings(rdp={"known_hosts": str(path) if stored else ""})
    other = Authority().issue("server", rsa_key=True)
    async with running_daemon(RdpHandler, settings=settings) as daemon:
        async with showing(desktop, pair, port) as found:
            found |= {"cert-tofu": "true"}
            for _ in range(2):
                assert not await outcome(daemon, found)
        async with showing(desktop, other, port):
            sentence = await outcome(daemon, found)
            assert f"its fingerprint is {fingerprint(other)}, and" in sentence
            assert f"was trusted first is {fingerprint(pair)}; if it was renewed" in sentence
            assert ("the daemon's memory", f"the file {path}")[stored] in sentence
            authorities = found | {"ca-cert": other.certificate}
            assert not await outcome(daemon, authorities)
    assert path.exists() == stored


async def test_authorities_that_have_signed_each_other() -> None:
    """Each of them may have signed each other one: the paths to try grow with a power of their
    number."""
    other = Authority()
    shown = other.issue("server").certificate + "".join(other.renewed() for _ in range(9))
    params = RdpParams.parse({"hostname": "localhost"})
    async with asyncio.timeout(5):
        with pytest.raises(UpstreamError, match="is not trusted"):
            await certificates.check(params, shown.encode(), KnownHosts(None))
