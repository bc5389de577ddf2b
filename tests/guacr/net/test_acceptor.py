"""TLS handshakes that fail, are not finished, or come at once."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings
from guacr.testing.client import GuacClient
from guacr.testing.daemon import LOCAL, local_settings
from tests.support.certificates import Authority
from tests.support.loopback import SketchHandler, until


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@asynccontextmanager
async def running(authority: Authority, path: Path, **values: object) -> AsyncIterator[Daemon]:
    pair = authority.issue("server")
    file = path / "server.pem"
    file.write_text(pair.certificate + pair.key)
    server = ServerSettings.model_validate(
        {"hosts": LOCAL, "port": 0, "tls_certificate": file, "handshake_timeout": 0.5} | values
    )
    daemon = Daemon(local_settings(server=server), protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


@pytest.fixture
async def daemon(authority: Authority, tmp_path: Path) -> AsyncIterator[Daemon]:
    async with running(authority, tmp_path) as daemon:
        yield daemon


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.certificate)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"6.select,6.sketch;", "the client does not use TLS"),
        (b"\x16\x03\x01", "longer than 0.5 seconds"),
        (b"", "silent for longer than 0.5 seconds"),
    ],
)
async def test_a_handshake_that_fails_leaves_a_line(
    daemon: Daemon, data: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(LOCAL[0], daemon.port)
    writer.write(data)
    await until(lambda: "TLS handshake failed" in caplog.text)
    assert reason in caplog.text
    async with asyncio.timeout(5):
        with suppress(ConnectionResetError):
            await reader.read()
    writer.close()


async def test_a_client_that_does_not_trust_leaves_a_line(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(
            LOCAL[0], daemon.port, ssl=ssl.create_default_context(), server_hostname="localhost"
        )
    await until(lambda: "TLS handshake failed: " in caplog.text)


async def test_what_comes_with_the_end_of_the_handshake_is_heard(
    daemon: Daemon, authority: Authority
) -> None:
    for _ in range(20):
        client = await GuacClient.dial(LOCAL[0], daemon.port, tls=trusting(authority))
        await client.handshake("sketch")
        await client.close()


@pytest.fixture(scope="module", autouse=True)
def signals_of_uvloop() -> None:
    """Its first event loop opens a pipe that the process keeps."""
    if importlib.util.find_spec("uvloop"):
        import_module("uvloop").new_event_loop().close()


def uvloop_runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=pytest.importorskip("uvloop").Loop)


async def test_another_certificate_is_used_from_a_reload_on(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    other = Authority()
    first = await GuacClient.dial(LOCAL[0], daemon.port, tls=trusting(authority))
    await first.handshake("sketch")
    pair = other.issue("server")
    (tmp_path / "server.pem").write_text("nonsense")
    with pytest.raises(SettingsError, match=r"server\.pem"):
        daemon.reload(daemon.settings)
    (tmp_path / "server.pem").write_text(pair.certificate + pair.key)
    assert daemon.reload(daemon.settings) == []
    second = await GuacClient.dial(LOCAL[0], daemon.port, tls=trusting(other))
    await second.handshake("sketch")
    first.size(300, 150)
    await first.wait(lambda: first.canvas.size == (300, 150), "the first session goes on")
    for client in (first, second):
        await client.close()


@pytest.mark.parametrize("make_runner", [asyncio.Runner, uvloop_runner])
def test_a_client_hello_that_comes_at_once_is_heard(
    make_runner: Callable[[], asyncio.Runner], authority: Authority, tmp_path: Path
) -> None:
    """The event loop may read it before anything else is done with the connection."""
    with make_runner() as runner:
        answers = runner.run(answers_of_eager_clients(authority, tmp_path, 60))
    assert answers == [b"4.args"] * 60


async def answers_of_eager_clients(authority: Authority, path: Path, count: int) -> list[bytes]:
    async with running(authority, path) as daemon:
        return [
            await asyncio.to_thread(answer_to_select, daemon.port, authority) for _ in range(count)
        ]


def answer_to_select(port: int, authority: Authority) -> bytes:
    """A client that blocks, and so sends its first message right after it has connected."""
    with (
        socket.create_connection((LOCAL[0], port), timeout=5) as plain,
        trusting(authority).wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        secured.sendall(b"6.select,6.sketch;")
        return secured.recv(6)


async def test_a_unix_socket_is_told_of_the_limit_though_tcp_has_tls(
    authority: Authority, tmp_path: Path
) -> None:
    path = tmp_path / "guacr.sock"
    async with running(authority, tmp_path, max_connections=2, unix_socket=path):
        first = await asyncio.open_unix_connection(str(path))
        reader, writer = await asyncio.open_unix_connection(str(path))
        assert (await reader.read()).startswith(b"5.error,")
        for end in (first[1], writer):
            end.close()
