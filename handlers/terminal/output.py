"""Output of the host on its way into the terminal, in portions that leave others their turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

PORTION = 65536
"""Bytes that are parsed in one turn of the event loop."""
BACKLOG_MAX = 4 * 1024 * 1024
"""Bytes that wait for their turn; beyond it, the oldest are parsed at once."""


class Output:
    """Keeps the order of what it is given; `parse` takes one portion."""

    __slots__ = ("_closed", "_parse", "_portions", "_size")

    def __init__(self, parse: Callable[[bytes], None], closed: Callable[[], bool]) -> None:
        self._parse = parse
        self._closed = closed
        self._portions: deque[bytes] = deque()
        self._size = 0

    def put(self, data: bytes) -> None:
        """Parse `data`: at once if it is one portion and nothing waits before it."""
        if not self._portions and len(data) <= PORTION:
            self._parse(data)
            return
        if not self._portions:
            asyncio.get_running_loop().call_soon(self._turn)
        for start in range(0, len(data), PORTION):
            self._portions.append(data[start : start + PORTION])
        self._size += len(data)
        while self._size > BACKLOG_MAX:
            self._next()

    def _next(self) -> None:
        data = self._portions.popleft()
        self._size -= len(data)
        self._parse(data)

    def _turn(self) -> None:
        if self._closed():
            self._portions.clear()
        if self._portions:
            self._next()
        if self._portions:
            asyncio.get_running_loop().call_soon(self._turn)
