"""TLS on the port of the Guacamole protocol: handshakes that fail, or are not finished."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.session.registry import Protocols
from guacr.settings import ServerSettings
from tests.support.certificates import Authority
from tests.support.client import GuacClient
from tests.support.daemon import LOCAL, local_settings
from tests.support.loopback import SketchHandler, until


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def daemon(authority: Authority, tmp_path: Path) -> AsyncIterator[Daemon]:
    pair = authority.issue("server")
    path = tmp_path / "server.pem"
    path.write_text(pair.certificate + pair.key)
    server = ServerSettings(hosts=LOCAL, port=0, tls_certificate=path, handshake_timeout=0.5)
    daemon = Daemon(local_settings(server=server), protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    yield daemon
    await daemon.close()


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.certificate)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"6.select,6.sketch;", "wrong version number"),
        (b"\x16\x03\x01", "longer than 0.5 seconds"),
        (b"", "longer than 0.5 seconds"),
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
