"""TLS of the listeners: their files, the page over HTTPS, another certificate after a reload."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization

from guacr.cli import healthcheck
from guacr.daemon import Daemon
from guacr.errors import SettingsError, UpstreamUnavailableError
from guacr.net import acceptor
from guacr.net.tls import TlsFiles, server_context
from guacr.refusals import Refusals
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from guacr.testing.daemon import LOCAL, local_settings
from tests.support.certificates import Authority
from tests.support.loopback import SketchHandler


@pytest.fixture(autouse=True)
def every_refusal_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests' refusals do not count towards the lines of this one."""
    monkeypatch.setattr(acceptor, "_untrusted", Refusals(acceptor.log))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def pem(authority: Authority, tmp_path: Path) -> Path:
    pair = authority.issue("server")
    path = tmp_path / "server.pem"
    path.write_text(pair.certificate + pair.key)
    return path


def settings_of(pem: Path, **values: object) -> Settings:
    page = {"hosts": LOCAL, "port": 0, "tls_certificate": pem} | values
    return local_settings(websocket=page, connections={"s": {"protocol": "sketch"}})


def write(pem: Path, text: str) -> None:
    pem.write_text(text)


@asynccontextmanager
async def running(pem: Path, **values: object) -> AsyncIterator[Daemon]:
    daemon = Daemon(settings_of(pem, **values), protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.certificate)


@asynccontextmanager
async def browser(authority: Authority) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=trusting(authority))
    async with aiohttp.ClientSession(connector=connector) as http:
        yield http


async def first_instruction(http: aiohttp.ClientSession, port: int, origin: str = "") -> str:
    url = f"wss://localhost:{port}/websocket?connection=s"
    headers = {"Origin": origin or f"https://localhost:{port}"}
    async with http.ws_connect(url, headers=headers, protocols=["guacamole"]) as socket:
        return str(await socket.receive_str())


# ---- files


NAMES = ("certificate", "key", "client_ca")


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_is_not_waited_for(pem: Path, tmp_path: Path, name: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    certificate, key, authorities = (pipe if name == one else pem for one in NAMES)
    with pytest.raises(SettingsError, match="pipe is not a file"):
        server_context(TlsFiles("server", certificate, key, authorities))


def test_an_encrypted_key_is_not_asked_about(pem: Path, tmp_path: Path) -> None:
    key = serialization.load_pem_private_key(pem.read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "key.pem").write_bytes(encrypted)
    with pytest.raises(SettingsError, match=r"websocket\.tls_key is encrypted"):
        server_context(TlsFiles("websocket", pem, tmp_path / "key.pem"))


# ---- the page


@pytest.mark.parametrize("seconds", [0, 3600])
async def test_the_page_and_websocket_use_https(
    pem: Path, authority: Authority, seconds: int
) -> None:
    async with (
        running(pem, strict_transport_security=seconds) as daemon,
        browser(authority) as http,
    ):
        async with http.get(f"https://localhost:{daemon.web_port}/static/app.js") as response:
            assert response.status == 200
            assert len(await response.read()) > 1000
            asked = response.headers.get("Strict-Transport-Security")
            assert asked == (f"max-age={seconds}" if seconds else None)
        assert (await first_instruction(http, daemon.web_port)).startswith("0.,36.")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await first_instruction(http, daemon.web_port, f"http://localhost:{daemon.web_port}")
        assert refused.value.status == 403


async def test_the_cookie_of_the_demo_is_secure(pem: Path, authority: Authority) -> None:
    daemon = Daemon(settings_of(pem), secret="s3cret")
    await daemon.start()
    try:
        url = f"https://localhost:{daemon.web_port}/?secret=s3cret"
        async with browser(authority) as http, http.get(url) as response:
            (cookie,) = response.cookies.values()
            assert cookie["secure"]
    finally:
        await daemon.close()


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"x"])
async def test_clients_without_tls_are_told(
    pem: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(pem) as daemon:
        reader, writer = await asyncio.open_connection(LOCAL[0], daemon.web_port)
        writer.write(data)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(
        b"This port uses HTTPS: begin the address with https://, or wss:// in programs.\n"
    )
    assert "the TLS handshake failed: the client does not use TLS" in caplog.text


async def test_a_broken_certificate_changes_nothing_and_another_one_is_used_after_a_reload(
    pem: Path, authority: Authority
) -> None:
    other = Authority()
    async with running(pem) as daemon, browser(authority) as http, browser(other) as later:
        url = f"wss://localhost:{daemon.web_port}/websocket?connection=s"
        async with http.ws_connect(url, protocols=["guacamole"]) as socket:
            await socket.receive_str()
            write(pem, "nonsense")
            with pytest.raises(SettingsError, match=r"server\.pem"):
                daemon.reload(daemon.settings)
            await first_instruction(http, daemon.web_port)
            pair = other.issue("server")
            write(pem, pair.certificate + pair.key)
            assert daemon.reload(daemon.settings) == []
            await first_instruction(later, daemon.web_port)
            await socket.send_str("0.,4.ping,1.1;")
            while "4.ping,1.1;" not in await socket.receive_str():
                pass
        assert daemon.reload(local_settings()).count("websocket.tls_certificate") == 1


async def test_client_certificates(pem: Path, authority: Authority, tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_text(authority.certificate)
    async with running(pem, tls_client_ca=authorities) as daemon:
        async with browser(authority) as http:
            with pytest.raises(aiohttp.ClientError):
                await first_instruction(http, daemon.web_port)
        context = trusting(authority)
        context.load_cert_chain(pem)
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as http:
            assert await first_instruction(http, daemon.web_port)
        settings = settings_of(pem, port=daemon.web_port, tls_client_ca=authorities)
        assert "answers" in await asyncio.to_thread(healthcheck.check, settings)


async def test_the_health_check_uses_https(pem: Path) -> None:
    async with running(pem) as daemon:
        settings = settings_of(pem, port=daemon.web_port)
        assert "answers" in await asyncio.to_thread(healthcheck.check, settings)
        wrong = local_settings(websocket={"hosts": LOCAL, "port": daemon.web_port})
        with pytest.raises(UpstreamUnavailableError):
            await asyncio.to_thread(healthcheck.check, wrong)


@pytest.fixture(scope="module", autouse=True)
def signals_of_uvloop() -> None:
    """Its first event loop opens a pipe that the process keeps."""
    if importlib.util.find_spec("uvloop"):
        import_module("uvloop").new_event_loop().close()


def uvloop_runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=pytest.importorskip("uvloop").Loop)


@pytest.mark.parametrize("make_runner", [asyncio.Runner, uvloop_runner])
def test_clients_that_leave_before_their_first_byte(
    make_runner: Callable[[], asyncio.Runner], pem: Path, authority: Authority
) -> None:
    async def leave_and_come() -> None:
        async with running(pem) as daemon, browser(authority) as http:
            for abort in (True, False):
                _, writer = await asyncio.open_connection(LOCAL[0], daemon.web_port)
                if abort:
                    writer.transport.abort()
                with suppress(OSError):
                    writer.close()
            assert await first_instruction(http, daemon.web_port)
            url = f"https://localhost:{daemon.web_port}/static/app.js"
            async with http.get(url) as response:  # which event loops send in different ways
                assert len(await response.read()) > 1000

    with make_runner() as runner:
        runner.run(leave_and_come())
