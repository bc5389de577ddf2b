"""Writes the lines of a log without waiting for whoever reads them.

A pipe that nobody reads, a terminal that Ctrl+S has stopped, and a system log that is busy have no
room for a line, and a write would hold up all sessions of the process.
"""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable
from threading import RLock, Thread

BACKLOG_BYTES = 1 << 20
"""Maximum bytes of lines that wait for their reader; what is beyond is left out."""
FLUSH_TIMEOUT = 1.0
"""Maximum seconds that the end of the process waits for the reader."""


class LineWriter:
    """Writes lines in their order. Those that find no room are kept, up to `BACKLOG_BYTES`, and a
    thread writes them. Those that cannot be written are lost; the next one that can be is preceded
    by their number. After a fork, the child starts without them.

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
            descriptor: where lines are written to; -1 if `write` does not wait.
            missing: the line that says how many have been left out or lost.
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
        self._lost = 0
        """Lines that could not be written. Only the one that writes changes it: the thread, or
        without it `put`."""
        self._thread: Thread | None = None

    def put(self, line: bytes) -> None:
        """Write a line, at once if there is room for it."""
        if self._process != os.getpid():
            self._begin()
        if self._lost and self._can_write():
            self._report_lost()
        if self._can_write():
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

    def _can_write(self) -> bool:
        is_behind = self._thread is not None or bool(self._backlog)
        return not is_behind and has_room(self._descriptor())

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
            if self._lost:
                self._report_lost()
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

    def _report_lost(self) -> None:
        if self._is_written(self._missing(self._lost)):
            self._lost = 0

    def _try(self, line: bytes) -> None:
        if self._lost or not self._is_written(line):  # the number of lost lines comes first
            self._lost += 1

    def _is_written(self, line: bytes) -> bool:
        try:
            self._write(line)
        except (OSError, ValueError):  # a full disk, or nobody reads: there is no place to say so
            return False
        return True


def has_room(descriptor: int) -> bool:
    """Return True if a write does not have to wait: a pipe has room for PIPE_BUF bytes (pipe(7)),
    and a regular file always has it."""
    if descriptor < 0:
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))
