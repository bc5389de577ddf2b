"""A static channel that the daemon itself speaks on: whole messages from its parts, and back."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import ClassVar

from guacr.api import GuacrError, SessionContext, UpstreamError
from handlers.rdp.channel.codec import PART_MAX, ChannelError, Message
from handlers.rdp.channel.pipes import (
    PipeGiven,
    PipeOffer,
    PipeReceived,
    PipeTaken,
    PipeWritten,
)
from handlers.rdp.engine import Engine

QUEUED_MAX = 1 << 24
"""Bytes of answers that wait, from which on requests of the server are declined."""
UNSENT_MAX = 1024
"""Messages that the server has not read."""
HEAD_MAX = 24
"""Bytes that are kept of a message for which there is no memory: enough to refuse what it wants."""


class HostChannel(ABC):
    """The channel of one connection at a time.

    Args:
        session: the session.
    """

    name: ClassVar[str]
    """The channel's name."""
    subject: ClassVar[str]
    """Its purpose, in sentences."""

    def __init__(self, session: SessionContext) -> None:
        self._session = session
        self._engine: Engine | None = None
        self._message = bytearray()
        self._limit = self._reserved = 0
        self._is_begun = self._is_cut = False
        self._queue: deque[bytes] = deque()
        self._queued = 0
        """Bytes in it."""
        self._sending: asyncio.Task[None] | None = None
        self._read = asyncio.Event()
        """Set when the server has read something."""
        self._unsent = 0

    @property
    def is_open(self) -> bool:
        """True if a worker uses it."""
        return self._engine is not None

    @property
    def is_behind(self) -> bool:
        """True if the server reads too slowly for more answers."""
        return self._queued > QUEUED_MAX

    @abstractmethod
    def measure(self, start: bytes, *, is_whole: bool) -> tuple[int, bool]:
        """Return how many bytes of a message to keep, and whether that cuts something off.

        Args:
            start: its first part.
            is_whole: True if there is no other part.
        """

    @abstractmethod
    def receive(self, message: bytearray, *, is_cut: bool) -> None:
        """Handle a message."""

    def offer(self, engine: Engine) -> None:
        """Use a worker that has not started yet."""
        self._engine = engine
        engine.send([PipeOffer(self.name, shows_protocol=True)])

    def end(self) -> None:
        """Drop everything: the worker ends."""
        self._engine = None
        self._queue.clear()
        self._queued = 0
        if self._sending is not None:
            self._sending.cancel()
        self._unsent = 0
        self._read.set()
        self._forget()

    def send(self, message: bytes) -> None:
        """Send a message to the server, if there is one.

        Raises:
            UpstreamError: it does not read.
        """
        if self._engine is None:
            return
        self._unsent += 1
        if self._unsent > UNSENT_MAX:
            raise UpstreamError(f"the host sends requests for {self.subject} and reads no answers")
        if len(message) <= PART_MAX and not self._queue:
            self._engine.send(self._parts_of(message))
            return
        self._queue.append(message)
        self._queued += len(message)
        if self._sending is None or self._sending.done():
            work = self._send_queue(self._engine)
            self._sending = self._session.start_task(work, f"{self.subject} for the host")

    async def _send_queue(self, engine: Engine) -> None:
        while self._queue:
            await engine.send_slowly(self._parts_of(self._queue[0]))
            if self._queue:
                self._queued -= len(self._queue.popleft())
            self._read.set()

    async def until_read(self) -> None:
        """Wait until the server is not `is_behind`."""
        while self.is_behind:
            self._read.clear()
            await self._read.wait()

    def handle(self, message: Message) -> None:
        """Handle a message of the worker; of other channels, nothing.

        Raises:
            ChannelError: it is invalid.
        """
        if isinstance(message, PipeReceived) and message.name == self.name:
            self._collect(message)
        elif isinstance(message, PipeWritten) and message.name == self.name:
            if not self._unsent or self._unsent < len(self._queue):
                raise ChannelError(f"{self.subject} has written what nobody sent")
            self._unsent -= 1

    def _collect(self, part: PipeReceived) -> None:
        if self._engine is None:
            return
        self._engine.send([PipeTaken(part.cost)])
        if not self._is_begun:
            self._begin_message(part.data, is_whole=part.last)
        self._message += part.data[: self._limit - len(self._message)]
        if not part.last:
            return
        message, is_cut = self._message, self._is_cut
        self._message = bytearray()
        self._forget()
        self.receive(message, is_cut=is_cut)

    def _begin_message(self, start: bytes, *, is_whole: bool) -> None:
        self._is_begun = True
        limit, self._is_cut = self.measure(start, is_whole=is_whole)
        try:
            self._session.memory.take(limit, f"{self.subject} of the host")
            self._limit = self._reserved = limit
        except GuacrError as error:
            self._session.log.warning("%s", error)
            self._limit, self._is_cut = min(limit, HEAD_MAX), True

    def _forget(self) -> None:
        """Forget the parts of a message."""
        self._session.memory.give_back(self._reserved)
        self._limit = self._reserved = 0
        self._is_begun = self._is_cut = False
        self._message.clear()

    def _parts_of(self, message: bytes) -> Iterator[PipeGiven]:
        for start in range(0, len(message), PART_MAX):
            end = start + PART_MAX
            yield PipeGiven(self.name, message[start:end], last=end >= len(message))
