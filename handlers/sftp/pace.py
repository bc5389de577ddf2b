"""How many requests a transfer may have under way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from guacr.api import Window

BLOCK = 32 * 1024
"""Bytes of a request; every server accepts as many (draft-ietf-secsh-filexfer-02, section 3)."""
BLOCKS_MIN, READS_MAX, WRITES_MAX = 2, 32, 16
"""Blocks of one transfer that may be under way, or wait for its user. More are not faster on a fast
link, and on a slow one they delay what the shell says. As much of an upload may wait to be
written."""
BLOCKS_TOTAL = 128
"""Blocks of all transfers of a file system, apart from two of each."""

_T = TypeVar("_T")


class Pace:
    """The pace of the transfers of one file system."""

    __slots__ = ("_transfers",)

    def __init__(self) -> None:
        self._transfers = 0

    @property
    def share(self) -> int:
        """The blocks that each transfer may have now."""
        return max(BLOCKS_MIN, BLOCKS_TOTAL // self._transfers)

    @contextmanager
    def transfer(self, most: int) -> Iterator[BlockWindow]:
        """Count a transfer while it runs, and return its window, of at most so many blocks."""
        self._transfers += 1
        try:
            yield BlockWindow(self, most)
        finally:
            self._transfers -= 1


class BlockWindow:
    """The blocks of one transfer; it grows while answers are quick, as the `Window` of a stream."""

    __slots__ = ("_loop", "_most", "_pace", "_window")

    def __init__(self, pace: Pace, most: int) -> None:
        self._pace = pace
        self._most = most
        self._window = Window()
        self._loop = asyncio.get_running_loop()

    def has_room(self, blocks: int) -> bool:
        """Return whether another block may be requested or written, besides so many."""
        return blocks < min(self._window.size, self._pace.share, self._most)

    def note(self, answer: asyncio.Future[_T]) -> asyncio.Future[_T]:
        """Note a request for a block, which was sent now, and return its answer."""
        self._window.sent(self._loop.time())
        answer.add_done_callback(self._done)
        return answer

    def _done(self, answer: asyncio.Future[Any]) -> None:
        self._window.acknowledged(self._loop.time())
