"""Certificates from a real ACME server: obtained, used by both listeners, replaced, or not."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import math
import os
import socket
import ssl
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from guacr.acme.client import AcmeError, obtain
from guacr.acme.port import ChallengePort
from guacr.acme.service import LIMITED, RETRY_MAX, RETRY_MIN, after_failure, is_due
from guacr.acme.store import ACCOUNT, ACCOUNT_KEY, ATTEMPTS, CANDIDATE, Attempts, Store
from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.net.certificates import DAY, Validity
from guacr.session.protocols import Protocols
from guacr.settings.acme import CERTIFICATE, AcmeSettings
from guacr.settings.models import Settings
from guacr.testing.client import GuacClient
from guacr.testing.daemon import LOCAL, local_settings
from tests.support.certificates import Authority
from tests.support.loopback import SketchHandler, until
from tests.support.pebble import KEY, KEY_ID, Pebble
from tests.support.waiting import free_port

NAME, OTHER = "desk.example", "www.desk.example"


def acme_values(pebble: Pebble, path: Path, **values: object) -> dict[str, object]:
    return {
        "domains": [NAME],
        "agree_to_terms": True,
        "email": "ann@desk.example",
        "directory_url": pebble.directory_url,
        "ca_file": pebble.ca_file,
        "eab_key_id": KEY_ID,
        "eab_key": KEY,
        "state_directory": path / "state",
        "http_hosts": LOCAL,
        "http_port": pebble.http_port,
    } | values


def acme_settings(pebble: Pebble, path: Path, **values: object) -> AcmeSettings:
    return AcmeSettings.model_validate(acme_values(pebble, path, **values))


def settings_of(pebble: Pebble, path: Path, **values: object) -> Settings:
    listener = {"hosts": LOCAL, "port": 0, "tls_certificate": "acme"}
    return local_settings(
        server=listener,
        websocket=listener,
        connections={"s": {"protocol": "sketch"}},
        acme=acme_values(pebble, path, **values),
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Daemon]:
    daemon = Daemon(settings, protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


async def names_at(port: int, context: ssl.SSLContext) -> set[str]:
    """The names in a listener's certificate, which is valid."""
    _, writer = await asyncio.open_connection(LOCAL[0], port, ssl=context, server_hostname=NAME)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return {name for _, name in certificate["subjectAltName"]}


def lenient(context: ssl.SSLContext) -> ssl.SSLContext:
    context.check_hostname = False
    return context


async def request(port: int, path: str, host: str) -> tuple[int, str]:
    """The status of an answer on the port for challenges, and where it redirects to."""
    url = f"http://{LOCAL[0]}:{port}{path}"
    headers = {"Host": host}
    async with (
        aiohttp.ClientSession() as http,
        http.get(url, headers=headers, allow_redirects=False) as response,
    ):
        return response.status, response.headers.get("Location", "")


async def test_a_certificate_is_obtained_used_and_replaced(
    pebble: Pebble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with running(settings_of(pebble, tmp_path)) as daemon:
        await until(lambda: f"there is a new certificate for {NAME}" in caplog.text)
        context = ssl.create_default_context(cadata=pebble.root())
        await until(lambda: daemon.certificates.seconds_left().keys() == {"server", "websocket"})
        for port in (daemon.port, daemon.web_port):
            assert await names_at(port, context) == {NAME}
        client = await GuacClient.dial(LOCAL[0], daemon.port, tls=lenient(context))
        await client.handshake("sketch")
        assert daemon.reload(settings_of(pebble, tmp_path, domains=[NAME, OTHER])) == []
        await until(lambda: f"there is a new certificate for {NAME}, {OTHER}" in caplog.text)
        context = ssl.create_default_context(cadata=pebble.root())
        async with asyncio.timeout(10):
            for port in (daemon.port, daemon.web_port):
                while await names_at(port, context) != {NAME, OTHER}:
                    pass
        client.size(300, 150)
        await client.wait(lambda: client.canvas.size == (300, 150), "the first session goes on")
        await client.close()
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {
        "account.json",
        "account.pem",
        "attempts.json",
        "certificate.pem",
        "lock",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


async def test_a_certificate_with_a_third_of_its_life_left_is_used_until_it_is_replaced(
    pebble: Pebble, tmp_path: Path
) -> None:
    old = Authority()
    pair = old.issue("server", host=NAME)  # for three days, of which two have passed
    settings = settings_of(pebble, tmp_path)
    store = Store(settings.acme.server_directory)
    store.open()
    store.write(CERTIFICATE, (pair.key + pair.certificate).encode())
    daemon = Daemon(settings, protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    try:
        context = ssl.create_default_context(cadata=old.certificate)
        assert await names_at(daemon.web_port, context) == {NAME}
        context = ssl.create_default_context(cadata=pebble.root())
        async with asyncio.timeout(10):
            while not await is_valid_at(daemon.web_port, context):
                pass
    finally:
        await daemon.close()


def damaged() -> dict[str, str]:
    """Files that are of no use as a certificate, and what is said of them."""
    pair, other = Authority().issue("server", host=NAME), Authority().issue("other", host=NAME)
    return {
        "": "has no certificate",
        "garbage": "has no certificate",
        pair.key: "has no certificate",
        pair.certificate: "has no key, or one that does not fit",
        other.key + pair.certificate: "has no key, or one that does not fit",
        pair.key + pair.certificate[:300]: "has no certificate",
    }


async def test_a_damaged_certificate_is_replaced(
    pebble: Pebble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    settings = settings_of(pebble, tmp_path)
    path, store = settings.acme.certificate, Store(settings.acme.server_directory)
    store.open()
    for text, problem in damaged().items():
        caplog.clear()
        store.write(CERTIFICATE, text.encode())
        async with running(settings) as daemon:
            await until(lambda: f"there is a new certificate for {NAME}" in caplog.text)
            context = ssl.create_default_context(cadata=pebble.root())
            async with asyncio.timeout(10):
                while not await is_valid_at(daemon.web_port, context):
                    pass
        assert f"{path} is damaged: it {problem}" in caplog.text


async def test_a_certificate_that_stays_damaged_is_reported_once(
    pebble: Pebble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(pebble, tmp_path, directory_url="https://127.0.0.1:1/dir")
    store = Store(settings.acme.server_directory)
    store.open()
    store.write(CERTIFICATE, b"")
    async with running(settings) as daemon:
        await until(lambda: "no certificate for" in caplog.text)
        with pytest.raises(ConnectionError):
            await names_at(daemon.web_port, ssl.create_default_context())
        assert daemon.acme is not None
        await daemon.acme._check()
        daemon.reload(settings)
    assert caplog.text.count("a new certificate replaces it") == 1
    assert "the TLS handshake failed: there is no certificate yet" in caplog.text
    assert store.read(CERTIFICATE) == b"", "it is there until it is replaced"


async def is_valid_at(port: int, context: ssl.SSLContext) -> bool:
    with suppress(ssl.SSLCertVerificationError, ConnectionError):
        return bool(await names_at(port, context))
    return False


async def test_the_port_for_challenges_does_nothing_else(pebble: Pebble, tmp_path: Path) -> None:
    settings = settings_of(pebble, tmp_path, directory_url="https://127.0.0.1:1/dir")
    async with running(settings) as daemon:
        assert daemon.acme is not None
        port, page = daemon.acme.port, daemon.settings.websocket.port
        assert await request(port, "/recordings?token=t", f"{NAME.upper()}:80") == (
            308,
            f"https://{NAME}:{page}/recordings",
        )
        assert await request(port, "/", "evil.example") == (404, "")
        assert await request(port, "/.well-known/acme-challenge/x", NAME) == (404, "")
        assert await request(port, "/.well-known/acme-challenge/..%2f", NAME) == (404, "")


async def test_failures_are_reported_and_not_repeated_soon(
    pebble: Pebble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(pebble, tmp_path, http_port=free_port())
    async with running(settings) as daemon:
        await until(lambda: f"no certificate for {NAME}: " in caplog.text)
        assert "did not find the answer to its challenge: " in caplog.text
        assert "; the next attempt is at " in caplog.text
        context = ssl.create_default_context()
        with pytest.raises(ConnectionError):
            await names_at(daemon.web_port, context)
        assert "the TLS handshake failed: there is no certificate yet" in caplog.text
    caplog.clear()
    async with running(settings) as daemon:
        assert daemon.acme is not None
        await daemon.acme._check()
        assert "no certificate for" not in caplog.text
        daemon.reload(settings_of(pebble, tmp_path, domains=[OTHER], http_port=free_port()))
        await until(lambda: f"no certificate for {OTHER}: " in caplog.text)


@pytest.mark.parametrize("years", [1, math.inf, math.nan])
async def test_a_failure_while_the_clock_was_wrong_delays_nothing(
    pebble: Pebble, tmp_path: Path, caplog: pytest.LogCaptureFixture, years: float
) -> None:
    caplog.set_level("INFO")
    store = Store(acme_settings(pebble, tmp_path).server_directory)
    store.open()
    store.attempts = Attempts(1, time.time() + years * 365 * DAY, (NAME,))
    async with running(settings_of(pebble, tmp_path)):
        await until(lambda: f"there is a new certificate for {NAME}" in caplog.text)
    assert store.attempts == Attempts()


def test_what_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Store(tmp_path)
    store.write(ACCOUNT, b"old")
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        store.write(ACCOUNT, b"new")
    assert [path.name for path in tmp_path.iterdir()] == [ACCOUNT]
    assert store.read(ACCOUNT) == b"old"


async def test_without_room_on_the_disk_nothing_is_ordered(
    pebble: Pebble,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def write(self: Store, name: str, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Store, "write", write)
    async with running(settings_of(pebble, tmp_path)) as daemon:
        await until(lambda: "the next attempt is at" in caplog.text)
        monkeypatch.undo()
        assert "cannot be written to: No space left on device; no certificate" in caplog.text
        assert not acme_settings(pebble, tmp_path).server_directory.joinpath(ACCOUNT).exists()
        assert daemon.acme is not None
        await daemon.acme._check()
    assert not acme_settings(pebble, tmp_path).certificate.exists(), "it waits"


async def test_a_disk_that_fills_up_does_not_lead_to_one_order_after_the_other(
    pebble: Pebble,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def write(self: Store, name: str, data: bytes) -> None:
        if name == ATTEMPTS or (name == CANDIDATE and any(data)):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(self, name, data)

    original = Store.write
    monkeypatch.setattr(Store, "write", write)
    async with running(settings_of(pebble, tmp_path)) as daemon:
        await until(lambda: "the certificate cannot be looked after" in caplog.text)
        assert "cannot be written to: No space left on device" in caplog.text
        assert daemon.acme is not None
        monkeypatch.undo()
        await daemon.acme._check()
    assert not acme_settings(pebble, tmp_path).certificate.exists()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"directory_url": "https://127.0.0.1:1/dir"}, "the server cannot be reached: "),
        ({"ca_file": None}, "CERTIFICATE_VERIFY_FAILED"),
        ({"ca_file": "/nonexistent/ca.pem"}, "invalid path: /nonexistent/ca.pem"),
        ({"eab_key_id": "", "eab_key": ""}, "the server refuses: "),
        ({"eab_key": "c2VjcmV0"}, "the server refuses: "),
    ],
)
def test_accounts_and_servers_that_cannot_be_used(
    pebble: Pebble, tmp_path: Path, values: dict[str, object], reason: str
) -> None:
    settings = acme_settings(pebble, tmp_path, **values)
    store = Store(settings.server_directory)
    store.open()
    with pytest.raises(AcmeError) as failed:
        obtain(settings, store, lambda token, text: None)
    assert reason in str(failed.value)


def test_a_removed_account_is_replaced_at_the_next_attempt(pebble: Pebble, tmp_path: Path) -> None:
    settings = acme_settings(pebble, tmp_path)
    store = Store(settings.server_directory)
    store.open()
    account_of(pebble, tmp_path, store)
    url = pebble.directory_url.replace("/dir", "/my-account/0")
    store.write(ACCOUNT, json.dumps({"uri": url}).encode())
    with pytest.raises(AcmeError, match="the server refuses: "):
        obtain(settings, store, lambda token, text: None)
    with pytest.raises(AcmeError, match="did not find the answer"):
        obtain(settings, store, lambda token, text: None)
    assert json.loads(store.read(ACCOUNT) or b"")["uri"] != url


@pytest.mark.parametrize("path", ["/directory", "/"])
def test_a_wrong_directory_is_named(pebble: Pebble, tmp_path: Path, path: str) -> None:
    url = pebble.directory_url.replace("/dir", path)
    settings = acme_settings(pebble, tmp_path, directory_url=url)
    store = Store(settings.server_directory)
    store.open()
    with pytest.raises(AcmeError) as failed:
        obtain(settings, store, lambda token, text: None)
    reason = "is not the directory of an ACME server (status 404): check acme.directory_url"
    assert str(failed.value) == f"{url} {reason}"


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (200, b"{}", "is not the directory of an ACME server: check"),
        (200, b"[]", "is not the directory of an ACME server: check"),
        (200, b"1", "is not the directory of an ACME server: check"),
        (200, b"<p>", "is not the directory of an ACME server: check"),
        (200, b'{"meta": 1, "newAccount": "x"}', "is not the directory of an ACME server: check"),
        (200, b'{"newAccount": {}, "newOrder": 1}', "is not the directory of an ACME server: "),
        (499, b"<p>", r"is not the directory of an ACME server \(status 499\): check"),
        (500, b"<p>", "the server's answer is not that of an ACME server: status 500"),
        (404, b'{"detail": "try /acme"}', r"is not the directory of .* \('try /acme'\): check"),
        (429, b'{"type": "urn:ietf:params:acme:error:rateLimited"}', "the server refuses: "),
    ],
)
def test_what_is_no_directory(
    pebble: Pebble,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    answer: bytes,
    reason: str,
) -> None:
    def request(*args: object, **options: object) -> requests.Response:
        response = requests.Response()
        response.status_code, response.raw = status, io.BytesIO(answer)
        return response

    monkeypatch.setattr(requests.Session, "request", request)
    settings = acme_settings(pebble, tmp_path)
    store = Store(settings.server_directory)
    store.open()
    with pytest.raises(AcmeError, match=reason):
        obtain(settings, store, lambda token, text: None)


def test_a_challenge_port_that_is_used_is_named() -> None:
    with socket.create_server((LOCAL[0], 0)) as other:
        number = other.getsockname()[1]
        port = ChallengePort(
            Settings.model_validate({"acme": {"http_hosts": LOCAL, "http_port": number}})
        )
        reason = "another program listens there; ACME's challenges need it .*acme.http_port"
        with pytest.raises(SettingsError, match=reason):
            asyncio.run(port.open())


def account_of(pebble: Pebble, path: Path, store: Store) -> tuple[bytes, str]:
    """The key and the URL of the account after an attempt for which no challenge is answered."""
    with pytest.raises(AcmeError, match="did not find the answer"):
        obtain(acme_settings(pebble, path), store, lambda token, text: None)
    return store.read(ACCOUNT_KEY) or b"", json.loads(store.read(ACCOUNT) or b"")["uri"]


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"uri": 1}', b'{"uri": "x"}', b"\xff"])
def test_a_damaged_account_is_asked_for(
    pebble: Pebble, tmp_path: Path, caplog: pytest.LogCaptureFixture, damaged: bytes
) -> None:
    store = Store(acme_settings(pebble, tmp_path).server_directory)
    store.open()
    before = account_of(pebble, tmp_path, store)
    assert "damaged" not in caplog.text
    store.write(ACCOUNT, damaged)
    assert account_of(pebble, tmp_path, store) == before
    assert f"{store.path(ACCOUNT)} is damaged: the server is asked for the account" in caplog.text


def damaged_keys() -> list[bytes]:
    """Keys of accounts that cannot be used."""
    kinds = (ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1()))
    encryption = (NoEncryption(), BestAvailableEncryption(b"x"))
    return [
        b"",
        b"garbage",
        b"\xff",
        *(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, one)
            for key, one in zip(kinds, encryption, strict=True)
        ),
    ]


@pytest.mark.parametrize("number", range(len(damaged_keys())))
def test_an_account_with_a_damaged_key_is_replaced(
    pebble: Pebble, tmp_path: Path, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    store = Store(acme_settings(pebble, tmp_path).server_directory)
    store.open()
    key, uri = account_of(pebble, tmp_path, store)
    damaged = damaged_keys()[number]
    store.write(ACCOUNT_KEY, damaged)
    other_key, other_uri = account_of(pebble, tmp_path, store)
    assert other_key != key
    assert other_uri != uri
    assert store.read("account.pem.damaged") == damaged
    assert f"{store.path(ACCOUNT_KEY)} is not a key for ES256" in caplog.text
    assert "the file is kept as account.pem.damaged" in caplog.text


# ---- when


@pytest.mark.parametrize(
    ("validity", "now", "due"),
    [
        (None, 0, True),
        (Validity(0, 90 * DAY, frozenset({NAME})), 60 * DAY, False),
        (Validity(0, 90 * DAY, frozenset({NAME})), 60 * DAY + 1, True),
        (Validity(0, 6 * DAY, frozenset({NAME})), 4 * DAY + 1, True),
        (Validity(0, 90 * DAY, frozenset({NAME})), 91 * DAY, True),
        (Validity(0, 90 * DAY, frozenset({NAME, OTHER})), 0, True),
    ],
)
def test_when_a_certificate_is_due(validity: Validity | None, now: float, *, due: bool) -> None:
    assert is_due(validity, (NAME,), now) is due


def test_delays_after_failures() -> None:
    attempts = after_failure(Attempts(), 0)
    assert attempts == Attempts(1, RETRY_MIN)
    assert after_failure(attempts, 0) == Attempts(2, 2 * RETRY_MIN)
    assert after_failure(Attempts(1 << 70), 0).not_before == RETRY_MAX
    assert after_failure(Attempts(), 5, limited=True).not_before == 5 + LIMITED


# ---- the store


def test_one_process_has_the_lock(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "a" / "b"), Store(tmp_path / "a" / "b")
    one.open()
    assert one.lock()
    assert one.lock()
    assert not other.lock()
    one.unlock()
    assert other.lock()
    other.unlock()


def test_damaged_files_are_no_obstacle(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.attempts == Attempts()
    for damaged in (b"{", b"[]", b'{"failures": 1}', b"\xff"):
        store.write(ATTEMPTS, damaged)
        assert store.attempts == Attempts()
    store.attempts = Attempts(2, 7.5, (NAME,))
    assert store.attempts == Attempts(2, 7.5, (NAME,))


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"acme\.state_directory: "):
        Store(tmp_path / "file" / "state").open()
