"""Output of the host on its way into the terminal, in turns that leave time to other sessions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from time import perf_counter
from typing import Any

PORTION = 65536
"""Maximum bytes that are parsed without checking the clock: fewer if they take long, such as
queries that each need a reply."""
PORTION_MIN = 1024
TURN = 0.003
"""Approximate seconds of parsing in one turn of the event loop; the last portion may exceed it."""
BACKLOG_HIGH = 256 * 1024
"""Pending bytes above which the host is asked to wait."""
BACKLOG_MAX = 8 * 1024 * 1024
"""Maximum pending bytes; if a source ignores this, its oldest bytes are parsed immediately."""


class Output:
    """Parses output in order.

    `parse` parses a portion. If it returns a future, parsing stops until that is done, and then
    continues with an empty portion. `block` is called with True when the source should stop
    sending, and with False when it may continue; `worked` is called with the seconds of parsing.
    """

    __slots__ = (
        "_block",
        "_blocked",
        "_loop",
        "_parse",
        "_portion",
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
        self._portion = PORTION
        """Bytes that can probably be parsed within a turn."""
        self._portions: deque[bytes] = deque()
        self._size = 0
        self._spent = 0.0
        self._timed = False
        """True if a new turn is scheduled."""
        self._blocked = False
        self._waits: asyncio.Future[Any] | None = None
        """Must be done before parsing continues."""

    def put(self, data: bytes) -> None:
        """Add `data`. The first data in a turn is parsed immediately; what follows is parsed
        together before the next frame, since a flood arrives in many small packets."""
        idle = not (self._timed or self._portions or self._waits)
        if idle and len(data) <= self._portion:
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
        """Parse all pending bytes: the source has ended."""
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
        """Parse pending bytes, at most one portion."""
        limit = self._portion
        data = self._portions.popleft()
        if len(data) > limit:
            self._portions.appendleft(data[limit:])
            data = data[:limit]
        elif self._portions and len(data) < limit:
            parts, size = [data], len(data)
            while self._portions and size + len(self._portions[0]) <= limit:
                parts.append(self._portions.popleft())
                size += len(parts[-1])
            data = b"".join(parts)
        self._size -= len(data)
        self._take(data)

    def _take(self, data: bytes) -> None:
        started = perf_counter()  # the loop's clock may stand still within a turn
        pending = self._parse(data)
        elapsed = perf_counter() - started
        self._spent += elapsed
        self._worked(elapsed)
        if elapsed > 2 * TURN:
            self._portion = max(PORTION_MIN, int(len(data) * TURN / elapsed))
        elif elapsed < TURN:
            self._portion = min(PORTION, 2 * self._portion)
        self._waits = None
        if pending:
            self._waits = asyncio.wrap_future(pending, loop=self._loop)
            self._waits.add_done_callback(self._go_on)

    def _go_on(self, done: asyncio.Future[Any]) -> None:
        """Continue with pending bytes."""
        if not done.cancelled():
            done.exception()  # the parser handles it
        if done is self._waits:
            self._waits = None
            self._portions.appendleft(b"")
            self._begin_turn()
