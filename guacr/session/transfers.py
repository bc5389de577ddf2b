"""What is being sent to and received from one user beside the session: a task for each file."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Self

from guacr.errors import GuacrError, InternalError, OverrunError, TooManyError
from guacr.session.streams import InputStream

if TYPE_CHECKING:
    from guacr.session.user import User

TRANSFERS_MAX = 32
"""Files that are under way from or to one user."""
PENDING_MAX = 64
"""Blobs of one upload that the user has sent and nobody has taken yet."""


class Upload(AsyncIterator[bytes]):
    """The pieces of a stream that a user sends.

    Asking for the first acknowledges the stream's opening, asking for a further one acknowledges
    the one before: the client sends as quickly as its file is taken.
    """

    __slots__ = ("_ended", "_failure", "_news", "_pending", "_stream")

    def __init__(self, stream: InputStream) -> None:
        self._stream = stream
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
        """Take nothing more: what is still on its way is thrown away."""
        if error is not self._failure:  # else the user knows
            self._stream.ack(str(error), error.status)
        self._stream.on_blob = lambda data: None
        self._pending.clear()

    def _blob(self, data: bytes) -> None:
        if len(self._pending) >= PENDING_MAX:
            raise OverrunError(f"more than {PENDING_MAX} blobs were sent ahead: wait for their ack")
        self._pending.append(data)
        self._news.set()

    def _fail(self, error: GuacrError) -> None:
        self._failure = error
        self._news.set()

    def _end(self) -> None:
        self._ended = True
        self._news.set()


class Transfers:
    """The tasks of one user, which end with it."""

    __slots__ = ("_tasks", "_user")

    def __init__(self, user: User) -> None:
        self._user = user
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, transfer: Coroutine[None, None, None], name: str) -> None:
        """Have something transferred; what goes wrong is logged, and the session goes on.

        Raises:
            TooManyError: `TRANSFERS_MAX` are under way.
        """
        if len(self._tasks) >= TRANSFERS_MAX:
            transfer.close()
            raise TooManyError(f"{TRANSFERS_MAX} files are under way: wait until one has arrived")
        task = self._user.session.start_task(self._watch(transfer, name), name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def receive(
        self, stream: InputStream, take: Callable[[AsyncIterator[bytes]], Awaitable[None]]
    ) -> None:
        """Have `take` receive what the user sends on `stream`; what it raises is answered with an
        `ack`. Raises as `start` does."""
        upload = Upload(stream)
        self.start(self._receive(upload, take), f"upload of {self._user.id}")

    def close(self) -> None:
        """The user has left."""
        for task in self._tasks:
            task.cancel()

    async def _receive(
        self, upload: Upload, take: Callable[[AsyncIterator[bytes]], Awaitable[None]]
    ) -> None:
        try:
            await take(upload)
        except GuacrError as error:
            upload.refuse(error)
            raise
        except Exception:
            upload.refuse(InternalError())
            raise

    async def _watch(self, transfer: Coroutine[None, None, None], name: str) -> None:
        try:
            await transfer
        except GuacrError as error:
            self._user.session.log.info("%s: %s", name, error)
        except Exception:
            self._user.session.log.exception("%s failed", name)
