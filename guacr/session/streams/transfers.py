"""Files that are sent to and received from one user: a task for each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from logging import LoggerAdapter
from typing import Any, Self

from guacr.errors import ClosedError, GuacrError, InternalError, OverrunError, TooManyError
from guacr.session.events import TransferReports
from guacr.session.streams.inputs import InputStream
from guacr.session.tasks import Tasks

SessionLog = LoggerAdapter[Any]
"""A logger whose lines carry the session."""

TRANSFERS_MAX = 32
"""Maximum files that are transferred from or to one user at a time."""
PENDING_MAX = 64
"""Maximum blobs of an upload that have arrived and have not been read."""


class Upload(AsyncIterator[bytes]):
    """The pieces of a stream that a user sends.

    Requesting the first piece acknowledges the stream's opening, and requesting another one
    acknowledges the previous one: the client sends as quickly as its file is written.
    """

    __slots__ = ("_ended", "_failure", "_news", "_pending", "_stream", "size")

    def __init__(self, stream: InputStream) -> None:
        self._stream = stream
        self.size = 0
        """Bytes received."""
        self._pending: deque[bytes] = deque()
        self._ended = False
        self._failure: GuacrError | None = None
        self._news = asyncio.Event()
        stream.on_blob = self._blob
        stream.on_end = self._end
        stream.on_failed = self._fail

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._stream.ack()
        while not self._pending:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._pending.popleft()

    def refuse(self, error: GuacrError) -> None:
        """Accept nothing more, and discard what is still on its way."""
        if error is not self._failure:  # which the user already knows
            self._stream.ack(str(error), error.status)
        self._stream.on_blob = lambda data: None
        self._pending.clear()

    def _blob(self, data: bytes) -> None:
        if len(self._pending) >= PENDING_MAX:
            raise OverrunError(f"more than {PENDING_MAX} blobs were sent ahead: wait for their ack")
        self._pending.append(data)
        self.size += len(data)
        self._news.set()

    def _fail(self, error: GuacrError) -> None:
        self._failure = error
        self._news.set()

    def _end(self) -> None:
        self._ended = True
        self._news.set()


class Transfers:
    """The transfers of one user, run as tasks of its session; they end when the user leaves."""

    __slots__ = ("_closed", "_reports", "_tasks", "_under_way", "_user_id", "log")

    def __init__(
        self, user_id: str, tasks: Tasks, log: SessionLog, reports: TransferReports
    ) -> None:
        self._user_id = user_id
        self._reports = reports
        self._tasks = tasks
        self.log = log
        self._under_way: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, transfer: Coroutine[None, None, None], name: str) -> None:
        """Run a transfer; errors are logged, and the session continues.

        Raises:
            TooManyError: `TRANSFERS_MAX` transfers are running.
            ClosedError: the user has left.
        """
        try:
            self._check()
        except GuacrError:
            transfer.close()
            raise
        task = self._tasks.start(self._watch(transfer, name), name)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def receive(
        self, stream: InputStream, take: Callable[[AsyncIterator[bytes]], Awaitable[None]]
    ) -> None:
        """Pass what the user sends on `stream` to `take`; an error that it raises is sent as an
        `ack`. Raises as `start` does."""
        work = self._receive(Upload(stream), stream.name, take)
        self.start(work, f"upload {stream.index}")

    def close(self) -> None:
        """Cancel all transfers after the user has left."""
        self._closed = True
        for task in self._under_way:
            task.cancel()

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the client has left")
        if len(self._under_way) >= TRANSFERS_MAX:
            raise TooManyError(
                f"{TRANSFERS_MAX} files are being transferred: wait until one has finished"
            )

    async def _receive(
        self, upload: Upload, name: str, take: Callable[[AsyncIterator[bytes]], Awaitable[None]]
    ) -> None:
        failure = "the client has left"
        try:
            await take(upload)
            failure = ""
        except GuacrError as error:
            failure = str(error)
            upload.refuse(error)
            raise
        except Exception:
            failure = str(InternalError())
            upload.refuse(InternalError())
            raise
        finally:
            self._reports.ended(name, upload.size, incoming=True, error=failure)

    async def _watch(self, transfer: Coroutine[None, None, None], name: str) -> None:
        try:
            await transfer
        except GuacrError as error:
            self.log.info("%s of %s: %s", name, self._user_id, error)
        except Exception:
            self.log.exception("%s of %s failed", name, self._user_id)
