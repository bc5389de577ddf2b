"""A Redis server's data, token by token, and connections that are not wanted any more."""

from __future__ import annotations

import asyncio
import socket
import threading
from asyncio import sslproto
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from guacr.api import unrestricted
from handlers.database.params import RedisParams
from handlers.database.redis import connection
from handlers.database.redis.connection import CHUNK, RedisConnection, open_connection
from handlers.dial import dial
from tests.support.certificates import Authority
from tests.support.waiting import until

NETWORK = unrestricted()


async def test_others_have_their_turn_while_much_has_come() -> None:
    reader = asyncio.StreamReader()
    connection = RedisConnection(reader, cast(asyncio.StreamWriter, None))
    reader.feed_data(b":1\r\n" * (10 * CHUNK // 4))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    for _ in range(10 * CHUNK // 4):
        assert (await connection.token()).data == b"1"
    task.cancel()
    assert turns >= 10


async def test_an_end_as_tls_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is closed at once, whatever the server does."""
    authority, tasks = Authority(), list[asyncio.Task[RedisConnection]]()
    complete = sslproto.SSLProtocol._on_handshake_complete
    sockets: list[socket.socket] = []
    may_end = threading.Event()

    def complete_and_cancel(protocol: Any, error: Exception | None) -> None:
        complete(protocol, error)
        tasks[0].cancel()

    async def note(*arguments: Any) -> socket.socket:
        sockets.append(await dial(*arguments))
        return sockets[0]

    def be_silent(listening: socket.socket) -> None:
        accepted, _ = listening.accept()
        with suppress(OSError), context.wrap_socket(accepted, server_side=True):
            may_end.wait()

    monkeypatch.setattr(sslproto.SSLProtocol, "_on_handshake_complete", complete_and_cancel)
    monkeypatch.setattr(connection, "dial", note)
    context = authority.server_context(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(asyncio.to_thread(be_silent, listening))
        try:
            port = listening.getsockname()[1]
            params = RedisParams(hostname="127.0.0.1", port=port, tls="require", timeout=30)
            tasks.append(asyncio.create_task(open_connection(NETWORK, params)))
            await asyncio.wait(tasks)
            assert tasks[0].cancelled()
            await until(lambda: sockets[0].fileno() < 0, "the end of the connection")
        finally:
            may_end.set()
            await serving
