"""Counts the rounds of an event loop, in each of which everybody has a turn."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Rounds:
    """A context manager; `count` is the number of rounds since its start."""

    def __init__(self) -> None:
        self.count = 0
        self._next: asyncio.Handle

    def __enter__(self) -> Self:
        self._schedule()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._next.cancel()

    def _schedule(self) -> None:
        self._next = asyncio.get_running_loop().call_soon(self._round)

    def _round(self) -> None:
        self.count += 1
        self._schedule()
