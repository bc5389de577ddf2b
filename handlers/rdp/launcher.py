"""Starts worker processes, by way of a zygote for each engine, which this process starts when it
needs the first."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from guacr.api import BusyError, UnsupportedError
from handlers.rdp.worker.engines import AARDWOLF, AUTO, FREERDP
from handlers.rdp.worker.zygote import ANSWER, REASON_MAX

SYSTEM = "Linux"
"""The only system that has what workers need: sealed memory, descriptors of processes, Landlock."""
START_TIMEOUT = 20.0
"""Seconds within which the zygote must load its engine."""
FORK_TIMEOUT = 5.0
"""Seconds within which it must fork a worker."""
END_TIMEOUT = 2.0
_ROOT = Path(__file__).parents[2]
"""The directory of the package `handlers`."""


@dataclass(frozen=True, slots=True)
class Process:
    """A worker process, and a descriptor that means it even after it has ended."""

    pid: int
    descriptor: int

    def kill(self) -> None:
        """End it, if it has not ended, and forget it."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The engine that a zygote has loaded."""

    name: str
    version: str


class Zygote:
    """The process that forks workers. Its methods block: call them on a thread.

    Args:
        engine: a value of the setting `rdp.engine`.

    Raises:
        UnsupportedError: the engine cannot be used here.
    """

    def __init__(self, engine: str) -> None:
        if platform.system() != SYSTEM:
            raise UnsupportedError(
                f"RDP needs {SYSTEM}: other systems lack the means by which its processes are "
                "confined and share memory"
            )
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- its arguments are constants
                [
                    *(sys.executable, "-P", "-S", "-m", "handlers.rdp.worker"),
                    *(str(theirs.fileno()), engine),
                ],
                pass_fds=[theirs.fileno()],
                env={
                    "PYTHONPATH": os.pathsep.join([str(_ROOT), *_libraries()]),
                    "OPENBLAS_NUM_THREADS": "1",  # of NumPy: the zygote must have no threads
                },
                stdin=subprocess.DEVNULL,
            )
        try:
            self.loaded = Loaded(*self._answer(START_TIMEOUT)[1].split(" ", 1))
        except BaseException:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """True if it can fork workers."""
        return self._process.poll() is None

    def fork(self, channel: int, memory: int, sock: int) -> Process:
        """Fork a worker, which gets the three descriptors.

        Raises:
            BusyError: the system does not allow another process.
            OSError: the zygote has ended.
        """
        socket.send_fds(self._control, [b"\0"], [channel, memory, sock])
        try:
            pid, _, descriptors = self._answer(FORK_TIMEOUT)
        except UnsupportedError as error:
            raise BusyError(f"no process for RDP can be started: {error}") from None
        if not descriptors:
            raise OSError("this process has too many open files")
        return Process(pid, descriptors[0])

    def close(self) -> None:
        """End it; workers go on."""
        self._control.close()
        try:
            self._process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self, timeout: float) -> tuple[int, str, list[int]]:
        self._control.settimeout(timeout)
        data, descriptors, _, _ = socket.recv_fds(self._control, ANSWER.size + REASON_MAX, 1)
        if len(data) < ANSWER.size:
            raise OSError("the process that starts RDP workers has ended")
        (pid,) = ANSWER.unpack_from(data)
        text = data[ANSWER.size :].decode(errors="replace")
        if not pid:
            raise UnsupportedError(text)
        return pid, text, descriptors


class Launcher:
    """The zygote of an engine, started on demand and again if it has ended.

    Args:
        engine: a value of the setting `rdp.engine`.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None

    def start(self) -> Loaded:
        """Start the zygote, and return its engine; blocks.

        Raises:
            UnsupportedError: the engine cannot be used here.
            BusyError: there can be no other process now.
        """
        with self._lock:
            try:
                return self._started().loaded
            except OSError as error:
                raise BusyError(f"no process for RDP can be started: {error}") from None

    def close(self) -> None:
        """End the zygote; blocks."""
        with self._lock:
            zygote, self._zygote = self._zygote, None
            if zygote is not None:
                zygote.close()

    def fork(self, channel: int, memory: int, sock: int) -> Process:
        """Fork a worker; blocks.

        Raises:
            UnsupportedError: the engine cannot be used here.
            BusyError: there can be no other process now.
        """
        with self._lock:
            try:
                return self._started().fork(channel, memory, sock)
            except OSError:
                zygote, self._zygote = self._zygote, None
                if zygote is not None:
                    zygote.close()
                try:
                    return self._started().fork(channel, memory, sock)
                except OSError as error:
                    raise BusyError(f"no process for RDP can be started: {error}") from None

    def _started(self) -> Zygote:
        if self._zygote is not None and not self._zygote.is_alive:
            self._zygote.close()
            self._zygote = None
        if self._zygote is None:
            self._zygote = Zygote(self._engine)
        return self._zygote


def _libraries() -> list[str]:
    """Return the directories in which this process finds its libraries."""
    return [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]


launchers = {engine: Launcher(engine) for engine in (AUTO, FREERDP, AARDWOLF)}
"""Those of this process."""
launcher = launchers[AUTO]
"""That of the default engine."""
