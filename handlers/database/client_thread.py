"""A separate thread for each blocking database client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from guacr.api import BusyError

Result = TypeVar("Result")

_running = 0
_lock = threading.Lock()


class ClientThread:
    """Executes the calls of a blocking client in order.

    Only this thread touches the client, so a call whose waiter is cancelled continues undisturbed,
    and later calls wait behind it. It is a daemon thread: a client that hangs does not keep the
    process from ending.

    Args:
        name: the thread's name.
        limit: maximum number of such threads in the process.

    Raises:
        BusyError: the process has reached its limit.
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
        """Call `function` in the thread, and return or raise its result."""
        return await asyncio.wrap_future(self.submit(function, *args))

    def submit(self, function: Callable[..., Result], *args: Any) -> Future[Result]:
        """Call `function` in the thread without waiting for it."""
        future: Future[Result] = Future()
        if self._closed:
            future.cancel()
        else:
            self._calls.put((future, lambda: function(*args)))
        return future

    def close(self) -> None:
        """End the thread once all pending calls are done; further ones are cancelled. Harmless if
        it is already closed."""
        if not self._closed:
            self._closed = True
            self._calls.put(None)

    def _run(self) -> None:
        try:
            while (call := self._calls.get()) is not None:
                _make(*call)
                del call  # do not keep its references until the next one
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
