"""All is released: at every stage, and after many transports."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from guacr.tubes.rtc.ice.settings import IceServer, IceState
from tests.support.ice import LOOPBACK, End, assert_data_flows, connect, ends, exchange
from tests.support.waiting import until

DEAD = replace(
    LOOPBACK,
    servers=(
        IceServer("turn:127.0.0.1:9?transport=udp", "user", "secret"),
        IceServer("stun:127.0.0.1:9"),
    ),
)


def _files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the number alone


@pytest.mark.parametrize("stage", ["new", "gathering", "checking", "connected", "restarting"])
async def test_closed_at_every_stage(stage: str) -> None:
    """The guards of every test fail it if a task, a socket or a thread is left."""
    files, tasks = _files(), len(asyncio.all_tasks())
    one, two = End(DEAD), End(DEAD, controlling=False)
    one.other, two.other = two, one
    gathering = [] if stage == "new" else [asyncio.ensure_future(one.transport.gather())]
    if stage in ("connected", "restarting"):
        gathering.append(asyncio.ensure_future(two.transport.gather()))
    await asyncio.sleep(0)
    if stage not in ("new", "gathering"):
        exchange(one, two)
    if stage in ("connected", "restarting"):
        await one.until(IceState.CONNECTED)
    if stage == "restarting":
        exchange(one, two)
        one.transport.restart()
        two.transport.set_remote(one.transport.local)
        await asyncio.sleep(0)
    await asyncio.gather(one.transport.close(), two.transport.close())
    await asyncio.gather(*gathering, return_exceptions=True)
    assert one.states[-1] is two.states[-1] is IceState.CLOSED
    assert (_files(), len(asyncio.all_tasks())) == (files, tasks)


async def test_nothing_is_called_after_the_end() -> None:
    async with ends() as (one, two):
        await connect(one, two)
        one.transport.restart()
        closing = asyncio.ensure_future(one.transport.close())
        await asyncio.sleep(0)
        seen = len(one.candidates), len(one.received), len(one.states)
        for _ in range(20):
            two.transport.send(b"\x17late")
            await asyncio.sleep(0)
        await closing
        assert (len(one.candidates), len(one.received), len(one.states)) == seen


async def test_a_hundred_transports_leave_nothing() -> None:
    files, tasks, threads = _files(), len(asyncio.all_tasks()), _threads()
    left: list[weakref.ref[object]] = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            async with ends() as (one, two):
                await connect(one, two)
                await assert_data_flows(one, two)
                for end in (one, two):
                    left.append(weakref.ref(end.transport))
                    left.append(weakref.ref(end.transport._current))
            del one, two, end
        assert (_files(), len(asyncio.all_tasks())) == (files, tasks)
        assert _threads() <= threads
    finally:
        gc.enable()
    gc.collect()
    await until(lambda: not any(ref() for ref in left), "freed memory")


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))
