"""What many short connections leave behind: nothing. `python -m benchmarks churn` does more."""

from __future__ import annotations

import asyncio
import threading

import pytest

from benchmarks.churn import churning, files, resident, serving, settled

TUBES, CONNECTIONS, ROUNDS = 3, 60, 3
GROWTH_MAX = 3000
"""KiB of memory from the first round to the last; a connection that is kept has about 20."""


@pytest.mark.usefixtures("warmed_up")
async def test_many_short_connections() -> None:
    async with serving() as port:
        before = files(), set(threading.enumerate())
        with churning(port) as churn:
            await asyncio.to_thread(churn.connect, TUBES)
            opened = files() + 1  # for the first connections, one is opened for good
            memory = []
            for _ in range(ROUNDS):
                await churn.round(CONNECTIONS)
                await settled(opened)
                assert files() <= opened
                memory.append(resident())
            assert memory[-1] - memory[0] < GROWTH_MAX
            assert not any(
                conversation.connections
                for tube in churn.registry._runtime.tubes.registry.tubes.values()
                for conversation in tube.conversations.values()
                if conversation is not None
            )
        await settled(before[0])
        assert files() <= before[0]
        left = {one for one in threading.enumerate() if "tube" in one.name}
        assert left <= before[1]
