"""Files that were copied on a host: their contents are requested when users read them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from itertools import count

from guacr.api import UpstreamError, UpstreamTimeoutError, UpstreamUnavailableError
from handlers.rdp.clipboard import pdu
from handlers.rdp.clipboard.file_list import CopiedFile, Tree

PART = 1 << 16
"""Bytes of a file that are requested at a time."""
AHEAD = 4
"""Parts of a file that are requested before the first of them has arrived."""
REQUESTS_MAX = 256
"""Parts of all files that are requested."""
TIMEOUT = 30.0
"""Seconds within which a part must arrive."""
_STREAM_MAX = 1 << 31
_Answer = asyncio.Future[bytes]
_GONE = "the host no longer provides this file: copy it again"


class FileRequests:
    """The requests for parts of files on one connection at a time.

    Args:
        send: sends a message to the host.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._numbers = count(1)

    def ask(self, file: CopiedFile, flags: int, offset: int, size: int, lock: int) -> _Answer:
        """Request the size or a part of a file.

        Raises:
            UpstreamUnavailableError: too many answers are pending.
        """
        if len(self._pending) >= REQUESTS_MAX:
            raise UpstreamUnavailableError("the host is sending many files: try again later")
        stream = next(self._numbers) % _STREAM_MAX
        answer = self._pending[stream] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._pending.pop(stream, None))
        self._send(pdu.file_request(stream, file.index, flags, offset, size, lock))
        return answer

    def take(self, response: pdu.FileResponse) -> None:
        """Pass an answer on; one that is no longer wanted is ignored."""
        answer = self._pending.get(response.stream)
        if answer is None or answer.done():
            return
        if response.data is None:
            answer.set_exception(UpstreamError(_GONE))
        else:
            answer.set_result(response.data)

    def end(self) -> None:
        """Fail all requests: the connection has ended."""
        for answer in list(self._pending.values()):
            if not answer.done():
                answer.set_exception(
                    UpstreamUnavailableError("the connection to the host has ended")
                )
                answer.exception()  # not an unhandled one, if nobody waits


class HostFiles:
    """The files of one list.

    Args:
        tree: the files.
        requests: the requests for their contents.
        lock: the number under which the host keeps them; 0 if it does not.
        on_unused: called once nobody reads them, and they are not on the clipboard any more.
    """

    def __init__(
        self,
        tree: Tree,
        requests: FileRequests,
        lock: int,
        on_unused: Callable[[], None],
    ) -> None:
        self.tree = tree
        self._requests = requests
        self._lock = lock
        self._on_unused = on_unused
        self._readers = 0
        self._is_replaced = False

    def close(self) -> None:
        """Let the host forget them once nobody reads them."""
        self._is_replaced = True
        self._release_if_unused()

    async def read(self, file: CopiedFile, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the content of a file from byte `offset`.

        Raises:
            UpstreamError: the host does not send it.
        """
        answers: deque[tuple[int, _Answer]] = deque()
        self._readers += 1
        try:
            size = file.size if file.size is not None else await self._size_of(file)
            at = asked = offset
            while at < size:
                while asked < size and len(answers) < AHEAD:
                    wanted = min(PART, size - asked)
                    answers.append((wanted, self._ask(file, asked, wanted)))
                    asked += wanted
                wanted, answer = answers.popleft()
                data = (await _within_time(answer))[:wanted]
                if not data:
                    raise UpstreamError("the file has become shorter on the host: copy it again")
                at += len(data)
                yield data
                if len(data) < wanted:  # the host sends less at a time
                    answers.appendleft(
                        (wanted - len(data), self._ask(file, at, wanted - len(data)))
                    )
        finally:
            for _, answer in answers:
                answer.cancel()
            self._readers -= 1
            self._release_if_unused()

    async def _size_of(self, file: CopiedFile) -> int:
        answer = await _within_time(self._requests.ask(file, pdu.FILE_SIZE, 0, 8, self._lock))
        with suppress(pdu.PduError):
            return pdu.size_of(answer)
        raise UpstreamError(_GONE)

    def _ask(self, file: CopiedFile, offset: int, size: int) -> _Answer:
        return self._requests.ask(file, pdu.FILE_RANGE, offset, size, self._lock)

    def _release_if_unused(self) -> None:
        if self._is_replaced and not self._readers:
            on_unused, self._on_unused = self._on_unused, _nothing
            on_unused()


async def _within_time(answer: _Answer) -> bytes:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await answer
    except TimeoutError:
        raise UpstreamTimeoutError(
            f"the host has sent no part of the file for {TIMEOUT:g} s"
        ) from None


def _nothing() -> None:
    """Do nothing."""
