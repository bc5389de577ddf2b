"""The relay between libpq and a server leaves no socket behind."""

from __future__ import annotations

import asyncio
import socket

from handlers.database.postgresql_relay import Relay
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
