"""A thread of its own for each database client that blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from guacr.errors import BusyError

Result = TypeVar("Result")

_running = 0
_lock = threading.Lock()


class ClientThread:
    """Makes the calls of one blocking client in the order in which they were asked for.

    Only this thread touches the client, so a call whose waiter is cancelled goes on undisturbed,
    and whatever is asked for later waits behind it. The thread is a daemon thread: a client that
    hangs does not keep the process from ending.

    Args:
        name: the thread's name.
        limit: how many such threads the process may have.

    Raises:
        BusyError: the process has reached that limit.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._closed = False
        _count(limit)
        try:
            threading.Thread(target=self._run, name=name, daemon=True).start()
        except RuntimeError:
            _uncount()
            raise BusyError("the system has no more threads: try again later") from None

    async def call(self, function: Callable[..., Result], *args: Any) -> Result:
        """What `function` returns or raises."""
        return await asyncio.wrap_future(self.submit(function, *args))

    def submit(self, function: Callable[..., Result], *args: Any) -> Future[Result]:
        """The same without waiting for it."""
        future: Future[Result] = Future()
        if self._closed:
            future.cancel()
        else:
            self._calls.put((future, lambda: function(*args)))
        return future

    def close(self) -> None:
        """End the thread once all calls are made; further ones are cancelled. Harmless if it is
        closed already."""
        if not self._closed:
            self._closed = True
            self._calls.put(None)

    def _run(self) -> None:
        try:
            while (call := self._calls.get()) is not None:
                _make(*call)
                del call  # what it holds is not kept until the next one
        finally:
            _uncount()


def _make(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
        future.set_exception(error)
    else:
        future.set_result(result)


def _count(limit: int) -> None:
    global _running
    with _lock:
        if _running >= limit:
            raise BusyError(
                f"all {limit} threads for databases are in use (databases.max_threads): "
                "try again later"
            )
        _running += 1


def _uncount() -> None:
    global _running
    with _lock:
        _running -= 1
