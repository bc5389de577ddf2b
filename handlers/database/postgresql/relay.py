"""Limit what libpq reads: it accepts messages of up to a gibibyte, and reads everything available.

libpq has no limit of its own, and its socket cannot be read on its behalf because it may use TLS.
So its socket is replaced by one end of a socket pair, and the server's bytes are forwarded and
counted. This happens on the event loop, like libpq's reading, which never finds more than the
pair's buffer.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import generators, waiting
from psycopg.abc import PQGenConn

CHUNK = 1 << 16
"""Bytes that are forwarded at a time."""
ON_THE_WAY = 1 << 19
"""Maximum bytes that libpq had not read when a count was started."""
CLOSE_TIMEOUT = 1.0
"""Seconds within which the server must accept the last bytes."""

Connection = psycopg.AsyncConnection[tuple[object, ...]]


class Relay:
    """Forwards bytes between a libpq connection and its server.

    Args:
        limit: approximate bytes that the server may send until `start_count` is called again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit + ON_THE_WAY
        self._count = 0
        self.exceeded = False
        """True if the server exceeded the limit, which ends the connection."""
        self._inode = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._steps: PQGenConn[Any] | None = None
        """Of libpq, while it connects."""

    def connection_type(self) -> type[Connection]:
        """A class whose `connect` puts this relay between libpq and the server."""
        relay = self

        class Relayed(psycopg.AsyncConnection[tuple[object, ...]]):
            @classmethod
            def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Any]:
                pgconn = yield from relay._connecting(generators.connect(conninfo))
                return cls(pgconn)

        return Relayed

    def start_count(self) -> None:
        """Restart the count."""
        self._count = 0

    async def close(self) -> None:
        """Close what connects, and wait until nothing runs once libpq has closed its end."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _connecting(self, steps: PQGenConn[Any]) -> Generator[Any, Any, Any]:
        """Run libpq's connection steps, and replace its socket as soon as it reads from it. libpq
        may connect again, with a different encryption."""
        ready: Any = None
        self._steps = steps
        while True:
            try:
                descriptor, wanted = steps.send(ready)
            except StopIteration as end:
                self._steps = None
                return end.value
            reads = wanted & waiting.WAIT_R
            if reads and os.fstat(descriptor).st_ino != self._inode:
                self._insert(descriptor)
            ready = yield descriptor, wanted

    def _insert(self, descriptor: int) -> None:
        server = socket.socket(fileno=os.dup(descriptor))
        near, far = socket.socketpair()
        with near:
            for end in (server, near, far):
                end.setblocking(False)
            os.dup2(near.fileno(), descriptor, inheritable=False)
            self._inode = os.fstat(descriptor).st_ino
        task = asyncio.create_task(self._pass_on(server, far), name="postgresql relay")
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            """Clean up; not in the task, which may be cancelled before it has started."""
            self._tasks.discard(task)
            server.close()
            far.close()

        task.add_done_callback(ended)

    async def _pass_on(self, server: socket.socket, libpq: socket.socket) -> None:
        """Forward bytes until libpq closes its end."""
        loop = asyncio.get_running_loop()
        answers = asyncio.create_task(self._pass_answers(server, libpq), name="postgresql answers")
        try:
            while data := await loop.sock_recv(libpq, CHUNK):
                with suppress(OSError):  # its last bytes may still be in flight
                    await loop.sock_sendall(server, data)
        except OSError:
            pass
        finally:
            answers.cancel()
            await asyncio.wait([answers])

    async def _pass_answers(self, server: socket.socket, libpq: socket.socket) -> None:
        """Forward bytes until the server closes its end, or has sent too many."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while data := await loop.sock_recv(server, CHUNK):
                self._count += len(data)
                if self._count > self._limit:
                    self.exceeded = True
                    break
                await loop.sock_sendall(libpq, data)
        with suppress(OSError):
            libpq.shutdown(socket.SHUT_WR)
