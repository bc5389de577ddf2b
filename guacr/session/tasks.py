"""Tasks that run beside a session's handler and end with the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping

from guacr.errors import forget_frames
from guacr.log import belonging_to


class Tasks:
    """A group of tasks; `failed` is called with the exception of each task that fails. `about` are
    the fields of what they log."""

    __slots__ = ("_about", "_cancelled", "_failed", "_name", "_tasks")

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

    def cancel(self) -> None:
        """Cancel all tasks except the calling one, and those that are started later."""
        self._cancelled = True
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    async def wait(self) -> None:
        """Wait until all tasks have ended; failures are not reported after that."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._failed = _nobody

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(error)
            forget_frames(error)


def _nobody(error: BaseException) -> None:
    """Ignore failures after the session has ended."""
