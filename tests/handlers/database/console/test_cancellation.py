"""Ctrl-C that comes before the server has the statement."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from handlers.database.console.cancellation import Cancellation


async def test_a_server_that_had_no_statement_yet_is_told_again() -> None:
    told: list[str] = []
    ended = asyncio.Event()
    remarks: list[str] = []

    async def cancel() -> None:
        told.append("cancel")
        if len(told) > 1:  # the first one finds nothing that runs
            ended.set()

    adapter: Any = SimpleNamespace(cancel=cancel)
    cancelling = Cancellation(adapter, remarks.append)
    async with asyncio.timeout(10), cancelling.statement():
        cancelling.cancel()
        await ended.wait()
    assert told == ["cancel", "cancel"]
    assert remarks == []
    await cancelling.close()
    assert cancelling._again is None
