"""Pipes that programs open to the owner of a session, with guacd's OSC 482202 and 482203.

While a pipe is open, the host's output goes into it byte by byte, and to the screen only if the
program requests it. The client sets the pace: a host that prints faster has to wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntFlag

from guacr.api import (
    BLOB_MAX,
    NAME_MAX,
    ClosedError,
    ForbiddenError,
    GuacrError,
    OutputStream,
    SessionContext,
    User,
    shorten,
)
from handlers.terminal.page_channel import PIPE_NAME

MIMETYPE = "application/octet-stream"
WAITING_HIGH = 256 * 1024
"""Bytes pending for the client above which the host must wait."""
WAITING_MAX = 8 * 1024 * 1024
"""Maximum pending bytes; if the host ignores this, its pipe ends."""
PIPE_COST = 1024
"""Bytes for which each pipe counts by itself, so that empty pipes are limited, too."""


class Flags(IntFlag):
    """The options of a program, besides the name."""

    SHOW = 1
    """Show the output on the screen, too."""
    FLUSH = 2
    """Send each piece immediately, not only full blobs and the last one."""


class _Pipe:
    """A pipe and its unsent bytes."""

    __slots__ = ("ended", "flags", "name", "waiting")

    def __init__(self, name: str, flags: Flags) -> None:
        self.name = name
        self.flags = flags
        self.waiting = bytearray()
        self.ended = False

    @property
    def due(self) -> bytes:
        """The bytes to send now, at most one blob."""
        whole = self.ended or Flags.FLUSH in self.flags or len(self.waiting) >= BLOB_MAX
        return bytes(self.waiting[:BLOB_MAX]) if whole else b""


class Pipes:
    """The pipes of a session, sent one after the other.

    Args:
        session: its owner receives the pipes.
        block: is called with True when the host must wait, and with False when it may continue.
        show: shows bytes on the screen.
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
        session: SessionContext,
        block: Callable[[bool], None],
        show: Callable[[bytes], None],
        tell: Callable[[str], None],
    ) -> None:
        self._session = session
        self._block = block
        self._show = show
        self._tell = tell
        self._open: _Pipe | None = None
        """The pipe that the host prints into."""
        self._pipes: deque[_Pipe] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self, argument: str) -> None:
        """Direct the host's output into a new pipe; `argument` is `[flags;]name`."""
        self.close()
        *numbers, name = argument.split(";")
        flags = Flags(0)
        for number in numbers:
            if number.isascii() and number.isdigit():
                flags |= Flags(int(number) & 3)
        if len(name) > NAME_MAX:
            self._tell(f"no pipe was opened: its name exceeds {NAME_MAX} characters")
        elif name == PIPE_NAME:
            self._tell(f"no pipe was opened: the name {PIPE_NAME} is reserved for guacr")
        elif self._size > WAITING_MAX:
            self._tell("no pipe was opened: too much data waits in earlier ones")
        else:
            self._open = _Pipe(name, flags)
            self._pipes.append(self._open)
            self._grow(PIPE_COST)
            if self._task is None:
                self._task = self._session.start_task(self._run(), "pipes")

    def close(self) -> None:
        """Direct the host's output to the screen again."""
        if self._open is not None:
            self._open.ended = True
            self._open = None
            self._news.set()

    def write(self, data: bytes) -> bool:
        """Add output of the host; return whether the screen must show it."""
        pipe = self._open
        if pipe is None:
            return True
        pipe.waiting += data
        self._news.set()
        self._grow(len(data))
        return Flags.SHOW in pipe.flags

    def check(self) -> None:
        """Check whether the user who left was receiving a pipe."""
        self._news.set()

    async def finish(self) -> None:
        """Wait until the client has received everything: the host has ended."""
        self.close()
        if self._task is not None:
            await asyncio.wait([self._task])

    # ---- internals

    async def _run(self) -> None:
        try:
            while self._pipes:
                await self._carry(self._pipes[0])
                self._pipes.popleft()
                self._shrink(PIPE_COST)
        finally:
            self._task = None

    async def _carry(self, pipe: _Pipe) -> None:
        """Send a pipe until it ends, completely or not."""
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
            raise ClosedError("the owner has left the session")
        if owner.rights.read_only:
            raise ForbiddenError("the session's owner is read-only")
        return owner

    def _broken(self, pipe: _Pipe, error: GuacrError) -> None:
        """Show what the client did not accept, as without a pipe."""
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
