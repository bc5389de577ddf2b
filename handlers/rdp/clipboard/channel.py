"""The clipboard's channel in a worker: whole messages from its parts, and back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from guacr.api import GuacrError, SessionContext, UpstreamError
from handlers.rdp.channel.codec import PART_MAX, ChannelError, Message
from handlers.rdp.channel.pipes import (
    PipeGiven,
    PipeOffer,
    PipeReceived,
    PipeTaken,
    PipeWritten,
)
from handlers.rdp.clipboard import pdu
from handlers.rdp.engine import Engine

NAME = "cliprdr"
OTHERS_MAX = 1 << 18
"""Bytes of a message that is not an answer of the server."""
QUEUED_MAX = 1 << 24
"""Bytes of answers that wait, from which on requests of the server are declined."""
UNSENT_MAX = 1024
"""Messages that the server has not read."""


class Channel:
    """The channel of one connection at a time.

    Args:
        session: the session.
    """

    def __init__(self, session: SessionContext) -> None:
        self._session = session
        self._receive: Callable[[pdu.ServerPdu], None] | None = None
        """Called with each message of the server; only while a worker uses the channel, as it
        keeps the clipboard in memory."""
        self.answer_max = 0
        """Bytes of an answer with what has been copied; more is cut off."""
        self.file_part_max = 0
        """Bytes of an answer with a part of a file."""
        self._engine: Engine | None = None
        self._message = bytearray()
        self._limit = self._reserved = 0
        self._is_begun = self._is_cut = False
        self._queue: deque[bytes] = deque()
        self._queued = 0
        """Bytes in it."""
        self._sending: asyncio.Task[None] | None = None
        self._unsent = 0
        self.long_names = False
        """True if both sides have the capability."""

    @property
    def is_open(self) -> bool:
        """True if a worker uses it."""
        return self._engine is not None

    @property
    def is_behind(self) -> bool:
        """True if the server reads too slowly for more answers."""
        return self._queued > QUEUED_MAX

    def begin(self, engine: Engine, receive: Callable[[pdu.ServerPdu], None]) -> None:
        """Use a worker that has not started yet, and have its messages received."""
        self._engine, self._receive = engine, receive
        engine.send([PipeOffer(NAME, shows_protocol=True)])

    def end(self) -> None:
        """Drop everything: the worker ends."""
        self._engine = self._receive = None
        self._queue.clear()
        self._queued = 0
        if self._sending is not None:
            self._sending.cancel()
        self._unsent = 0
        self.long_names = False
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
            raise UpstreamError("the host sends requests for the clipboard and reads no answers")
        if len(message) <= PART_MAX and not self._queue:
            self._engine.send(_parts_of(message))
            return
        self._queue.append(message)
        self._queued += len(message)
        if self._sending is None or self._sending.done():
            work = self._send_queue(self._engine)
            self._sending = self._session.start_task(work, "clipboard for the host")

    async def _send_queue(self, engine: Engine) -> None:
        while self._queue:
            await engine.send_slowly(_parts_of(self._queue[0]))
            if self._queue:
                self._queued -= len(self._queue.popleft())

    def handle(self, message: Message) -> None:
        """Handle a message of the worker; of other channels, nothing.

        Raises:
            ChannelError: it is invalid.
        """
        if isinstance(message, PipeReceived) and message.name == NAME:
            self._collect(message)
        elif isinstance(message, PipeWritten) and message.name == NAME:
            if not self._unsent or self._unsent < len(self._queue):
                raise ChannelError("the clipboard has written what nobody sent")
            self._unsent -= 1

    def _collect(self, part: PipeReceived) -> None:
        if self._engine is None or self._receive is None:
            return
        self._engine.send([PipeTaken(part.cost)])
        if not self._is_begun:
            self._begin_message(part.data)
        self._message += part.data[: self._limit - len(self._message)]
        if not part.last:
            return
        data, is_cut = self._message, self._is_cut
        self._message = bytearray()
        self._forget()
        try:
            found = pdu.parse(data, long_names=self.long_names, is_cut=is_cut)
        except pdu.PduError as error:
            self._session.log.debug("clipboard of the host: %s", error)
            return
        if found is not None:
            self._receive(found)

    def _begin_message(self, start: bytes) -> None:
        self._is_begun = True
        limit = OTHERS_MAX
        if len(start) >= pdu.HEADER.size:
            kind, _, size = pdu.HEADER.unpack_from(start)
            limits = {pdu.DATA_RESPONSE: self.answer_max, pdu.FILE_RESPONSE: self.file_part_max}
            most = limits.get(kind, OTHERS_MAX)
            self._is_cut = size > most
            limit = pdu.HEADER.size + min(size, most)  # without the padding
        try:
            self._session.memory.take(limit, "the clipboard of the host")
            self._limit = self._reserved = limit
        except GuacrError as error:
            self._session.log.warning("%s", error)
            self._limit, self._is_cut = min(limit, pdu.HEADER.size), True

    def _forget(self) -> None:
        """Forget the parts of a message."""
        self._session.memory.give_back(self._reserved)
        self._limit = self._reserved = 0
        self._is_begun = self._is_cut = False
        self._message.clear()


def _parts_of(message: bytes) -> Iterator[PipeGiven]:
    for start in range(0, len(message), PART_MAX):
        end = start + PART_MAX
        yield PipeGiven(NAME, message[start:end], last=end >= len(message))
