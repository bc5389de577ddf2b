"""The thread with the event loop, which all `PyTubeRegistry`s of a process share."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from guacr.errors import GuacrError
from guacr.event_loop import loop_type
from guacr.threads import waiting_threads
from guacr.tubes.compat.callbacks import Dispatcher
from guacr.tubes.compat.tubes import Tubes

T = TypeVar("T")

SHUTDOWN_TIMEOUT = 10.0
"""Seconds for the ends of all tubes, and for the last callbacks."""
_IS_OVER = "the tubes of this process have been shut down"

log = logging.getLogger("guacr.tubes")


class Runtime:
    """An event loop in a thread, with the tubes that live there.

    Raises:
        RuntimeError: by all methods, for every failure.
    """

    def __init__(self) -> None:
        self._loop = loop_type()()
        self._lock = threading.Lock()
        self._calls: set[_Call[Any]] = set()
        self._dispatchers: weakref.WeakSet[Dispatcher] = weakref.WeakSet()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="guacr tubes", daemon=True)
        self._thread.start()
        try:
            self.tubes: Tubes = self.call(_make_tubes)
        except RuntimeError:
            self.close()
            raise

    def call(self, work: Callable[[], Coroutine[Any, Any, T]], prefix: str = "") -> T:
        """Wait for a coroutine that runs on the loop; Ctrl+C cancels it.

        Args:
            work: makes the coroutine, on the loop.
            prefix: of the text of an error.
        """
        if threading.current_thread() is self._thread:  # a finaliser, for example
            raise RuntimeError("this must not be called from the tubes' own thread")
        call = _Call(work)
        with self._lock:
            if self._is_closed:
                raise RuntimeError(_IS_OVER)
            self._calls.add(call)
            self._loop.call_soon_threadsafe(call.begin)
        try:
            return call.result.result()
        except (GuacrError, OSError, TimeoutError) as error:
            if self._is_closed:  # the error is that of a tube that ends meanwhile
                raise RuntimeError(_IS_OVER) from error
            text = str(error) or "it took too long"
            raise RuntimeError(prefix + text) from error
        except Exception as error:
            if isinstance(error, (RuntimeError, TypeError)):
                raise
            raise RuntimeError(f"{prefix}{type(error).__name__}: {error}") from error
        except BaseException:
            self.later(call.cancel)
            raise
        finally:
            self._calls.discard(call)

    def do(self, step: Callable[[], T], prefix: str = "") -> T:
        """Wait for a function that is called on the loop."""

        async def work() -> T:
            return step()

        return self.call(work, prefix)

    def later(self, step: Callable[[], object]) -> None:
        """Call a function on the loop, without waiting for it; errors are logged."""
        with self._lock:
            if not self._is_closed:
                self._loop.call_soon_threadsafe(step)

    def dispatcher(self, *, held: bool = False) -> Dispatcher:
        """Make one, which ends with this runtime."""
        dispatcher = Dispatcher("guacr tube callback", held=held)
        with self._lock:
            self._dispatchers.add(dispatcher)
        return dispatcher

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_default_executor(waiting_threads())
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._end())
        finally:
            self._loop.close()

    async def _end(self) -> None:
        """Release what is left on the loop."""
        if hasattr(self, "tubes"):
            try:
                async with asyncio.timeout(SHUTDOWN_TIMEOUT):
                    await self.tubes.close()
            except TimeoutError:
                log.warning("not all tubes could be closed in time")
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_default_executor()

    def close(self) -> None:
        """Close all tubes, and end the threads."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2 * SHUTDOWN_TIMEOUT)
        for call in list(self._calls):
            call.refuse()
        dispatchers = list(self._dispatchers)
        for dispatcher in dispatchers:
            dispatcher.close()
        for dispatcher in dispatchers:
            dispatcher.join(SHUTDOWN_TIMEOUT)


class _Call(Generic[T]):
    """A coroutine on the loop, for whose result a thread waits."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self.result: Future[T] = Future()
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._carry_out())

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def refuse(self) -> None:
        if not self.result.done():
            self.result.set_exception(RuntimeError(_IS_OVER))

    async def _carry_out(self) -> None:
        try:
            result = await self._work()
        except asyncio.CancelledError:
            self.refuse()
            raise
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.result.set_exception(error)
        else:
            self.result.set_result(result)


_lock = threading.Lock()
_runtime: Runtime | None = None
_inherited: list[Runtime] = []
"""Of the processes that this was forked from. They are kept, because the end of their loop would
take sockets out of the parent's epoll."""


def runtime() -> Runtime:
    """Return the runtime of the process, which the first call starts."""
    global _runtime
    with _lock:
        if _runtime is None:
            _runtime = Runtime()
        return _runtime


def shutdown() -> None:
    """Close all tubes and end the threads; a later call of anything starts anew."""
    global _runtime
    with _lock:
        ending, _runtime = _runtime, None
    if ending is not None:
        ending.close()


def _forget() -> None:
    """After a fork: the thread is the parent's, and so are the tubes."""
    global _lock, _runtime
    _lock = threading.Lock()
    if _runtime is not None:
        _inherited.append(_runtime)
        _runtime = None


os.register_at_fork(after_in_child=_forget)
atexit.register(shutdown)


async def _make_tubes() -> Tubes:
    return Tubes()
