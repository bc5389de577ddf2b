"""Tasks that run beside a session's handler and end with the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial

from guacr.errors import forget_frames
from guacr.log import belonging_to

FINISH_MAX = 3.0
"""Seconds in which a task that is let finish must end by itself."""
CLEAN_UP_MAX = 4.0
"""Seconds after which the other tasks are cancelled in any case."""


class Tasks:
    """A group of tasks; `failed` is called with the exception of each task that fails. `about` are
    the fields of what they log."""

    __slots__ = (
        "_about",
        "_cancelled",
        "_failed",
        "_finishing",
        "_last_moment",
        "_name",
        "_on_finished",
        "_tasks",
    )

    def __init__(
        self,
        name: str,
        failed: Callable[[BaseException], None],
        about: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._failed = failed
        self._about = about or {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._finishing: set[asyncio.Task[None]] = set()
        self._on_finished: Callable[[], None] | None = None
        self._last_moment: asyncio.TimerHandle | None = None
        self._cancelled = False

    def start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine, which must end when it is cancelled; after `cancel`, it is not even
        started."""
        task = asyncio.get_running_loop().create_task(
            work, name=f"{name} in {self._name}", context=belonging_to(self._about)
        )
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        if self._cancelled:
            task.cancel()
        return task

    def let_finish(self, task: asyncio.Task[None]) -> None:
        """Let a task end, for `FINISH_MAX` seconds, before `cancel` cancels the others, which it
        may need. It may have been cancelled, and be cleaning up."""
        if task.done() or task in self._finishing:
            return
        self._finishing.add(task)
        timer = asyncio.get_running_loop().call_later(FINISH_MAX, task.cancel)
        task.add_done_callback(lambda _: timer.cancel())
        task.add_done_callback(self._finished)

    def cancel(self, then: Callable[[], object] | None = None) -> None:
        """Cancel all tasks except the calling one, and those that are started later, and call
        `then`: as soon as those have ended that are let finish."""
        self._cancelled = True
        cancel_others = partial(self._cancel_others, asyncio.current_task(), then)
        if self._finishing:
            loop = asyncio.get_running_loop()
            self._last_moment = loop.call_later(CLEAN_UP_MAX, cancel_others)
            self._on_finished = cancel_others
        else:
            cancel_others()

    def _cancel_others(
        self, caller: asyncio.Task[object] | None, then: Callable[[], object] | None
    ) -> None:
        self._on_finished = None
        if self._last_moment is not None:
            self._last_moment.cancel()
        for task in self._tasks:
            if task is not caller:
                task.cancel()
        if then is not None:
            then()

    async def wait(self) -> None:
        """Wait until all tasks have ended; failures are not reported after that."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._failed = _nobody

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._finishing.discard(task)
        if not self._finishing and self._on_finished is not None:
            self._on_finished()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(error)
            forget_frames(error)


def _nobody(error: BaseException) -> None:
    """Ignore failures after the session has ended."""
