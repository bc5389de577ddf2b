"""Threads of blocking clients: order, cancelling, the end, their number."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from guacr.errors import BusyError
from handlers.database import client_thread
from handlers.database.client_thread import ClientThread
from tests.support.loopback import until

LIMIT = 1000


@pytest.fixture
async def thread() -> AsyncIterator[ClientThread]:
    thread = ClientThread("test", LIMIT)
    yield thread
    thread.close()


async def test_calls_return_and_raise(thread: ClientThread) -> None:
    assert await thread.call(pow, 2, 5) == 32
    with pytest.raises(ZeroDivisionError):
        await thread.call(divmod, 1, 0)
    assert await thread.call(pow, 2, 6) == 64


async def test_what_comes_later_waits_for_a_call_that_nobody_waits_for(
    thread: ClientThread,
) -> None:
    started, go, order = threading.Event(), threading.Event(), list[str]()

    def slow() -> None:
        started.set()
        go.wait()
        order.append("slow")

    running = asyncio.ensure_future(thread.call(slow))
    waiting = asyncio.ensure_future(thread.call(order.append, "cancelled before it ran"))
    await until(started.is_set)
    running.cancel()
    waiting.cancel()
    await asyncio.wait([running, waiting])
    last = thread.submit(order.append, "last")
    thread.close()
    assert not last.done()
    go.set()
    await asyncio.wrap_future(last)
    assert order == ["slow", "last"]


async def test_nothing_runs_after_the_end(thread: ClientThread) -> None:
    thread.close()
    thread.close()
    with pytest.raises(asyncio.CancelledError):
        await thread.call(pow, 2, 5)


async def test_their_number_is_bounded() -> None:
    await until(lambda: client_thread._running == 0)
    threads = [ClientThread("test", 2), ClientThread("test", 2)]
    with pytest.raises(BusyError, match=r"all 2 threads .*databases\.max_threads"):
        ClientThread("test", 2)
    threads.pop().close()
    await until(lambda: client_thread._running == 1)
    threads.append(ClientThread("test", 2))
    for thread in threads:
        thread.close()
