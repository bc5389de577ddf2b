"""Writes the lines of a log without waiting for whoever reads them.

A pipe that nobody reads, a terminal that Ctrl+S has stopped, and a system log that is busy have no
room for a line, and a write would hold up all sessions of the process.
"""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import RLock, Thread

BACKLOG_BYTES = 1 << 20
"""Maximum bytes of lines that wait for their reader; what is beyond is left out."""
FLUSH_TIMEOUT = 1.0
"""Maximum seconds that the end of the process waits for the reader."""


class LineWriter:
    """Writes lines in their order. Those that find no room are kept, up to `BACKLOG_BYTES`, and a
    thread writes them. After a fork, the child starts without them.

    Calls of `put` must not overlap, which `logging.Handler.handle` sees to.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        descriptor: Callable[[], int],
        missing: Callable[[int], bytes],
    ) -> None:
        """Create a writer.

        Args:
            write: writes a line, and may wait; an OSError or ValueError loses the line.
            descriptor: where lines are written to; -1 if there is always room.
            missing: the line that says how many have been left out.
        """
        self._write = write
        self._descriptor = descriptor
        self._missing = missing
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = RLock()  # a destructor may log while it is held
        self._backlog: deque[bytes] = deque()
        self._bytes = self._left_out = 0
        self._thread: Thread | None = None

    def put(self, line: bytes) -> None:
        """Write a line, at once if there is room for it."""
        if self._process != os.getpid():
            self._begin()
        if not self._is_behind() and _has_room(self._descriptor()):
            self._try(line)
            return
        with self._lock:
            self._keep(line)
            if self._thread is None:
                self._thread = Thread(target=self._drain, name="log", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # no more threads: the next line tries again
                    self._thread = None

    def _is_behind(self) -> bool:
        return self._thread is not None or bool(self._backlog)

    def _keep(self, line: bytes) -> None:
        if self._bytes + len(line) > BACKLOG_BYTES:
            self._left_out += 1
            return
        if self._left_out:
            self._append(self._missing(self._left_out))
            self._left_out = 0
        self._append(line)

    def _append(self, line: bytes) -> None:
        self._backlog.append(line)
        self._bytes += len(line)

    def flush(self) -> None:
        """Wait for the reader, at most `FLUSH_TIMEOUT`."""
        thread = self._thread
        if thread is not None and self._process == os.getpid():
            thread.join(FLUSH_TIMEOUT)

    def _drain(self) -> None:
        while (line := self._next()) is not None:
            self._try(line)

    def _next(self) -> bytes | None:
        """Take the next line; without one, the thread ends."""
        with self._lock:
            if not self._backlog and self._left_out:
                self._append(self._missing(self._left_out))
                self._left_out = 0
            if not self._backlog:
                self._thread = None
                return None
            line = self._backlog.popleft()
            self._bytes -= len(line)
            return line

    def _try(self, line: bytes) -> None:
        with suppress(OSError, ValueError):  # nobody reads, and there is no other place to say so
            self._write(line)


def _has_room(descriptor: int) -> bool:
    """Return True if a write does not have to wait: a pipe has room for PIPE_BUF bytes (pipe(7)),
    and a regular file always has it."""
    if descriptor < 0:
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))
