"""Bounds what libpq reads: it takes a message of up to a gibibyte whole, and all that has come.

libpq has no limit of its own, and its socket cannot be read for it, since it may speak TLS there.
So its socket is replaced by one end of a pair, and what the server sends is passed on and counted.
That happens on the event loop, as libpq's reading does: it finds no more than the pair holds.
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
"""Bytes that are passed on at a time."""
ON_THE_WAY = 1 << 19
"""Bytes, at most, that libpq had not read yet when a count was started."""
CLOSE_TIMEOUT = 1.0
"""Seconds in which the server must have taken what was sent last."""

Connection = psycopg.AsyncConnection[tuple[object, ...]]


class Relay:
    """Passes bytes between one libpq connection and its server.

    Args:
        limit: bytes that the server may send until `start_count` is called again, about.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit + ON_THE_WAY
        self._count = 0
        self.exceeded = False
        """Whether the server has sent more than the limit; the connection is over then."""
        self._inode = 0
        self._tasks: set[asyncio.Task[None]] = set()

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
        """What came before has been taken."""
        self._count = 0

    async def close(self) -> None:
        """Leave nothing that runs, once libpq has closed its end."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _connecting(self, steps: PQGenConn[Any]) -> Generator[Any, Any, Any]:
        """Do libpq's steps, and take its socket's place as soon as it reads from it. libpq may
        connect again, with another encryption."""
        ready: Any = None
        while True:
            try:
                descriptor, wanted = steps.send(ready)
            except StopIteration as end:
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
            """Here and not in the task, which may be cancelled before it has begun."""
            self._tasks.discard(task)
            server.close()
            far.close()

        task.add_done_callback(ended)

    async def _pass_on(self, server: socket.socket, libpq: socket.socket) -> None:
        """Until libpq closes its end."""
        loop = asyncio.get_running_loop()
        answers = asyncio.create_task(self._pass_answers(server, libpq), name="postgresql answers")
        try:
            while data := await loop.sock_recv(libpq, CHUNK):
                with suppress(OSError):  # its last words may still be on their way
                    await loop.sock_sendall(server, data)
        except OSError:
            pass
        finally:
            answers.cancel()
            await asyncio.wait([answers])

    async def _pass_answers(self, server: socket.socket, libpq: socket.socket) -> None:
        """Until the server closes its end, or has sent too much."""
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
