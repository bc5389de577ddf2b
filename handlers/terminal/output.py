"""Output of the host on its way into the terminal, in turns that leave others theirs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from time import perf_counter
from typing import Any

PORTION = 65536
"""Bytes that are parsed without a look at the clock."""
TURN = 0.003
"""Seconds of parsing in one turn of the event loop, give or take a portion."""
BACKLOG_HIGH = 256 * 1024
"""Bytes that wait for their turn before the host is asked to wait."""
BACKLOG_MAX = 8 * 1024 * 1024
"""Bytes that wait at most; a source that sends on regardless has its oldest parsed at once."""


class Output:
    """Keeps the order of what it is given.

    `parse` takes a portion. If it returns a future, nothing more is parsed until that is done, and
    then a portion of no bytes first. `block` is told True when the source should send nothing
    more, and False when it may again; `worked` hears of the seconds that parsing takes.
    """

    __slots__ = (
        "_block",
        "_blocked",
        "_loop",
        "_parse",
        "_portions",
        "_size",
        "_spent",
        "_timed",
        "_waits",
        "_worked",
    )

    def __init__(
        self,
        parse: Callable[[bytes], Future[Any] | None],
        block: Callable[[bool], None],
        worked: Callable[[float], None],
    ) -> None:
        self._parse = parse
        self._block = block
        self._worked = worked
        self._loop = asyncio.get_running_loop()
        self._portions: deque[bytes] = deque()
        self._size = 0
        self._spent = 0.0
        self._timed = False
        """Whether a new turn is due."""
        self._blocked = False
        self._waits: asyncio.Future[Any] | None = None
        """What is to be done before more is parsed."""

    def put(self, data: bytes) -> None:
        """Take `data`: the first in a turn is parsed at once, what follows it all together before
        the next frame, for a flood comes in many small packets."""
        idle = not (self._timed or self._portions or self._waits)
        if idle and len(data) <= PORTION:
            self._begin_turn()
            self._take(data)
            return
        for start in range(0, len(data), PORTION):
            self._portions.append(data[start : start + PORTION])
        self._size += len(data)
        self._begin_turn()
        while self._size > BACKLOG_MAX:
            self._next()
        if self._size > BACKLOG_HIGH and not self._blocked:
            self._blocked = True
            self._block(True)

    def finish(self) -> None:
        """Parse all that waits; the source has ended."""
        while self._portions:
            self._next()
        while self._waits:
            self._take(b"")

    def _begin_turn(self) -> None:
        if not self._timed:
            self._timed = True
            self._loop.call_soon(self._new_turn)

    def _new_turn(self) -> None:
        self._timed = False
        self._spent = 0.0
        while self._portions and not self._waits and self._spent < TURN:
            self._next()
        if self._waits:
            return
        if self._portions:
            self._begin_turn()
        elif self._blocked:
            self._blocked = False
            self._block(False)

    def _next(self) -> None:
        """Parse what waits, a portion of it at the most."""
        data = self._portions.popleft()
        if self._portions and len(data) < PORTION:
            parts, size = [data], len(data)
            while self._portions and size + len(self._portions[0]) <= PORTION:
                parts.append(self._portions.popleft())
                size += len(parts[-1])
            data = b"".join(parts)
        self._size -= len(data)
        self._take(data)

    def _take(self, data: bytes) -> None:
        started = perf_counter()  # the loop's own time may stand still within a turn
        pending = self._parse(data)
        elapsed = perf_counter() - started
        self._spent += elapsed
        self._worked(elapsed)
        self._waits = None
        if pending:
            self._waits = asyncio.wrap_future(pending, loop=self._loop)
            self._waits.add_done_callback(self._go_on)

    def _go_on(self, done: asyncio.Future[Any]) -> None:
        """Parse what waited."""
        if not done.cancelled():
            done.exception()  # which is the parser's to look at
        if done is self._waits:
            self._waits = None
            self._portions.appendleft(b"")
            self._begin_turn()
