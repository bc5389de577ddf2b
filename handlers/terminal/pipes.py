"""Pipes that programs open towards the owner of a session, by guacd's OSC 482202 and 482203.

What the host prints while one is open goes there, byte by byte, and only to the screen as well
where the program asks for it. The pace is the client's: a host that prints more waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntFlag

from guacr.errors import ClosedError, ForbiddenError, GuacrError, shorten
from guacr.protocol.instruction import BLOB_MAX
from guacr.session.outputs import NAME_MAX, OutputStream
from guacr.session.session import Session
from guacr.session.user import User
from handlers.terminal.pages import PIPE_NAME

MIMETYPE = "application/octet-stream"
WAITING_HIGH = 256 * 1024
"""Bytes that wait for the client before the host is asked to wait."""
WAITING_MAX = 8 * 1024 * 1024
"""Bytes that wait at most; if the host sends on regardless, its pipe ends."""
PIPE_COST = 1024
"""Bytes that each pipe counts for by itself, so that empty ones are bounded too."""


class Flags(IntFlag):
    """What a program can ask for, besides a name."""

    SHOW = 1
    """On the screen as well."""
    FLUSH = 2
    """Each piece at once, not only full blobs and the last."""


class _Pipe:
    """One pipe, and what has yet to be sent of it."""

    __slots__ = ("ended", "flags", "name", "waiting")

    def __init__(self, name: str, flags: Flags) -> None:
        self.name = name
        self.flags = flags
        self.waiting = bytearray()
        self.ended = False

    @property
    def due(self) -> bytes:
        """What should be sent now, a blob of it at most."""
        whole = self.ended or Flags.FLUSH in self.flags or len(self.waiting) >= BLOB_MAX
        return bytes(self.waiting[:BLOB_MAX]) if whole else b""


class Pipes:
    """The pipes of one session, sent one after the other.

    Args:
        session: its owner receives them.
        block: is told True when the host should wait, and False when it may go on.
        show: takes bytes for the screen.
        tell: shows a line of guacr's own.
    """

    __slots__ = (
        "_block",
        "_news",
        "_open",
        "_pipes",
        "_session",
        "_show",
        "_size",
        "_task",
        "_tell",
    )

    def __init__(
        self,
        session: Session,
        block: Callable[[bool], None],
        show: Callable[[bytes], None],
        tell: Callable[[str], None],
    ) -> None:
        self._session = session
        self._block = block
        self._show = show
        self._tell = tell
        self._open: _Pipe | None = None
        """The one that the host prints into."""
        self._pipes: deque[_Pipe] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self, argument: str) -> None:
        """The host prints into another pipe from now on; `argument` is `[flags;]name`."""
        self.close()
        *numbers, name = argument.split(";")
        flags = Flags(0)
        for number in numbers:
            if number.isascii() and number.isdigit():
                flags |= Flags(int(number) & 3)
        if len(name) > NAME_MAX:
            self._tell(f"no pipe was opened: its name is longer than {NAME_MAX} characters")
        elif name == PIPE_NAME:
            self._tell(f"no pipe was opened: the name {PIPE_NAME} is guacr's own")
        elif self._size > WAITING_MAX:
            self._tell("no pipe was opened: too much waits for those before it")
        else:
            self._open = _Pipe(name, flags)
            self._pipes.append(self._open)
            self._grow(PIPE_COST)
            if self._task is None:
                self._task = self._session.start_task(self._run(), "pipes")

    def close(self) -> None:
        """The host prints to the screen from now on."""
        if self._open is not None:
            self._open.ended = True
            self._open = None
            self._news.set()

    def write(self, data: bytes) -> bool:
        """The host printed `data`; returns whether the screen shall show it."""
        pipe = self._open
        if pipe is None:
            return True
        pipe.waiting += data
        self._news.set()
        self._grow(len(data))
        return Flags.SHOW in pipe.flags

    def look(self) -> None:
        """A user has left, perhaps who received a pipe."""
        self._news.set()

    async def finish(self) -> None:
        """The host has sent its last: until the client has got it."""
        self.close()
        if self._task is not None:
            await asyncio.wait([self._task])

    # ---- within

    async def _run(self) -> None:
        try:
            while self._pipes:
                await self._carry(self._pipes[0])
                self._pipes.popleft()
                self._shrink(PIPE_COST)
        finally:
            self._task = None

    async def _carry(self, pipe: _Pipe) -> None:
        """Until the pipe has ended, one way or another."""
        try:
            owner = self._receiver()
            async with owner.outputs.open_pipe(pipe.name, MIMETYPE) as stream:
                await self._send(pipe, stream)
        except GuacrError as error:
            self._broken(pipe, error)

    async def _send(self, pipe: _Pipe, stream: OutputStream) -> None:
        while True:
            self._news.clear()
            data = pipe.due
            await stream.write(data)
            del pipe.waiting[: len(data)]
            self._shrink(len(data))
            if pipe.ended and not pipe.waiting:
                return
            if not pipe.due:
                await self._news.wait()

    def _receiver(self) -> User:
        owner = self._session.owner
        if owner is None:
            raise ClosedError("the session has no owner any more")
        if owner.rights.read_only:
            raise ForbiddenError("the session's owner may only look")
        return owner

    def _broken(self, pipe: _Pipe, error: GuacrError) -> None:
        """What the client did not take goes where the host's output goes without a pipe."""
        if pipe is self._open:
            self._open = None
        self._tell(f"the pipe {shorten(pipe.name)} has ended: {error}")
        if Flags.SHOW not in pipe.flags:
            self._show(bytes(pipe.waiting))
        self._shrink(len(pipe.waiting))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > WAITING_HIGH:
            self._block(True)
        if self._size > WAITING_MAX and self._open is not None:
            name = self._open.name
            self.close()
            self._tell(f"the pipe {shorten(name)} has ended: the host sends faster than it is read")

    def _shrink(self, size: int) -> None:
        self._size -= size
        if self._size <= WAITING_HIGH // 2:
            self._block(False)
