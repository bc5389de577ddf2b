"""The task of a service."""

from __future__ import annotations

import asyncio

import pytest

from guacr.services import ServiceTask


class Work:
    """Notes what happens to a task that runs until it is cancelled."""

    def __init__(self) -> None:
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()


async def test_there_is_one_at_a_time() -> None:
    task, first, second = ServiceTask("work"), Work(), Work()
    task.start(first.run())
    await first.begun.wait()
    task.start(second.run())
    await second.begun.wait()
    assert first.ended.is_set()
    assert not second.ended.is_set()
    for _ in range(2):
        task.stop()
        await task.close()
    assert second.ended.is_set()


async def test_without_a_start_there_is_nothing_to_end() -> None:
    task = ServiceTask("work")
    task.stop()
    await task.close()


async def test_its_failure_is_raised_at_the_end() -> None:
    async def fail() -> None:
        raise OSError("broken")

    task = ServiceTask("work")
    task.start(fail())
    with pytest.raises(OSError, match="broken"):
        await task.close()
