"""The daemon's side of a worker: its messages, its memory, and its end."""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import cast

from typing_extensions import override

from guacr.api import GuacrError
from handlers.rdp.channel import memory
from handlers.rdp.channel.codec import ChannelError, Message, Parser
from handlers.rdp.channel.messages import FROM_WORKER, Stop, is_release
from handlers.rdp.launcher import Launcher, Process

TURN, REST = 0.003, 0.015
"""Seconds for which messages of a worker are handled at a time, and seconds until the next turn."""
UNSENT_MAX = 1 << 20
"""Bytes that may wait for a worker that does not read; users' input beyond is dropped, except for
releases, which may take as much again."""
LEFT_MAX = 1 << 24
"""Bytes that a worker leaves unread, from which on it is ended. One that works reads at once,
whatever its server does."""
STOP_TIMEOUT = 2.0
"""Seconds that a worker has to disconnect."""


class EngineError(Exception):
    """The worker has ended unexpectedly, or has sent what it must not; the message says which."""


class Engine(asyncio.Protocol):
    """A worker process.

    Args:
        receive: called with each message; its `GuacrError` ends the connection.
        launcher: starts it.
    """

    def __init__(self, receive: Callable[[Message], None], launcher: Launcher) -> None:
        self._launcher = launcher
        self._receive = receive
        self._parser = Parser(FROM_WORKER)
        self._messages: Iterator[Message] = iter(())
        """Those that have been received and not handled."""
        self._next_turn: asyncio.TimerHandle | None = None
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
        try:
            with ExitStack() as given:
                given.enter_context(sock)
                given.enter_context(theirs)
                sock.setblocking(True)
                shared = memory.create()
                given.callback(os.close, shared)
                self._memory = mmap.mmap(shared, memory.SIZE)
                self._header = memory.header(self._memory)
                self._pixels = memoryview(self._memory)[memory.PIXELS :]
                descriptors = theirs.fileno(), shared, sock.fileno()
                self._process = await self._fork(descriptors, given.pop_all())
            await self._loop.create_unix_connection(lambda: self, sock=ours)
        except BaseException:
            ours.close()
            raise

    async def _fork(self, descriptors: tuple[int, int, int], given: ExitStack) -> Process:
        """Fork the worker on a thread, which closes what is `given` to it: if this is cancelled,
        the numbers of descriptors must not mean others before the thread has sent them."""

        def fork() -> Process:
            with given:
                return self._launcher.fork(*descriptors)

        forking = self._loop.run_in_executor(None, fork)
        try:
            return await asyncio.shield(forking)
        except asyncio.CancelledError:
            forking.add_done_callback(_end_unwanted)
            raise

    def send(self, messages: Iterable[Message]) -> None:
        """Send messages before anything is shown."""
        if self._transport is not None:
            self._transport.writelines([message.encode() for message in messages])
            if self.unsent > LEFT_MAX:
                self._fail(EngineError("it does not read what it is sent"))

    async def send_slowly(self, messages: Iterable[Message]) -> None:
        """Send messages one by one, each once the worker has read most of what it was sent, so that
        others can pass between them."""
        for message in messages:
            await self._writable.wait()
            self.send([message])
            await asyncio.sleep(0)  # a worker that reads at once must not delay others

    def post(self, message: Message) -> None:
        """Send what a user does, for the thread that may be waiting for the server."""
        limit = UNSENT_MAX * 2 if is_release(message) else UNSENT_MAX
        if self._transport is not None and self.unsent < limit:
            self._sent += 1
            self._transport.write(message.encode())

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
    def busy_since(self) -> int:
        """The time since which the worker has been at work without a pause; 0 if it waits."""
        return self._header[memory.BUSY_SINCE] if self._header else 0

    async def close(self) -> None:
        """Have the worker disconnect, and end it at once if it does not, or if waiting for it is
        cancelled. Its messages are ignored from now on."""
        self._receive = _ignore
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
        if self._next_turn is not None:
            self._next_turn.cancel()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
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
        self._messages = self._parser.feed(data)
        self._take_turn()

    def _take_turn(self) -> None:
        """Handle messages; if they take long, others have their turn before the rest."""
        begun = time.thread_time()
        try:
            for message in self._messages:
                self._receive(message)
                if time.thread_time() - begun > TURN and self._transport is not None:
                    self._transport.pause_reading()
                    self._next_turn = self._loop.call_later(REST, self._go_on)
                    return
        except ChannelError as error:
            self._fail(EngineError(str(error)))
        except GuacrError as error:
            self._fail(error)

    def _go_on(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()
            self._take_turn()

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


def _end_unwanted(forking: asyncio.Future[Process]) -> None:
    if not forking.cancelled() and forking.exception() is None:
        forking.result().kill()


def _ignore(_message: Message) -> None:
    """Ignore what a worker sends after its end."""
