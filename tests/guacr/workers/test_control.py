"""The control of several workers, where these end at an unfortunate moment."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

from guacr.control.info import DaemonStatus, WorkerInfo, plain
from guacr.errors import UpstreamUnavailableError
from guacr.metrics.snapshots import Snapshot
from guacr.workers.control import ANSWER_TIMEOUT, WorkersControl
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


async def test_a_worker_that_does_not_answer_is_in_the_status_with_its_sessions() -> None:
    worker = Mock(number=1, pid=7, since=time.monotonic(), sessions=3, state="ready")
    control = WorkersControl({1: cast(RemoteWorker, worker)})
    worker.channel.request = AsyncMock(side_effect=UpstreamUnavailableError("it hangs"))
    (unknown,) = (await control.status()).workers
    assert (unknown.pid, unknown.sessions, unknown.loop_lag) == (7, 3, ANSWER_TIMEOUT)

    said = replace(unknown, name="", users=5, memory=9, loop_lag=0.1)
    status = DaemonStatus(version="", state="ready", not_ready=(), workers=(said,))
    worker.channel.request = AsyncMock(return_value=plain(status))
    assert (await control.status()).workers == (replace(said, name="1"),)

    worker.channel.request = AsyncMock(side_effect=UpstreamUnavailableError("it hangs"))
    worker.sessions = 2
    (found,) = (await control.status()).workers
    assert found == replace(said, name="1", sessions=2, loop_lag=ANSWER_TIMEOUT)


async def test_a_new_worker_of_a_draining_daemon_is_told_before_it_is_given_clients() -> None:
    worker = Mock(number=1)
    control = WorkersControl({})
    await control.drain()
    async with control.events():
        control.began(worker)
    told = [call.args[0] for call in worker.channel.tell.call_args_list]
    assert told == ["drain", "watch"]


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
