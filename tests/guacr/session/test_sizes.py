"""Sizes for hosts that take a while to follow."""

from __future__ import annotations

import asyncio

import pytest

from guacr.session.sizes import WindowSizes
from tests.support.clock import SkippingClock
from tests.support.loopback import until


class Host:
    """Follows the sizes, each as long as the test says."""

    def __init__(self, sizes: WindowSizes) -> None:
        self.followed: list[tuple[int, int]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.task = asyncio.create_task(self._follow(sizes))

    async def _follow(self, sizes: WindowSizes) -> None:
        async for size in sizes:
            self.followed.append(size)
            await self.may_end.wait()


async def test_a_host_is_given_one_size_at_a_time_and_then_the_newest() -> None:
    sizes = WindowSizes(10, 10, 0)
    host = Host(sizes)
    host.may_end.clear()
    sizes.put(20, 20)
    await until(lambda: host.followed == [(20, 20)])
    for side in range(30, 90):
        sizes.put(side, side)
        await asyncio.sleep(0)
    assert host.followed == [(20, 20)]
    host.may_end.set()
    await until(lambda: host.followed == [(20, 20), (89, 89)])
    host.task.cancel()


async def test_a_size_that_the_host_has_is_not_given() -> None:
    sizes = WindowSizes(10, 10, 0)
    host = Host(sizes)
    sizes.put(10, 10)
    sizes.put(20, 20)
    sizes.put(10, 10)
    sizes.put(30, 30)
    await until(lambda: host.followed == [(30, 30)])
    sizes.put(40, 40)
    sizes.put(30, 30)
    sizes.put(50, 50)
    await until(lambda: host.followed == [(30, 30), (50, 50)])
    host.task.cancel()


async def test_sizes_keep_their_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SkippingClock(monkeypatch)
    sizes = WindowSizes(10, 10, 100)
    host = Host(sizes)
    sizes.put(20, 20)
    await until(lambda: host.followed == [(20, 20)])
    for side in (30, 40):
        sizes.put(side, side)
        for _ in range(5):
            await asyncio.sleep(0)
    assert host.followed == [(20, 20)]
    clock.skip(100)
    await until(lambda: host.followed == [(20, 20), (40, 40)])
    host.task.cancel()
