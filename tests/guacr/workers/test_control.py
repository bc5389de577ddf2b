"""The control of several workers, where these end at an unfortunate moment."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

from guacr.control.info import DaemonStatus, WorkerInfo, plain
from guacr.metrics.snapshots import Snapshot
from guacr.workers.control import WorkersControl
from guacr.workers.remote import RemoteWorker
from tests.support.waiting import until

OPENED = "guacr_sessions_opened_total"


async def test_a_worker_that_ends_while_metrics_are_read_counts_once() -> None:
    worker = Mock(number=1, last_sample=None)
    workers = {1: cast(RemoteWorker, worker)}
    control = WorkersControl(workers)

    async def answer(*_: Any, **__: Any) -> list[Snapshot]:
        return [{OPENED: [(["testcard"], [3])]}]

    async def answer_and_end(*_: Any, **__: Any) -> list[Snapshot]:
        control.ended(workers.pop(1))
        return await answer()

    for request in (answer, answer_and_end, answer):
        worker.channel.request = request
        (found,) = await control.samples()
        assert found[OPENED] == [(("testcard",), [3])]


async def test_the_status_has_the_workers_in_the_order_of_their_numbers() -> None:
    info = WorkerInfo(
        name="", pid=7, state="ready", since=0, sessions=0, users=0, loop_lag=0, memory=0
    )
    status = DaemonStatus(version="", state="ready", not_ready=(), workers=(info,))
    workers = {number: Mock(number=number, state="serving") for number in (6, 5)}
    for worker in workers.values():
        worker.channel.request = AsyncMock(return_value=plain(status))
    found = await WorkersControl(cast(dict[int, RemoteWorker], workers)).status()
    assert [worker.name for worker in found.workers] == ["5", "6"]


async def test_a_reader_of_events_who_comes_as_the_last_one_leaves() -> None:
    worker, watched = Mock(number=1), list[bool]()
    control = WorkersControl({1: cast(RemoteWorker, worker)})

    async def request(name: str, on: bool, **_: Any) -> None:
        assert name == "watch"
        watched.append(on)

    worker.channel.request = request
    async with control.events():
        pass
    async with control.events():
        for _ in range(10):
            await asyncio.sleep(0)
        assert watched[-1]
    await until(lambda: not watched[-1], "no events any more")
