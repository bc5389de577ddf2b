"""The daemon's side of a worker: its messages, its memory, and its end."""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import cast

from typing_extensions import override

from guacr.api import GuacrError
from handlers.rdp.channel import memory
from handlers.rdp.channel.codec import ChannelError, Message, Parser
from handlers.rdp.channel.messages import FROM_WORKER, Stop
from handlers.rdp.launcher import Process, launcher

UNSENT_MAX = 1 << 20
"""Bytes that may wait for a worker that does not read; users' input beyond is dropped."""
STOP_TIMEOUT = 2.0
"""Seconds that a worker has to disconnect."""


class EngineError(Exception):
    """The worker has ended unexpectedly, or has sent what it must not; the message says which."""


class Engine(asyncio.Protocol):
    """A worker process.

    Args:
        receive: called with each message; its `GuacrError` ends the connection.
    """

    def __init__(self, receive: Callable[[Message], None]) -> None:
        self._receive = receive
        self._parser = Parser(FROM_WORKER)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._process: Process | None = None
        self._writable = asyncio.Event()
        """Set unless the worker is slow to read."""
        self._writable.set()
        self._sent = 0
        """Messages that the client's thread of the worker handles."""
        self._memory: mmap.mmap | None = None
        self._header = self._pixels = memoryview(b"")
        self.lost: asyncio.Future[None] = self._loop.create_future()
        """Done when the channel has been closed; with the error, if there is one."""

    async def open(self, sock: socket.socket) -> None:
        """Start the worker for a connection to a server, which it takes over.

        Raises:
            GuacrError: it cannot be started.
        """
        ours, theirs = socket.socketpair()
        shared = -1
        try:
            with sock, theirs:
                sock.setblocking(True)
                shared = memory.create()
                self._memory = mmap.mmap(shared, memory.SIZE)
                self._header = memory.header(self._memory)
                self._pixels = memoryview(self._memory)[memory.PIXELS :]
                self._process = await launcher.fork(theirs.fileno(), shared, sock.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            if shared >= 0:
                os.close(shared)
        await self._loop.create_unix_connection(lambda: self, sock=ours)

    def send(self, messages: Iterable[Message]) -> None:
        """Send messages before anything is shown."""
        if self._transport is not None:
            self._transport.writelines([message.encode() for message in messages])

    async def send_slowly(self, messages: Iterable[Message]) -> None:
        """Send messages one by one, each once the worker has read most of what it was sent, so that
        others can pass between them."""
        for message in messages:
            await self._writable.wait()
            self.send([message])

    def post(self, message: Message) -> None:
        """Send what a user does, for the thread that may be waiting for the server."""
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size() < UNSENT_MAX:
            self._sent += 1
            transport.write(message.encode())

    @property
    def unsent(self) -> int:
        """The bytes that wait for the worker."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def pixels(self) -> memoryview:
        """The desktop's pixels."""
        return self._pixels

    @property
    def painting(self) -> int:
        """The number of the last change that the worker has begun to draw."""
        return self._header[memory.PAINTING] & 0xFFFFFFFF if self._header else 0

    @property
    def handled(self) -> int:
        """How many of the `posted` messages the worker has handled."""
        return self._header[memory.HANDLED] if self._header else 0

    @property
    def posted(self) -> int:
        """How many messages have been posted."""
        return self._sent

    @property
    def busy(self) -> float:
        """The seconds for which the worker has been at work without a pause."""
        since = self._header[memory.BUSY_SINCE] if self._header else 0
        return max(time.monotonic_ns() - since, 0) / 1e9 if since else 0.0

    async def close(self) -> None:
        """Have the worker disconnect, and end it at once if it does not, or if waiting for it is
        cancelled."""
        try:
            if self._transport is not None and not self.lost.done():
                self.send([Stop()])
                with suppress(TimeoutError):
                    async with asyncio.timeout(STOP_TIMEOUT):
                        await asyncio.shield(self._until_lost())
        finally:
            self.kill()

    def kill(self) -> None:
        """End the worker at once, and free its memory as soon as nothing shows it."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process.descriptor, signal.SIGKILL)
            os.close(process.descriptor)
        self._header = self._pixels = memoryview(b"")
        self._memory = None
        self._receive = _ignore

    async def _until_lost(self) -> None:
        with suppress(EngineError, GuacrError):
            await asyncio.shield(self.lost)

    # ---- asyncio.Protocol

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def data_received(self, data: bytes) -> None:
        try:
            for message in self._parser.feed(data):
                self._receive(message)
        except ChannelError as error:
            self._fail(EngineError(str(error)))
        except GuacrError as error:
            self._fail(error)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
        self._writable.set()
        self._transport = None

    def _fail(self, error: Exception) -> None:
        if not self.lost.done():
            self.lost.set_exception(error)
            self.lost.exception()  # not an unhandled one, if nobody waits
        self.kill()


def _ignore(_message: Message) -> None:
    """Ignore what a worker sends after its end."""
