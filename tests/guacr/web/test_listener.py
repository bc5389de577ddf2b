"""Applications on listening sockets."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from guacr.net.connection_limits import ConnectionLimits
from guacr.web.listener import HttpListener

LOG = logging.getLogger("guacr.test")


def application() -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.path)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def listening(path: Path) -> HttpListener:
    """One on a TCP port and a Unix socket, each with one connection at most."""
    listener = HttpListener("tests", LOG)
    await listener.sockets.open_tcp(["127.0.0.1"], 0, 5)
    listener.sockets.open_unix(path, 0o600, 5)
    await listener.start(application(), lambda: ConnectionLimits(1, 1))
    return listener


async def status(port: int) -> int:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/path") as response,
    ):
        return response.status


async def test_every_socket_has_its_own_limits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    listener = await listening(tmp_path / "socket")
    assert caplog.messages == [
        f"listening for tests on 127.0.0.1:{listener.port}",
        f"listening for tests on {tmp_path / 'socket'}",
    ]
    connector = aiohttp.UnixConnector(str(tmp_path / "socket"))
    async with aiohttp.ClientSession(connector=connector) as http:
        async with http.get("http://unix/path") as response:
            assert await response.text() == "/path"
        assert await status(listener.port) == 200  # while the other one's is kept
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        assert await status(listener.port) == 503
        writer.close()
        await writer.wait_closed()
        assert await reader.read() == b""
    listener.stop()
    await listener.close()


async def test_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guacr.web.listener.GONE_TIMEOUT", 0.01)
    listener = await listening(tmp_path / "socket")
    port = listener.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n/")
    listener.stop()
    assert not (tmp_path / "socket").exists()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await listener.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_what_has_not_started_is_released(tmp_path: Path) -> None:
    listener = HttpListener("tests", LOG)
    listener.sockets.open_unix(tmp_path / "socket", 0o600, 5)
    assert listener.port == 0
    listener.stop()
    await listener.close()
    assert not (tmp_path / "socket").exists()
