"""Guards that fail a test if it leaves something behind or holds the event loop.

A test may not leave a task in its event loop, nor a thread, file, socket or child in the process;
anything that ends by itself has `SETTLE` seconds. Fixtures with a wider scope than a function own
what they create: it stays until they end, and no test is responsible for it.

The loop guard reports steps of an event loop that took longer than `HOLD_MAX` allows. Wall-clock
time says little while other processes use the processors, so a step is judged by the time that it
is responsible for: the time for which its thread computed, or the time for which no thread of this
process computed or waited for a processor, as in `time.sleep`. The kernel measures both. The
coroutine of the test, or of its fixture, may wait in the second way, for instance for a program
that it runs; and it may compute for `OWN_MAX` seconds.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
import traceback
from asyncio import events, runners
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

SETTLE = 5.0
"""Seconds within which resources that are being closed must be gone."""
HOLD_MAX = 0.25
"""Seconds for which one step may hold the event loop by computing."""
WAIT_FACTOR = 2
"""The same by waiting is this multiple: a busy system also waits for memory."""
ENDED_FACTOR = 20
"""The same if a thread has ended meanwhile, as one that is joined does: the kernel no longer tells
for how long it has waited for a processor."""
POLL = 0.005
NOTED_EVERY = 0.02
"""Seconds between two readings of the times that are expensive to read."""
OWN_MAX = 1.0
"""The same for the coroutine of a test or its fixture, which may compare large data."""
SHARED_THREADS = (
    "computing",
    "storing",
    "opening",
    "files",
    "waiting",
    "encoder",
    "asyncio_",
    "Dummy-",
)
"""Prefixes of the names of threads that the process keeps, or that end with an event loop or a
daemon, whichever test started them; threads that end are dummies for a moment."""
SHARED_FILES = ("/dev/null", "/dev/urandom", "/usr/share/fonts/", "anon_inode:[eventpoll-none]")
"""Prefixes of the names of files that the process keeps open."""
READ_MAX = 4096
"""Bytes of a file of the kernel that are read: the numbers of hundreds of children."""

File = tuple[int, int, int]
"""The number, device and inode of an open file or socket."""

_HANDLE: Any = events.Handle
_RUNNER: Any = runners.Runner
_RUNNERS: Any = runners


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of the process at one time."""

    threads: frozenset[str] = frozenset()
    files: frozenset[File] = frozenset()
    children: frozenset[str] = frozenset()

    @classmethod
    def now(cls) -> Self:
        """Return the current resources of this process."""
        return cls(frozenset(_threads()), frozenset(_files()), frozenset(_children()))

    def __sub__(self, other: Resources) -> Resources:
        return Resources(
            self.threads - other.threads,
            frozenset(file for file in self.files - other.files if not _is_shared(file)),
            self.children - other.children,
        )

    def __or__(self, other: Resources) -> Resources:
        return Resources(
            self.threads | other.threads,
            self.files | other.files,
            self.children | other.children,
        )

    def __bool__(self) -> bool:
        return bool(self.threads or self.files or self.children)

    def __str__(self) -> str:
        files = [f"{file[0]} ({_target(file)})" for file in self.files]
        children = [f"{pid} ({_command(pid)})" for pid in self.children]
        threads = [f"{name} {_line(name)}" for name in self.threads]
        kinds = {"thread": threads, "file": files, "child": children}
        return "; ".join(f"{kind} {name}" for kind, names in kinds.items() for name in names)


def _threads() -> Iterator[str]:
    for thread in threading.enumerate():
        if not thread.name.startswith(SHARED_THREADS):
            yield f"{thread.name} ({thread.ident})"


def _line(name: str) -> str:
    """Return the lines that a thread is executing, the innermost last."""
    for thread in threading.enumerate():
        if thread.ident is not None and name == f"{thread.name} ({thread.ident})":
            stack = traceback.extract_stack(sys._current_frames().get(thread.ident))
            return "at " + ", ".join(f"{frame.filename}:{frame.lineno}" for frame in stack[-6:])
    return "ended"


def _files() -> Iterator[File]:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - twice as quick
        with suppress(OSError):  # the directory's own
            number = int(name)
            status = os.fstat(number)
            yield number, status.st_dev, status.st_ino


def _is_shared(file: File) -> bool:
    return _target(file).startswith(SHARED_FILES)


def _target(file: File) -> str:
    """Return the path of an open file, or the kind and the unique number of a socket."""
    try:
        return os.readlink(f"/proc/self/fd/{file[0]}")  # noqa: PTH115 - several times as quick
    except OSError:
        return "closed"


def _children() -> Iterator[str]:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return  # the quick answer of almost every test
    for _, text in _of_each_thread("children"):
        yield from text.decode().split()


def _of_each_thread(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the numbers of threads and the kernel's file `name` of each, several times as quickly
    as `Path` does."""
    for task in os.listdir("/proc/self/task"):  # noqa: PTH208 - the same
        with suppress(OSError):  # the thread has ended
            number = os.open(f"/proc/self/task/{task}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                yield task, os.read(number, READ_MAX)
            finally:
                os.close(number)


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "ended"


@dataclass(slots=True)
class LeakGuard:
    """Finds the resources that one test leaves behind.

    `owned` contains what fixtures of a wider scope have created, in this test or earlier.
    """

    owned: Resources = field(default_factory=Resources)
    _before: Resources = field(default_factory=Resources)

    @contextmanager
    def making(self) -> Iterator[None]:
        """Assign what the block creates to a fixture of a wider scope."""
        before = Resources.now()
        try:
            yield
        finally:
            self.owned |= Resources.now() - before

    def start(self) -> None:
        """Record the resources before a test."""
        self._before = Resources.now()

    def left(self) -> Resources:
        """Return what the test has left behind. Garbage is collected first, so that its warnings
        (such as ResourceWarning) are reported for this test."""
        if not (found := self._found()):
            return found
        gc.collect()
        deadline = time.monotonic() + SETTLE
        while (found := self._found()) and time.monotonic() < deadline:
            time.sleep(POLL)
        return found

    def _found(self) -> Resources:
        return Resources.now() - self._before - self.owned


@dataclass(slots=True)
class TaskGuard:
    """Finds tasks that are unfinished when a runner closes their event loop."""

    left: list[str] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch all runners in the block."""
        cancel_all: Callable[[asyncio.AbstractEventLoop], None]
        cancel_all = _RUNNERS._cancel_all_tasks

        def look(loop: asyncio.AbstractEventLoop) -> None:
            if threading.get_ident() == threading.main_thread().ident:
                self.left += _unfinished(loop)
            cancel_all(loop)

        _RUNNERS._cancel_all_tasks = look
        try:
            yield
        finally:
            _RUNNERS._cancel_all_tasks = cancel_all

    def take(self) -> list[str]:
        """Return the tasks found since the last call."""
        found, self.left = self.left, []
        return found


def _unfinished(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Return descriptions of the tasks that are still unfinished after `SETTLE` seconds."""

    async def settle() -> None:
        deadline = loop.time() + SETTLE
        while len(asyncio.all_tasks()) > 1 and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL)

    if asyncio.all_tasks(loop):
        loop.run_until_complete(settle())
    return [repr(task) for task in asyncio.all_tasks(loop)]


@dataclass(slots=True)
class _Times:
    """The times by which a step is judged, in seconds; each has its own zero."""

    clock: float
    thread: float
    """The time for which this thread computed."""
    process: float
    """The time for which all threads of this process, also ended ones, computed."""
    queued: Mapping[str, float]
    """The time for which each thread of this process waited for a processor."""

    @classmethod
    def now(cls) -> Self:
        return cls(time.monotonic(), time.thread_time(), time.process_time(), _queued())

    def worked_since(self, earlier: _Times) -> float:
        """Return for how long threads computed or waited for a processor."""
        waited = sum(each - earlier.queued.get(name, 0.0) for name, each in self.queued.items())
        return self.process - earlier.process + waited


def _queued() -> dict[str, float]:
    """Return the seconds for which threads of this process have waited for a processor."""
    each = _of_each_thread("schedstat")
    return {name: int(text.split()[1]) * 1e-9 for name, text in each}


class LoopGuard:
    """Finds steps that hold an event loop of the main thread: callbacks, and tasks between two
    awaits. Only asyncio's own event loops are watched, not others such as uvloop's."""

    def __init__(self, hold_max: float = HOLD_MAX) -> None:
        self._hold_max = hold_max
        self._collected = 0.0
        """Seconds of this thread's time that the garbage collector used."""
        self._main: object = None
        """The coroutine that was last passed to a runner."""
        self.held: list[str] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch all event loops in the block."""
        run, run_main = _HANDLE._run, _RUNNER.run
        main, monotonic = threading.get_ident(), time.monotonic
        noted = _Times.now()

        def measured(handle: Any) -> None:
            nonlocal noted
            if threading.get_ident() != main:
                run(handle)
                return
            begun = monotonic()
            if begun - noted.clock > NOTED_EVERY:
                noted, self._collected = _Times.now(), 0.0
                begun = monotonic()
            callback = handle._callback
            run(handle)
            if monotonic() - begun > self._hold_max:
                self._judge(callback, begun, noted)
                noted, self._collected = _Times.now(), 0.0

        def noting(runner: asyncio.Runner, coroutine: Any, **options: Any) -> Any:
            self._main = coroutine
            return run_main(runner, coroutine, **options)

        _RUNNER.run = noting
        _HANDLE._run = measured
        gc.callbacks.append(self._note_collection)
        try:
            yield
        finally:
            gc.callbacks.remove(self._note_collection)
            _HANDLE._run = run
            _RUNNER.run = run_main
            self._main = None

    def take(self) -> list[str]:
        """Return the steps found since the last call."""
        found, self.held = self.held, []
        return found

    def _judge(self, callback: object, begun: float, noted: _Times) -> None:
        now = _Times.now()
        computed = now.thread - noted.thread - self._collected
        waited = now.clock - begun - now.worked_since(noted)
        task = getattr(callback, "__self__", None)
        if isinstance(task, asyncio.Task):
            callback = task
            if task.get_coro() is self._main:
                if computed < OWN_MAX:
                    return
                waited = 0.0
        factor = WAIT_FACTOR if noted.queued.keys() <= now.queued.keys() else ENDED_FACTOR
        if max(computed, waited / factor) > self._hold_max:
            self.held.append(f"computed {computed:.2f} s, waited {waited:.2f} s: {callback!r}")

    def _note_collection(self, phase: str, info: dict[str, int]) -> None:
        """Measure the collector's time, which depends on what other tests have left in memory and
        is not part of a step."""
        if threading.get_ident() == threading.main_thread().ident:
            self._collected += time.thread_time() * (-1 if phase == "start" else 1)
