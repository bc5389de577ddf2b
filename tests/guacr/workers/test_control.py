"""The control of several workers, where these end at an unfortunate moment."""

from __future__ import annotations

from typing import Any, cast
from unittest.mock import Mock

from guacr.metrics.snapshots import Snapshot
from guacr.workers.control import WorkersControl
from guacr.workers.remote import RemoteWorker

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
