"""Threads for blocking work, by kind.

Waiting work (name resolution, files, a Kerberos realm) runs in the event loop's default executor,
by `asyncio.to_thread`; libraries resolve names there, too. A peer decides how long it takes, so
there are many threads, and a slow peer does not delay others.

Recordings are opened and written on threads of their own (`open_stored`, `store`): a disk that
hangs holds up nothing else.

Computations (`compute`) use few threads. More would not be faster, because they would compete with
the event loop for the interpreter. Callers limit what they compute.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Thread
from typing import ParamSpec, TypeVar

WAITING_MAX = 256
"""Maximum threads that wait; they are created on demand."""
COMPUTING_MIN = 4
"""Threads that compute, even with fewer processors: if one is busy for seconds, the others are free
for shorter tasks."""

STORING_MAX = 16
"""Threads that write recordings; of one disk, at most five are used at a time."""
OPENING_MAX = 32
"""Threads that open recordings, some for each directory."""

_P = ParamSpec("_P")
_R = TypeVar("_R")

_computing = ThreadPoolExecutor(max(os.cpu_count() or 1, COMPUTING_MIN), "computing")
_storing = ThreadPoolExecutor(STORING_MAX, "storing")
_opening = ThreadPoolExecutor(OPENING_MAX, "opening")


def waiting_threads() -> ThreadPoolExecutor:
    """Create the executor for an event loop, which shuts it down at its end."""
    return ThreadPoolExecutor(WAITING_MAX, "waiting")


async def apart(function: Callable[[], _R], name: str) -> _R:
    """Call `function` in a thread of its own, and return its result. Neither the caller, if it is
    cancelled, nor the end of the process waits for the thread."""
    future: Future[_R] = Future()
    Thread(target=_run_into, args=(future, function), name=name, daemon=True).start()
    return await asyncio.wrap_future(future)


async def held(
    limit: asyncio.Lock | asyncio.Semaphore,
    function: Callable[[], _R],
    discard: Callable[[_R], None] | None = None,
) -> _R:
    """Call `function` in a waiting thread, and return its result. `limit` is held until the thread
    has ended, even if the caller is cancelled before: callers who leave do not pile up threads.

    Args:
        limit: limits how many threads there are.
        function: the blocking work.
        discard: called with a result that nobody waits for any more.
    """
    await limit.acquire()
    work = asyncio.get_running_loop().run_in_executor(None, function)
    work.add_done_callback(lambda _: limit.release())
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if discard is not None:
            work.add_done_callback(partial(_discard, discard))
        raise


def _discard(discard: Callable[[_R], None], work: asyncio.Future[_R]) -> None:
    if not work.cancelled() and work.exception() is None:
        discard(work.result())


def _run_into(future: Future[_R], function: Callable[[], _R]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - raised where the future is awaited
        future.set_exception(error)


async def compute(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call `function` in a thread, and return its result."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_computing, lambda: function(*args, **kwargs))


def store(function: Callable[[], _R]) -> asyncio.Future[_R]:
    """Call `function`, which writes to a disk, in a thread; return the future of its result."""
    return asyncio.get_running_loop().run_in_executor(_storing, function)


def open_stored(function: Callable[[], _R]) -> asyncio.Future[_R]:
    """Call `function`, which opens files on a disk, in a thread; return the future of its
    result."""
    return asyncio.get_running_loop().run_in_executor(_opening, function)
