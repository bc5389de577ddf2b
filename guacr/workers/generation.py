"""A generation of workers: those that were started with the same settings and the same code."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from guacr.errors import SettingsError
from guacr.workers.boot import Boot
from guacr.workers.channel import socket_pair
from guacr.workers.remote import Observer, RemoteWorker
from guacr.workers.wire import Message
from guacr.workers.zygote_process import ZygoteProcess

START_TIMEOUT = 60.0
"""Seconds in which a worker must be ready. It is killed after them."""
EARLY = 10.0
"""Seconds of a worker's life within which its end counts as a failure to start."""
PAUSE, PAUSE_MAX = 0.1, 30.0
"""Seconds until a worker is started again after the first failure and after many; each failure
doubles them."""

log = logging.getLogger("guacr.workers")


class Generation(Observer):
    """Workers, and the zygote that forks them. A worker that ends is replaced. One that is not
    ready in time is killed, and so is a zygote that has not forked it.

    Args:
        boot: what they are started with.
        number: that of the generation.
        numbers: returns the number of a new worker.
        observer: is told what happens to the workers.
    """

    def __init__(
        self,
        boot: Boot,
        numbers: Callable[[], int],
        observer: Observer,
        *,
        number: int = 1,
    ) -> None:
        self.boot = boot
        self.number = number
        self.workers: dict[int, RemoteWorker] = {}
        self._numbers = numbers
        self._observer = observer
        self._zygote: ZygoteProcess | None = None
        self._is_started = self._is_ending = False
        self._changed = asyncio.Event()
        self._failures = 0
        self._reason = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadlines: dict[int, asyncio.TimerHandle] = {}
        """Of the workers that are not ready yet, by their numbers."""
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start all workers, and wait until they are ready.

        Raises:
            SettingsError: they cannot be started with these settings; none is left.
        """
        try:
            for _ in range(self.boot.workers):
                await self._spawn()
            while not self._are_ready():
                if len(self.workers) < self.boot.workers:
                    raise SettingsError(await self._failure())
                self._changed.clear()
                await self._changed.wait()
        except BaseException:
            self.kill()
            raise
        self._is_started = True

    @property
    def progress(self) -> str:
        """The sentence that says how far the start is; empty once all workers are ready."""
        if self._is_started or self._is_ending:
            return ""
        count, ready = self.boot.workers, sum(one.state == "ready" for one in self.workers.values())
        noun = "worker" if count == 1 else "workers"
        begin = f"starting {count} {noun} of generation {self.number}"
        return f"{begin} ({ready} ready)" if ready else begin

    def _are_ready(self) -> bool:
        ready = sum(worker.state == "ready" for worker in self.workers.values())
        return ready == self.boot.workers

    async def _failure(self) -> str:
        """Return the reason why a worker has ended while it started."""
        death = ""
        if not self._reason and self._zygote is not None:
            death = await self._zygote.death()
        return self._reason or death or "a worker ended while it started: see the log"

    async def _spawn(self) -> None:
        async with self._starting:
            if self._zygote is None or not self._zygote.is_alive:
                await self._start_zygote()
        zygote = self._zygote
        assert zygote is not None  # noqa: S101 - it has just been started
        number = self._numbers()
        ours, theirs = socket_pair()
        worker = self.workers[number] = RemoteWorker(number, ours, self)
        is_first = not self._is_started and len(self.workers) == 1
        zygote.fork(number, theirs, is_first=is_first)
        loop = asyncio.get_running_loop()
        self._deadlines[number] = loop.call_later(START_TIMEOUT, self._late, worker, zygote)

    def _late(self, worker: RemoteWorker, zygote: ZygoteProcess) -> None:
        """Kill a worker that is not ready in time; if it has not even been forked, the zygote."""
        if not worker.pid and zygote.is_alive:
            log.error("the zygote of the workers hangs: it is killed")
            zygote.kill()
        worker.reason = (
            f"a worker was not ready within {START_TIMEOUT:g} s: "
            "it hangs, or the system is overloaded"
        )
        worker.kill()

    async def _start_zygote(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None
        try:
            zygote = ZygoteProcess(self.boot, self._forked)
        except OSError as error:
            program = f"{error.filename}: " if error.filename else ""
            raise SettingsError(
                f"the workers cannot be started: {program}{error.strerror}"
            ) from error
        try:
            await zygote.started()
        except BaseException:
            zygote.close()
            raise
        self._zygote = zygote

    # ---- the end

    def drain(self) -> None:
        """Have each worker end after its last session; none is replaced."""
        self._end()
        for worker in list(self.workers.values()):
            worker.drain()

    def stop(self) -> None:
        """Have the workers end their sessions, and themselves."""
        self._end()
        for worker in list(self.workers.values()):
            worker.stop()

    def kill(self) -> None:
        """End everything at once."""
        self._end()
        for worker in list(self.workers.values()):
            worker.kill()
        self.close()

    def close(self) -> None:
        """End the zygote; called after the last worker."""
        self._end()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def _end(self) -> None:
        self._is_ending = True
        for task in self._tasks:
            task.cancel()

    # ---- events

    def _forked(self, number: int, pid: int, process: int | None) -> None:
        worker = self.workers.get(number)
        if worker is not None:
            worker.forked(pid, process)
        elif process is not None:
            os.close(process)

    @override
    def became_ready(self, worker: RemoteWorker) -> None:
        self._settled(worker)
        self._observer.became_ready(worker)

    @override
    def gone(self, worker: RemoteWorker) -> None:
        del self.workers[worker.number]
        self._reason = worker.reason
        self._settled(worker)
        self._observer.gone(worker)
        if self._is_started and not self._is_ending:
            self._replace(worker)
        elif worker.state == "draining":
            _report_death(worker)

    def _settled(self, worker: RemoteWorker) -> None:
        deadline = self._deadlines.pop(worker.number, None)
        if deadline is not None:
            deadline.cancel()
        self._changed.set()

    @override
    def move(self, worker: RemoteWorker, message: Message) -> None:
        self._observer.move(worker, message)

    @override
    def event(self, event: dict[str, Any]) -> None:
        self._observer.event(event)

    def _replace(self, worker: RemoteWorker) -> None:
        has_failed = bool(worker.reason) or time.monotonic() - worker.since < EARLY
        self._failures = self._failures + 1 if has_failed else 0
        pause = min(PAUSE_MAX, PAUSE * 2 ** (self._failures - 1)) if self._failures else 0.0
        if worker.reason:
            log.error("%s cannot start: %s", worker, worker.reason)
        elif worker.state == "stopping":
            log.warning("%s has ended: another one is started", worker)
        else:
            _report_death(worker)
        task = asyncio.get_running_loop().create_task(self._start_another(pause), name="worker")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_another(self, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            try:
                await self._spawn()
                return
            except (SettingsError, OSError) as error:
                log.warning("no worker can be started: %s", error)
                pause = min(PAUSE_MAX, max(PAUSE, pause * 2))


def _report_death(worker: RemoteWorker) -> None:
    log.error("%s has died: sessions that are lost: %d", worker, worker.sessions)
