"""The control of a daemon with several workers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from typing_extensions import override

from guacr import __version__, refusals
from guacr.control.control import DRAINING, STARTING, STOPPING, Control, cannot_reload
from guacr.control.events import DROPPED
from guacr.control.info import DaemonStatus, Reloaded, SessionInfo, State, WorkerInfo
from guacr.errors import BusyError, GuacrError, NotFoundError, UpstreamUnavailableError
from guacr.metrics.resources import used
from guacr.metrics.snapshots import Processes, Snapshot
from guacr.net.connection_limits import ConnectionLimits
from guacr.session.events import Act
from guacr.session.ids import UNKNOWN, worker_of
from guacr.workers.remote import RemoteWorker

NO_WORKER = "no worker process is ready"
EVENTS_MAX = 4096
"""Events that may wait for one reader; the oldest ones are dropped then."""
ANSWER_TIMEOUT = 2.0
"""Seconds to wait for a worker, which may hang."""
TOLD_MAX = 16
FRONT = "front"
"""The name of the front among the processes."""

Workers = Mapping[int, RemoteWorker]


class WorkersControl(Control):
    """Asks the workers, those of old generations as well.

    Args:
        workers: those that run, by their numbers.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.is_draining = False
        self.on_reload: Callable[[], Awaitable[Reloaded]] = cannot_reload
        """Does what `reload` promises; set by whoever has read the settings."""
        self.activity: Callable[[], str] = str
        """Returns the sentence that says what a reload is doing; empty if there is none."""
        self.limits: dict[str, ConnectionLimits] = {}
        """Those of the ports, by the names of the ports in the metrics."""
        self.checks: list[Callable[[], str]] = [self._unserved]
        """Each returns a sentence that says why the daemon is not ready, or an empty text."""
        self._told: deque[str] = deque(maxlen=TOLD_MAX)
        """The reasons that workers have been told; they repeat them a moment longer."""
        self._said: dict[int, WorkerInfo] = {}
        """The last description that each worker has given of itself, by its number."""
        self._processes = Processes()
        self._counting = asyncio.Lock()
        self._readers: set[_Reader] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    # ---- sessions

    @override
    async def sessions(self) -> list[SessionInfo]:
        lists = await self._of_all("sessions")
        found = [SessionInfo.of(values) for each in lists.values() for values in each]
        return sorted(found, key=lambda info: info.since)

    @override
    async def session(self, connection_id: str) -> SessionInfo:
        worker = self._worker_of(connection_id)
        return SessionInfo.of(await worker.channel.request("session", connection_id))

    @override
    async def end(self, connection_id: str, error: GuacrError) -> None:
        values = {"id": connection_id, "status": error.status, "error": str(error)}
        await self._worker_of(connection_id).channel.request("end", values)

    @override
    async def note(self, act: Act) -> None:
        worker = next(iter(self._current()), None)
        if worker is None:
            raise UpstreamUnavailableError(NO_WORKER)
        await worker.channel.request("note", {"kind": type(act).__name__, "fields": asdict(act)})

    def _worker_of(self, connection_id: str) -> RemoteWorker:
        worker = self._workers.get(worker_of(connection_id))
        if worker is None:
            raise NotFoundError(UNKNOWN)
        return worker

    # ---- the daemon

    @override
    async def status(self) -> DaemonStatus:
        found = {
            number: DaemonStatus.of(values)
            for number, values in (await self._of_all("status")).items()
        }
        present = sorted(self._workers.items())
        workers = [self._info(worker, found.get(number)) for number, worker in present]
        return DaemonStatus(
            version=__version__,
            state=self._state,
            not_ready=tuple(self._reasons(found)),
            workers=tuple(workers),
            activity=self.activity(),
        )

    @property
    def _state(self) -> State:
        if self.is_starting:
            return "starting"
        return "draining" if self.is_draining else "ready"

    def _info(self, worker: RemoteWorker, status: DaemonStatus | None) -> WorkerInfo:
        """Return what a worker says of itself; without a status, because it does not answer in
        time, what is known: its sessions go on."""
        if status is None:
            info = _known(worker, self._said.get(worker.number))
        else:
            (info,) = status.workers
            self._said[worker.number] = info
        is_old = worker.state == "draining"
        return replace(info, name=str(worker.number), state="draining" if is_old else info.state)

    def _reasons(self, found: Mapping[int, DaemonStatus]) -> Iterable[str]:
        """Yield why nobody should be sent here: the reasons of the front, and, if no worker that
        accepts clients is ready, those of the workers."""
        own = [reason for check in self.checks if (reason := check())]
        current = [found[one.number] for one in self._current() if one.number in found]
        theirs = [set(status.not_ready).difference(self._told) for status in current]
        if all(theirs):
            own += [reason for reasons in theirs for reason in sorted(reasons)]
        return dict.fromkeys(own)

    def reasons(self) -> str:
        """Return why the front is not ready, for the probes that workers answer."""
        found = "; ".join(reason for check in self.checks if (reason := check()))
        if found and found not in self._told:
            self._told.append(found)
        return found

    def _unserved(self) -> str:
        if self.is_starting:
            return STARTING
        if self.is_draining:
            return DRAINING
        return "" if self._current() else NO_WORKER

    @override
    async def drain(self) -> None:
        self.is_draining = True
        await self._of_all("drain")

    @override
    async def resume(self) -> None:
        if self.is_stopping:
            raise BusyError(STOPPING)
        self.is_draining = False
        await self._of_all("resume")

    @override
    async def announce(self, text: str, seconds: float) -> None:
        await self._of_all("announce", {"text": text, "seconds": seconds})

    @override
    async def reload(self) -> Reloaded:
        return await self.on_reload()

    # ---- metrics

    @override
    async def samples(self) -> list[dict[str, Any]]:
        await self._count()
        self._processes.put(FRONT, await self.own_sample())
        return [self._processes.merged]

    def keep_counts(self) -> None:
        """Ask the workers for what they have counted, in case one is killed."""
        self._start(self._count())

    async def _count(self) -> None:
        async with self._counting:  # answers stay in order
            await asyncio.gather(*(self._count_of(one) for one in list(self._workers.values())))

    async def _count_of(self, worker: RemoteWorker) -> None:
        for (sample,) in await _ask(worker, "samples", None):
            if self._workers.get(worker.number) is worker:  # otherwise it has ended meanwhile
                self._processes.put(str(worker.number), sample)

    async def own_sample(self) -> Snapshot:
        """Return the metrics of the front."""
        limits = self.limits.items()
        snapshot: Snapshot = {
            "guacr_processes": [([], [1])],
            "guacr_connections": [([port], [one.count]) for port, one in limits],
            "guacr_connections_accepted_total": [([port], [one.entered]) for port, one in limits],
            "guacr_refusals_total": [([why], [count]) for why, count in refusals.counts.items()],
        }
        values = await asyncio.to_thread(used)
        return snapshot | {name: [([], [value])] for name, value in values.items()}

    # ---- events

    @override
    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        reader = _Reader()
        self._readers.add(reader)
        try:
            if len(self._readers) == 1:
                await self._of_all("watch", argument=True)
            yield reader.read()
        finally:
            self._readers.discard(reader)
            if not self._readers:
                self._start(self._unwatch())

    async def _unwatch(self) -> None:
        """Have the workers send no more events, unless somebody reads them again by now."""
        if not self._readers:
            await self._of_all("watch", argument=False)

    # ---- for the front

    def began(self, worker: RemoteWorker) -> None:
        """Tell a new worker what the others have been told, before it is given clients."""
        if self.is_draining:
            worker.channel.tell("drain")
        if self._readers:
            worker.channel.tell("watch", argument=True)

    def ended(self, worker: RemoteWorker) -> None:
        """Keep what a worker has counted."""
        self._said.pop(worker.number, None)
        if worker.last_sample is not None:
            self._processes.put(str(worker.number), worker.last_sample)
        self._processes.ended(str(worker.number))

    def event(self, event: dict[str, Any]) -> None:
        """Pass on an event of a worker."""
        for reader in self._readers:
            reader.put(event)

    # ---- internals

    def _current(self) -> list[RemoteWorker]:
        return [worker for worker in self._workers.values() if worker.is_available]

    async def _of_all(self, name: str, argument: Any = None) -> dict[int, Any]:
        """Return the answers of all workers that answer, by their numbers."""
        workers = list(self._workers.values())
        answers = await asyncio.gather(*(_ask(worker, name, argument) for worker in workers))
        found = zip(workers, answers, strict=True)
        return {worker.number: answer[0] for worker, answer in found if answer}

    def _start(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _ask(worker: RemoteWorker, name: str, argument: Any) -> list[Any]:
    """Return the answer of a worker in a list, which is empty if it does not answer."""
    with suppress(UpstreamUnavailableError):
        return [await worker.channel.request(name, argument, timeout=ANSWER_TIMEOUT)]
    return []


def _known(worker: RemoteWorker, said: WorkerInfo | None) -> WorkerInfo:
    """Return what is known of a worker that does not answer."""
    info = said or WorkerInfo(
        name="",
        pid=worker.pid,
        state="ready",
        since=time.time() - (time.monotonic() - worker.since),
        sessions=0,
        users=0,
        loop_lag=0.0,
        memory=0,
    )
    lag = max(info.loop_lag, ANSWER_TIMEOUT)
    return replace(info, sessions=worker.sessions, loop_lag=lag)


class _Reader:
    """A reader of events; those that it does not read in time are dropped and counted."""

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()
        self._dropped = 0

    def put(self, event: dict[str, Any]) -> None:
        """Have an event read."""
        if len(self._events) >= EVENTS_MAX:
            self._events.popleft()
            self._dropped += 1
        self._events.append(event)
        self._news.set()

    async def read(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the events."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._events:
                event = self._events.popleft()
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    yield {"time": event["time"], "event": DROPPED, "count": dropped}
                yield event
