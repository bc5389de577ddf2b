"""The requests for a device that wait to be answered, one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from guacr.api import GuacrError, SessionContext
from handlers.rdp.devices import pdu
from handlers.rdp.devices.channel import Channel
from handlers.rdp.devices.functions import Function, Status, nothing
from handlers.rdp.devices.pdu import Request

WAITING_MAX = 256
"""Requests of one device that wait. Those that close a file may be twice as many, as it would stay
open otherwise."""
BYTES_MAX = 1 << 25
"""Bytes of the requests of one device that wait."""

Answer = Callable[[Request], Awaitable[None]]


class Requests:
    """The requests of one device.

    Args:
        session: the session.
        channel: the channel of the devices.
    """

    def __init__(self, session: SessionContext, channel: Channel) -> None:
        self._session = session
        self._channel = channel
        self._waiting: deque[tuple[Request, Answer]] = deque()
        self._size = 0
        """Bytes of them, and of the one that is being answered."""
        self._task: asyncio.Task[None] | None = None

    def put(self, request: Request, answer: Answer) -> None:
        """Have a request answered, or refuse it if too many wait.

        Args:
            request: the request.
            answer: answers it, by `complete`; the next one waits for that.

        Raises:
            UpstreamError: the server reads no answers.
        """
        if not self._is_accepted(request):
            self.complete(request, Status.INSUFFICIENT_RESOURCES)
            return
        self._size += len(request.body)
        self._waiting.append((request, answer))
        if self._task is None or self._task.done():
            self._task = self._session.start_task(self._work(), "requests for a device")

    def _is_accepted(self, request: Request) -> bool:
        most = WAITING_MAX * (2 if request.major == Function.CLOSE else 1)
        size = len(request.body)
        if len(self._waiting) >= most or self._size + size > BYTES_MAX:
            return False
        try:
            self._session.memory.take(size, "a request for a device")
        except GuacrError as error:
            self._session.log.warning("%s", error)
            return False
        return True

    async def _work(self) -> None:
        while self._waiting:
            await self._channel.until_read()
            if not self._waiting:
                return
            request, answer = self._waiting.popleft()
            try:
                await answer(request)
            finally:
                self._forget(request)

    def complete(self, request: Request, status: Status, body: bytes = b"") -> None:
        """Send the answer to a request; raises as `put` does."""
        content = body or nothing(request.major)
        self._channel.send(pdu.completion(request, status, content))

    def _forget(self, request: Request) -> None:
        self._size -= len(request.body)
        self._session.memory.give_back(len(request.body))

    def clear(self) -> None:
        """Forget all requests: the server has gone, or begins anew."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        while self._waiting:
            self._forget(self._waiting.popleft()[0])
