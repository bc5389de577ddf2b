"""The listeners of operators: a Unix socket, and TCP with TLS and client certificates."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import stat
from pathlib import Path

import aiohttp
import pytest

from guacr.control.info import Reloaded
from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.session.events import OperatorActed
from guacr.testing.daemon import running_daemon
from tests.guacr.operators.conftest import KEY, Site, bearer, control_settings
from tests.support.certificates import Authority, Pair
from tests.support.loopback import SketchHandler

OTHER_KEY = "another key of operators' tokens, long enough"


async def test_the_unix_socket_is_its_owners_alone_and_names_the_account(site: Site) -> None:
    path = site.daemon.settings.control.unix_socket
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with site.daemon.registry.events.subscribe() as events:
        async with site.unix.post("/v1/drain") as response:
            assert response.status == 200
        act = await anext(events)
    assert act == OperatorActed(f"uid {os.getuid()}", "the Unix socket", "drain")
    await site.daemon.close()
    assert not path.exists()


async def test_it_is_off_by_default() -> None:
    async with running_daemon(SketchHandler) as daemon:
        assert daemon.control_port == 0


async def test_connections_are_limited(tmp_path: Path) -> None:
    settings = control_settings(tmp_path, max_connections=1)
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        url = f"http://127.0.0.1:{daemon.control_port}/v1/events"
        async with aiohttp.ClientSession(headers=bearer()) as client, client.get(url) as first:
            assert first.status == 200
            async with client.get(url) as second:
                assert second.status == 503


async def test_keys_are_replaced_by_a_reload(site: Site) -> None:
    settings = site.daemon.settings
    control = settings.control.model_copy(update={"token_keys": (OTHER_KEY,)})
    assert site.daemon.reload(settings.model_copy(update={"control": control})) == []
    async with site.http.get("/v1/status", headers=bearer()) as response:
        assert response.status == 401
    shared = settings.websocket.model_copy(update={"token_keys": (KEY,)})
    with pytest.raises(SettingsError, match="generate another one"):
        site.daemon.reload(settings.model_copy(update={"websocket": shared}))


# ---- TLS


def written(directory: Path, name: str, *pems: str) -> Path:
    path = directory / name
    path.write_text("".join(pems))
    return path


def context(authority: Authority, directory: Path, pair: Pair | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=authority.certificate)
    if pair is not None:
        made.load_cert_chain(written(directory, "client.pem", pair.certificate, pair.key))
    return made


async def status(daemon: Daemon, tls: ssl.SSLContext, **headers: str) -> int:
    url = f"https://127.0.0.1:{daemon.control_port}/v1/status"
    async with (
        aiohttp.ClientSession() as client,
        client.get(url, ssl=tls, headers=headers) as response,
    ):
        return response.status


async def test_certificates_are_operators_beside_tokens(tmp_path: Path) -> None:
    ours, theirs = Authority(), Authority()
    pair = ours.issue("server")
    settings = control_settings(
        tmp_path,
        tls_certificate=written(tmp_path, "server.pem", pair.certificate, pair.key),
        tls_client_ca=written(tmp_path, "ca.pem", ours.certificate),
        readers=("ops.example",),
    )
    known = context(ours, tmp_path, ours.issue("client", host="ops.example"))
    unknown = context(ours, tmp_path, ours.issue("client", host="other.example"))
    foreign = context(ours, tmp_path, theirs.issue("client", host="ops.example"))
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        assert await status(daemon, known) == 200
        assert await status(daemon, unknown) == 401
        assert await status(daemon, context(ours, tmp_path)) == 401
        assert await status(daemon, context(ours, tmp_path), **bearer()) == 200
        with pytest.raises(aiohttp.ClientError):
            await status(daemon, foreign)
        async with aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{daemon.control_port}/v1/status"
            async with client.get(url) as response:
                assert "https://" in await response.text()


async def test_without_keys_a_certificate_is_required(tmp_path: Path) -> None:
    ours = Authority()
    pair = ours.issue("server")
    settings = control_settings(
        tmp_path,
        token_keys=(),
        tls_certificate=written(tmp_path, "server.pem", pair.certificate, pair.key),
        tls_client_ca=written(tmp_path, "ca.pem", ours.certificate),
        readers=("*",),
    )
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        assert await status(daemon, context(ours, tmp_path, ours.issue("client"))) == 200
        with pytest.raises(aiohttp.ClientError):
            await status(daemon, context(ours, tmp_path))


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def asked(connection: Connection, path: str) -> bytes:
    """The head of the answer to a request; its body is read, unless it has no known length."""
    reader, writer = connection
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    await reader.readexactly(int(length[1]) if length else 0)
    return head.partition(b"\r\n")[0]


async def test_another_ca_ends_connections_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.web.listener.KEEP_ALIVE", 300)
    ours, theirs = Authority(), Authority()
    pair = ours.issue("server")
    settings = control_settings(
        tmp_path,
        tls_certificate=written(tmp_path, "server.pem", pair.certificate, pair.key),
        tls_client_ca=written(tmp_path, "ca.pem", ours.certificate),
        readers=("*",),
    )
    known = context(ours, tmp_path, ours.issue("client"))
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        port, ok = daemon.control_port, b"HTTP/1.1 200 OK"
        idle, stream = [
            await asyncio.open_connection("127.0.0.1", port, ssl=known) for _ in range(2)
        ]
        local = await asyncio.open_unix_connection(tmp_path / "control.sock")
        for connection in (idle, local):
            assert await asked(connection, "/v1/status") == ok
        assert await asked(stream, "/v1/events") == ok
        daemon.reload(settings.model_copy())
        assert await asked(idle, "/v1/status") == ok, "nothing has changed"
        written(tmp_path, "ca.pem", theirs.certificate)
        daemon.reload(settings.model_copy())
        async with asyncio.timeout(20):
            assert await idle[0].read() == b""
            assert (await stream[0].read()).endswith(b"0\r\n\r\n")  # that of a stream in order
        assert await asked(local, "/v1/status") == ok
        with pytest.raises(aiohttp.ClientError):
            await status(daemon, known)
        assert await status(daemon, context(ours, tmp_path, theirs.issue("client"))) == 200
        for _, writer in (idle, stream, local):
            writer.close()


async def test_a_reload_that_ends_its_own_connection_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.web.listener.KEEP_ALIVE", 300)
    ours, theirs = Authority(), Authority()
    pair = ours.issue("server")
    settings = control_settings(
        tmp_path,
        tls_certificate=written(tmp_path, "server.pem", pair.certificate, pair.key),
        tls_client_ca=written(tmp_path, "ca.pem", ours.certificate),
        actors=("*",),
    )
    known = context(ours, tmp_path, ours.issue("client"))
    async with running_daemon(SketchHandler, settings=settings) as daemon:

        async def reload() -> Reloaded:
            written(tmp_path, "ca.pem", theirs.certificate)
            daemon.reload(settings.model_copy())
            await asyncio.sleep(0)  # connections that wait for requests end now
            return Reloaded(changed=("control.tls_client_ca",))

        daemon.control.on_reload = reload
        reader, writer = await asyncio.open_connection("127.0.0.1", daemon.control_port, ssl=known)
        writer.write(b"POST /v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        async with asyncio.timeout(20):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"control.tls_client_ca" in answer
        writer.close()
