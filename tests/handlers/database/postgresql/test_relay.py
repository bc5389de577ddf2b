"""The relay between libpq and a server leaves no socket behind."""

from __future__ import annotations

import asyncio
import socket

import pytest

from handlers.database.postgresql.relay import Relay
from tests.handlers.database.people import host
from tests.support.loopback import until


async def test_a_relay_that_is_cancelled_before_it_begins_closes_its_sockets() -> None:
    near, server = socket.socketpair()
    relay = Relay(1000)
    descriptor = near.detach()
    relay._insert(descriptor)
    [task] = relay._tasks
    task.cancel()
    await asyncio.wait([task])
    await until(lambda: not relay._tasks)
    with server, socket.socket(fileno=descriptor) as libpq:
        assert server.recv(1) == b"", "the server's connection is closed"
        libpq.setblocking(True)
        assert libpq.recv(1) == b""


async def test_a_connection_that_is_given_up_is_closed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handlers.database.postgresql.relay.CLOSE_TIMEOUT", 1000.0)
    relay = Relay(1000)
    async with host(lambda reader, writer: None) as silent:
        connecting = asyncio.create_task(
            relay.connection_type().connect(
                host=silent["hostname"], port=silent["port"], sslmode="disable"
            )
        )
        await until(lambda: bool(relay._tasks))
        connecting.cancel()
        await asyncio.wait([connecting])
        async with asyncio.timeout(10):
            await relay.close()
        assert not relay._tasks
