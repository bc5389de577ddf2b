"""Programs that run in a container without a terminal, one WebSocket each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

from guacr.api import UnsupportedError, UpstreamError, UpstreamTimeoutError
from handlers.kubernetes import channels
from handlers.kubernetes.channels import Channel, Ended
from handlers.kubernetes.websocket import PORTION, ApiSocket

SILENCE_MAX = 60.0
"""Seconds for which a program may write nothing, and read nothing of its input."""
ERRORS_MAX = 1024
"""Bytes that are kept of what a program writes to its standard error."""
OUTPUT_MAX = 64 * 1024
"""Maximum bytes of an answer."""
PIECE_MAX = 256 * 1024
"""Maximum bytes of a piece of input, which a program keeps in memory."""
ASIDES_MAX = 10_000
"""Maximum messages that are no output, such as those of the standard error."""
_NO_SHELL = ("executable file", "no such file or directory")
"""Words of container runtimes about a program that does not exist."""

Connect = Callable[[Sequence[str], bool, Callable[[bool], None]], Awaitable[ApiSocket]]
"""Starts a program: its words, whether it has input, and what `ApiSocket` calls if too much of it
is pending."""


class ProgramError(Exception):
    """A program has ended with an exit status other than 0."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(code, said)
        self.code = code
        self.said = said
        """Its text on standard error, which may say anything."""


class Programs:
    """Runs programs in one container.

    Every method raises `ProgramError` if a program fails, and a `GuacrError` if it cannot run, or
    if the connection is lost.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def output(
        self, words: Sequence[str], *, silence: float = SILENCE_MAX
    ) -> AsyncGenerator[bytes, None]:
        """Run a program, and yield what it writes; nothing is missing once this has ended.

        Args:
            words: the program and its arguments.
            silence: the seconds for which it may write nothing.
        """
        socket = await self._connect(words, False, _ignore)
        try:
            async with aclosing(_output(socket, silence)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await socket.close()

    async def answer(self, words: Sequence[str], *, silence: float = SILENCE_MAX) -> bytes:
        """Run a program for at most `silence` seconds, and return what it writes, up to
        `OUTPUT_MAX`."""
        answer = bytearray()
        try:
            async with (
                asyncio.timeout(silence),
                aclosing(self.output(words, silence=silence)) as pieces,
            ):
                async for piece in pieces:
                    answer += piece
                    if len(answer) > OUTPUT_MAX:
                        raise _too_much()
        except TimeoutError:
            raise _stuck(silence) from None
        return bytes(answer)

    async def feed(self, words: Sequence[str], data: AsyncIterator[bytes]) -> None:
        """Run a program, and pass `data` to it in pieces: the length of each in a line before it,
        and a length of 0 at the end."""
        room = asyncio.Event()
        room.set()
        socket = await self._connect(
            words, True, lambda blocked: room.clear() if blocked else room.set()
        )
        ended = asyncio.create_task(_drain(socket), name="kubernetes program")
        try:
            async for piece in data:
                for start in range(0, len(piece), PIECE_MAX):
                    await _send(socket, _framed(piece[start : start + PIECE_MAX]), room, ended)
            await _send(socket, _framed(b""), room, ended)
            await asyncio.wait((ended,), timeout=SILENCE_MAX)
            if not ended.done():
                raise _stuck(SILENCE_MAX)
            ended.result()
        finally:
            ended.cancel()
            await asyncio.wait((ended,))
            await socket.close()


async def _output(socket: ApiSocket, silence: float | None) -> AsyncGenerator[bytes, None]:
    said, asides = b"", 0
    while True:
        try:
            async with asyncio.timeout(silence):
                message = await socket.receive()
        except TimeoutError:
            raise _stuck(silence or 0) from None
        if message is None:
            raise UpstreamError("the API server has closed the connection: try again")
        match channels.read_apart(message):
            case Ended() as end:
                _check(end, said)
                return
            case Channel.STDOUT, data if data:
                yield data
                continue
            case Channel.STDERR, data:
                said = (said + data)[:ERRORS_MAX]
        asides += 1
        if asides > ASIDES_MAX:
            raise _too_much()


async def _drain(socket: ApiSocket) -> None:
    """Wait for the end of a program whose output does not matter, and which writes nothing while it
    reads."""
    size = 0
    async with aclosing(_output(socket, None)) as pieces:
        async for piece in pieces:
            size += len(piece)
            if size > OUTPUT_MAX:
                raise _too_much()


async def _send(
    socket: ApiSocket, data: bytes, room: asyncio.Event, ended: asyncio.Task[None]
) -> None:
    """Send input, once there is room for it. A program that ends before has failed."""
    for start in range(0, len(data), PORTION):
        if not room.is_set():
            waiting = asyncio.create_task(room.wait(), name="kubernetes program's input")
            try:
                await asyncio.wait(
                    (waiting, ended),
                    timeout=SILENCE_MAX,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                waiting.cancel()
            if not room.is_set() and not ended.done():
                raise _stuck(SILENCE_MAX)
        if ended.done():
            ended.result()
            raise UpstreamError("a program in the container has ended too early: try again")
        socket.send(channels.stdin(data[start : start + PORTION]))


def _framed(data: bytes) -> bytes:
    return b"%d\n%b" % (len(data), data)


def _check(end: Ended, said: bytes) -> None:
    """Check that a program has done its work."""
    if end.error:
        if any(words in end.error.lower() for words in _NO_SHELL):
            raise UnsupportedError(
                "the container has no shell (sh), which its files need: use an image with one"
            )
        raise UpstreamError(f"the container cannot do this: {end.error}")
    if end.code:
        raise ProgramError(end.code, channels.plain(said.decode(errors="replace")))


def _too_much() -> UpstreamError:
    return UpstreamError("a program in the container writes too much: check its shell and tools")


def _stuck(seconds: float) -> UpstreamTimeoutError:
    return UpstreamTimeoutError(
        f"a program in the container has done nothing for {seconds:g} s: check the container's "
        "disks, and try again"
    )


def _ignore(blocked: bool) -> None:
    """Ignore how much input is pending."""
