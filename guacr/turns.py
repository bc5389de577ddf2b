"""Turns on the event loop: long work lets others run in between."""

from __future__ import annotations

import asyncio
from time import perf_counter

TURN = 0.005
"""Maximum seconds that a peer's input may hold the event loop at a time."""


class Turns:
    """The turns of a task that may never wait."""

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = 0.0

    @property
    def are_over(self) -> bool:
        """True if the last yield was more than a turn ago."""
        return perf_counter() > self._end

    async def give_way(self) -> None:
        """Yield to others, if the last yield was more than a turn ago."""
        if perf_counter() > self._end:
            await asyncio.sleep(0)
            self._end = perf_counter() + TURN
