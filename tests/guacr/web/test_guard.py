"""Connections of the page's port that say too little, take too little, or are too many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from guacr.daemon import Daemon
from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings, WebSocketSettings
from guacr.testing.daemon import LOCAL, local_settings
from guacr.web import app, guard, listener
from tests.support.clock import FrozenClock
from tests.support.loopback import SketchHandler, until

SHORT = 0.3


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that tests can wait for."""
    monkeypatch.setattr(guard, "HEAD_TIMEOUT", SHORT)
    monkeypatch.setattr(guard, "ANSWER_TIMEOUT", 2 * SHORT)
    monkeypatch.setattr(listener, "KEEP_ALIVE", SHORT)
    monkeypatch.setattr(app, "BODY_TIMEOUT", SHORT)


@asynccontextmanager
async def running(max_connections: int = 0) -> AsyncIterator[Daemon]:
    settings = local_settings(
        server=ServerSettings(hosts=LOCAL, port=0, max_connections=max_connections),
        websocket=WebSocketSettings(hosts=LOCAL, port=0, allow_query_parameters=("*",)),
    )
    daemon = Daemon(settings, protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


async def answer_to(daemon: Daemon, *parts: bytes) -> bytes:
    """All that comes until the daemon closes, after sending some parts."""
    reader, writer = await asyncio.open_connection(LOCAL[0], daemon.web_port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: localh",
        b"POST /api/join HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n",
    ],
)
async def test_half_a_head_is_given_up(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with running() as daemon:
        assert await answer_to(daemon, data) == b""
    assert "took too long" in caplog.text


async def test_dripping_does_not_put_it_off() -> None:
    async with running() as daemon:
        reader, writer = await asyncio.open_connection(LOCAL[0], daemon.web_port)
        writer.write(b"GET / HTTP/1.1\r\nX: ")

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(SHORT / 10)

        dripping = asyncio.ensure_future(drip())
        async with asyncio.timeout(5):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        dripping.cancel()
        writer.close()


async def test_a_missing_body_is_told_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "ANSWER_TIMEOUT", 60.0)
    monkeypatch.setattr(listener, "LINGERING", SHORT)
    request = b"POST /api/join HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
    async with running() as daemon:
        answer = await answer_to(daemon, request)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in answer
    assert "refused 127.0.0.1: The request's body did not arrive in time." in caplog.text


async def test_a_body_is_read_after_a_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "BODY_TIMEOUT", 15.0)
    clock = FrozenClock(monkeypatch)
    reader = aiohttp.StreamReader(Mock(), limit=1024)
    body = asyncio.create_task(app._body(make_mocked_request("POST", "/", payload=reader)))
    await clock.pass_by(0)
    await clock.pass_by(3600)
    reader.feed_data(b"{}")
    reader.feed_eof()
    assert await body == {}


async def test_an_idle_connection_is_closed() -> None:
    async with running() as daemon:
        answer = await answer_to(daemon, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.endswith(b'{"status": "ok"}')


async def test_an_answer_that_nobody_takes_is_given_up() -> None:
    requests = b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1500
    async with running() as daemon:
        reader, writer = await asyncio.open_connection(LOCAL[0], daemon.web_port, limit=1)
        writer.write(requests)
        await until(lambda: daemon._web._limits._count == 1)
        await until(lambda: daemon._web._limits._count == 0)
        writer.close()
        del reader


async def test_an_answer_that_ends_after_its_client_has_no_deadline() -> None:
    connection = guard.HttpGuard(Mock(), Mock())
    connection.connection_made(Mock())
    connection.connection_lost(None)
    connection.request_began()
    assert connection._deadline is None


async def test_a_websocket_has_no_such_deadline() -> None:
    async with running() as daemon, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{daemon.web_port}/websocket?protocol=sketch"
        async with session.ws_connect(url, protocols=["guacamole"]) as socket:
            loop = asyncio.get_running_loop()
            end = loop.time() + 4 * SHORT
            while loop.time() < end:
                message = await socket.receive(timeout=10)
                assert message.type is aiohttp.WSMsgType.TEXT
                await socket.send_str("3.nop;")
                if "sync" in str(message.data):
                    break
            await asyncio.sleep(4 * SHORT)
            assert daemon.registry.sessions


async def test_one_connection_too_many_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with running(max_connections=2) as daemon:
        _, first = await asyncio.open_connection(LOCAL[0], daemon.web_port)
        await until(lambda: daemon._web._limits._count == 1)
        answer = await answer_to(daemon, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"of this address already wait for a session" in answer
        first.close()
        await until(lambda: daemon._web._limits._count == 0)
        answer = await answer_to(daemon, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
    assert "refused 127.0.0.1" in caplog.text
