"""The content of a file that a user sends, and its acknowledgements."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Self

from guacr.budget import Budget
from guacr.errors import GuacrError, OverrunError
from guacr.session.streams.inputs import InputStream

if TYPE_CHECKING:
    from _hashlib import HASH

UNREAD_MAX = 512 << 10
"""Bytes that are acknowledged before they are read; file systems may have as many in progress."""
AHEAD_MAX = 512
"""Maximum blobs that are not acknowledged."""
PIECE_MAX = 256 << 10
"""Maximum bytes of a piece, unless a single blob has more."""


class Upload(AsyncIterator[bytes]):
    """The pieces of a stream that a user sends: all blobs that have arrived, joined.

    Requesting the first piece acknowledges the stream's opening. Blobs are acknowledged when they
    arrive, or once no more than `UNREAD_MAX` bytes are unread: most clients send a blob only after
    the previous one has been acknowledged, and would otherwise wait for each to be written.

    Args:
        memory: the budget of what has arrived and is unread.
        digest: the hash of what has arrived, if anybody wants to know it.
    """

    __slots__ = (
        "_confirms",
        "_ended",
        "_failure",
        "_memory",
        "_news",
        "_owed",
        "_pending",
        "_started",
        "_stream",
        "_unread",
        "digest",
        "size",
    )

    def __init__(self, stream: InputStream, memory: Budget, digest: HASH | None = None) -> None:
        self._stream = stream
        self.digest = digest
        self._memory = memory
        self.size = 0
        """Bytes received."""
        self._confirms, stream.confirms_end = stream.confirms_end, False
        """True if the client waits for an acknowledgement of the end."""
        self._pending: deque[bytes] = deque()
        self._unread = 0
        """Bytes in `_pending`."""
        self._owed = 0
        """Blobs that are not acknowledged."""
        self._started = False
        self._ended = False
        self._failure: GuacrError | None = None
        self._news = asyncio.Event()
        stream.on_blob = self._blob
        stream.on_end = self._end
        stream.on_failed = self._fail

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._started:
            self._started = True
            self._stream.ack()
        self._acknowledge()
        while not self._pending:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._take()

    @property
    def has_ended(self) -> bool:
        """True if all of it has arrived."""
        return self._ended

    @property
    def is_late(self) -> bool:
        """True if the client will not learn any more of an error: it has sent the end, and waits
        for no answer."""
        return self._ended and not self._confirms

    def finish(self) -> None:
        """Acknowledge the end, for clients that wait for this, now or when it arrives; until then,
        discard what else arrives."""
        self._discard()
        self._acknowledge()
        if self._ended:  # the stream must not refer to this any more: it would stay in memory
            self._acknowledge_end()
            return
        self._stream.on_blob = lambda data: self._stream.ack()
        self._stream.on_end = self._acknowledge_end
        self._stream.on_failed = self._acknowledge_cancellation

    def refuse(self, error: GuacrError) -> None:
        """Accept nothing more, and discard what is still on its way."""
        self._discard()
        self._stream.on_blob = lambda data: None
        knows = error is self._failure and not self._stream.is_cancelled
        if not knows and not self.is_late:
            self._stream.ack(str(error), error.status)

    def _take(self) -> bytes:
        """Return the next piece."""
        parts = [self._pending.popleft()]
        size = len(parts[0])
        while self._pending and size + len(self._pending[0]) <= PIECE_MAX:
            parts.append(self._pending.popleft())
            size += len(parts[-1])
        self._unread -= size
        self._memory.give_back(size)
        return b"".join(parts)

    def _blob(self, data: bytes) -> None:
        if self._owed >= AHEAD_MAX:
            raise OverrunError(f"more than {AHEAD_MAX} blobs were sent ahead: wait for their ack")
        self._memory.take(len(data), "the file")
        self._pending.append(data)
        self._unread += len(data)
        self.size += len(data)
        if self.digest is not None:
            self.digest.update(data)
        self._owed += 1
        if self._started:
            self._acknowledge()
        self._news.set()

    def _acknowledge(self) -> None:
        """Acknowledge what has arrived, unless too much of it is unread."""
        if self._unread <= UNREAD_MAX:
            while self._owed:
                self._owed -= 1
                self._stream.ack()

    def _discard(self) -> None:
        self._pending.clear()
        self._memory.give_back(self._unread)
        self._unread = 0

    def _fail(self, error: GuacrError) -> None:
        self._failure = error
        self._news.set()

    def _end(self) -> None:
        self._ended = True
        self._news.set()

    def _acknowledge_end(self) -> None:
        if self._confirms:
            self._stream.ack()

    def _acknowledge_cancellation(self, error: GuacrError) -> None:
        if self._stream.is_cancelled:
            self._stream.ack(str(error), error.status)
