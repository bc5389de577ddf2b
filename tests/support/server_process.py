"""The process of a server: started until it is ready, killed, and started again."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.waiting import POLL

START_TIMEOUT = 60.0

Program = Sequence[str | Path]


class ServerProcess:
    """One server.

    Args:
        command: the program, with its arguments; it stays in the foreground.
        ready: a program that succeeds once the server takes connections.
        user: who it runs as, if that is somebody else.
    """

    def __init__(self, command: Program, ready: Program, user: str | None = None) -> None:
        self._command = command
        self._ready = ready
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Until it takes connections. PostgreSQL refuses while processes of one that was killed
        are still there, so that it may take more than one attempt."""
        deadline = time.monotonic() + START_TIMEOUT
        while not self._is_ready():
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(POLL)

    def _is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._command,
                user=self._user,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return subprocess.run(self._ready, capture_output=True, check=False).returncode == 0

    def kill(self) -> None:
        """At once: it says goodbye to nobody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program, which may take a moment to do so properly."""
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def children(pid: int) -> list[int]:
    """Return the processes that a program with one thread has started and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
