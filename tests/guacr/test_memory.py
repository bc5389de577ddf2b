"""The times at which memory is returned to the system."""

from __future__ import annotations

import asyncio
import os

import pytest

from guacr.memory import TURNOVER, Trimmer, resident


async def trims(*turnovers: int) -> int:
    """Return how often memory is returned to the system if `check` gets these numbers."""
    trimmer = Trimmer(int)
    return sum(map(trimmer.check, turnovers))


async def test_memory_is_given_back_when_sessions_have_stopped_coming() -> None:
    assert await trims(0, TURNOVER, TURNOVER) == 1
    assert await trims(TURNOVER, TURNOVER, TURNOVER, TURNOVER) == 1


async def test_not_while_they_come_and_go() -> None:
    assert await trims(*range(10 * TURNOVER)) == 0


async def test_not_for_a_few() -> None:
    assert await trims(1, 1, TURNOVER - 1, TURNOVER - 1) == 0


async def test_again_after_as_many_more() -> None:
    assert await trims(*[TURNOVER] * 2, *[2 * TURNOVER - 1] * 2, *[2 * TURNOVER] * 2) == 2


async def test_it_is_done_by_the_c_library_on_a_thread() -> None:
    called = asyncio.Event()
    loop = asyncio.get_running_loop()

    def trim(pad: int) -> int:
        assert pad == 0
        loop.call_soon_threadsafe(called.set)
        return 1

    trimmer = Trimmer(trim)
    assert not trimmer.check(TURNOVER)
    assert trimmer.check(TURNOVER)
    await called.wait()


def test_resident_memory_of_processes() -> None:
    assert resident() > 1 << 20
    assert resident(str(os.getppid())) > 0
    with pytest.raises(OSError, match="No such file"):
        resident("none")
