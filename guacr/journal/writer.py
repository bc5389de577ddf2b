"""The writer of the journal: one thread that appends records to files and makes them durable.

All records that arrive while the thread writes or synchronises are written together afterwards, so
that the cost of a synchronisation is shared by as many records as there are (group commit). Nothing
is delayed on purpose.

If a file cannot be written or synchronised, it is abandoned: a synchronisation that failed must not
be repeated on the same file, because the system may have dropped what it could not write. All
streams fail, and new ones can be opened after `RETRY` seconds, in a new file.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from guacr.journal.errors import FormatError, OverflowedError, WriteError
from guacr.journal.files import MODE, sync_directory, write_all
from guacr.journal.records import (
    FRAME_SIZE,
    HEADER_SIZE,
    PAYLOAD_MAX,
    Description,
    encode_frame,
    encode_header,
)

QUEUE_MAX = 64 * 1024 * 1024
"""Maximum bytes that wait to be written."""
RESERVE = 8 * 1024 * 1024
"""Bytes beyond `QUEUE_MAX` for records that must not be refused."""
BUFFERS_MAX = 1024
"""Maximum buffers in one system call (IOV_MAX)."""
BUFFERS_EACH = 5
"""Maximum buffers that one record adds: a header, a description, and its own."""
SLICE_MAX = 4 * 1024 * 1024
"""Bytes after which no more records are added to one system call."""
RETRY = 5.0
"""Seconds after a failure before another file is begun."""
SUFFIX = ".wal"

OnDurable = Callable[[WriteError | None], None]
"""Called once a record is durable, or with the reason why it is not."""
Notify = Callable[[Callable[[], None]], object]
"""Has a function called where outcomes are handled, such as on an event loop."""

_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)

log = logging.getLogger("guacr.journal")


@dataclass(frozen=True, slots=True)
class Limits:
    """When files end, and how often they are synchronised."""

    size: int = 64 * 1024 * 1024
    """Bytes after which a file ends."""
    seconds: float = 60.0
    """Seconds after its first record when a file ends."""
    sync_interval: float = 1.0
    """Maximum seconds between a record and its synchronisation."""


class LogStream:
    """A sequence of records. Create it with `Writer.open_stream`."""

    __slots__ = ("description", "file", "generation", "id", "sequence")

    def __init__(self, number: int, description: bytes, generation: int) -> None:
        self.id = number
        self.description = description
        self.generation = generation
        """The number of failures of the writer before this stream."""
        self.sequence = 0
        """The number of its last record."""
        self.file = 0
        """The number of the last file that describes it; only the writer's thread uses it."""


@dataclass(frozen=True, slots=True)
class _Entry:
    stream: LogStream
    sequence: int
    time: int
    payload: bytes
    on_durable: OnDurable | None
    urgent: bool


class Writer:
    """Appends records to the files of a directory.

    Args:
        directory: exists, and belongs to this writer.
        limits: when files end, and how often they are synchronised.
        finished: called on the writer's thread with each file that has ended.
        notify: has outcomes reported; by default on the writer's thread.
        prepare: called on the writer's thread before each file is created.

    All methods may be called from any thread.
    """

    def __init__(
        self,
        directory: Path,
        limits: Limits,
        finished: Callable[[Path], None],
        notify: Notify | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._directory = directory
        self._limits = limits
        self._finished = finished
        self._notify = notify or _call
        self._prepare = prepare
        self.free = 0
        """Bytes that were free on the disk at the last synchronisation; 0 before the first."""
        self._changed = threading.Condition()
        self._queue: list[_Entry] = []
        self._queued = 0
        """Bytes of records that are not written yet."""
        self._streams = 0
        self._generation = 0
        self._failure = ""
        self._retry_at = 0.0
        self._stopping = False
        self._rotating = False
        # For the thread:
        self._file = -1
        self._number = 0
        self._base = 0
        self._size = 0
        self._ends_at = 0.0
        self._sync_at: float | None = None
        """When synchronisation is due; None if all is durable."""
        self._waiting: list[OnDurable] = []
        self._added = 0
        """Records of the batch that `_waiting` takes account of."""
        self._buffers: list[bytes] = []
        self._buffered = 0
        self._thread = threading.Thread(target=self._run, name="journal writer", daemon=True)
        self._thread.start()

    # ---- for callers

    @property
    def failures(self) -> int:
        """The number of files that had to be abandoned."""
        return self._generation

    def open_stream(self, description: Description) -> LogStream:
        """Open a stream.

        Raises:
            WriteError: the journal could not be written a moment ago, or is closed.
        """
        with self._changed:
            self._check(self._generation)
            self._streams += 1
            return LogStream(self._streams, description.encode(), self._generation)

    def append(
        self,
        stream: LogStream,
        payload: bytes,
        *,
        on_durable: OnDurable | None = None,
        urgent: bool = False,
        reserved: bool = False,
    ) -> None:
        """Append a record; an empty payload ends the stream. Never blocks.

        Args:
            stream: an open stream of this writer.
            payload: at most `PAYLOAD_MAX` bytes.
            on_durable: called once, with the outcome.
            urgent: synchronise at once, and not only within `sync_interval`.
            reserved: accept it even if other records must wait.

        Raises:
            OverflowedError: too much is waiting.
            WriteError: records of the stream were lost, or the journal is closed.
            FormatError: the payload is too long.
        """
        if len(payload) > PAYLOAD_MAX:
            raise FormatError(f"a record has more than {PAYLOAD_MAX} bytes")
        with self._changed:
            self._check(stream.generation)
            size = FRAME_SIZE + len(payload)
            if self._queued + size > QUEUE_MAX + (RESERVE if reserved else 0):
                raise OverflowedError(
                    f"the journal's disk is too slow: {self._queued} bytes wait to be written"
                )
            stream.sequence += 1
            now = time.time_ns()
            entry = _Entry(stream, stream.sequence, now, payload, on_durable, urgent)
            self._queue.append(entry)
            self._queued += size
            if len(self._queue) == 1:
                self._changed.notify()

    def rotate(self) -> None:
        """End the current file, if it has any records."""
        with self._changed:
            self._rotating = True
            self._changed.notify()

    def close(self, timeout: float | None = None) -> bool:
        """Write what is waiting, end the file, and wait for the thread; return whether it has ended
        within `timeout` seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _check(self, generation: int) -> None:
        """Raise an error unless streams of this generation can be written now."""
        if self._stopping:
            raise WriteError("the journal is closed")
        if generation != self._generation or time.monotonic() < self._retry_at:
            raise WriteError(f"the journal cannot be written: {self._failure}")

    # ---- the thread

    def _run(self) -> None:
        stopping = False
        while not stopping:
            with self._changed:
                self._changed.wait_for(self._has_work, self._patience())
                batch, self._queue = self._queue, []
                rotating, self._rotating = self._rotating, False
                stopping = self._stopping
            try:
                self._write(batch)
                self._make_durable(end=stopping or rotating)
            except Exception as error:
                if not isinstance(error, OSError):
                    log.exception("the journal's writer failed")
                self._fail(error, batch)
            with self._changed:
                self._queued -= sum(FRAME_SIZE + len(entry.payload) for entry in batch)

    def _has_work(self) -> bool:
        return bool(self._queue) or self._stopping or self._rotating

    def _patience(self) -> float | None:
        """Return the seconds until something is due without a new record."""
        due = [] if self._sync_at is None else [self._sync_at]
        if self._file >= 0:
            due.append(self._ends_at)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _write(self, batch: list[_Entry]) -> None:
        self._added = 0
        for entry in batch:
            self._add(entry)
            full = len(self._buffers) > BUFFERS_MAX - BUFFERS_EACH
            full = full or self._buffered >= SLICE_MAX
            if full or self._size + self._buffered >= self._limits.size:
                self._flush()
                if self._size >= self._limits.size:
                    self._end_file()
        self._flush()

    def _add(self, entry: _Entry) -> None:
        if self._file < 0:
            self._begin_file()
        stream = entry.stream
        if stream.file != self._number:
            self._frame(stream.id, 0, entry.time, stream.description)
            stream.file = self._number
        self._frame(stream.id, entry.sequence, entry.time, entry.payload)
        self._added += 1
        if entry.on_durable is not None:
            self._waiting.append(entry.on_durable)
        now = time.monotonic()
        due = now if entry.urgent else now + self._limits.sync_interval
        self._sync_at = due if self._sync_at is None else min(self._sync_at, due)

    def _frame(self, stream: int, sequence: int, when: int, payload: bytes) -> None:
        self._buffers += [encode_frame(stream, sequence, when, payload), payload]
        self._buffered += FRAME_SIZE + len(payload)

    def _flush(self) -> None:
        self._size += self._buffered
        buffers, self._buffers, self._buffered = self._buffers, [], 0
        write_all(self._file, buffers)

    def _make_durable(self, *, end: bool) -> None:
        now = time.monotonic()
        if self._file >= 0 and (end or self._size >= self._limits.size or now >= self._ends_at):
            self._end_file()
        elif self._sync_at is not None and now >= self._sync_at:
            self._synchronise()

    def _synchronise(self) -> None:
        _sync(self._file)
        if os.fstat(self._file).st_nlink == 0:  # what is in it is lost when it is closed
            raise FileNotFoundError(errno.ENOENT, "its file has been deleted")
        self._sync_at = None
        disk = os.fstatvfs(self._file)
        self.free = disk.f_bavail * disk.f_frsize
        self._report(None)

    def _report(self, error: WriteError | None) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            with suppress(RuntimeError):  # the event loop is closed
                self._notify(partial(_call_each, waiting, error))

    @property
    def _path(self) -> Path:
        return self._directory / f"{self._number:08}{SUFFIX}"

    def _begin_file(self) -> None:
        self._prepare()
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, MODE)
        self._buffers.append(encode_header(self._base))
        self._buffered, self._size = HEADER_SIZE, 0
        self._ends_at = time.monotonic() + self._limits.seconds
        sync_directory(self._directory)

    def _end_file(self) -> None:
        self._synchronise()
        os.close(self._file)
        self._file = -1
        self._base += self._size
        self._finished(self._path)

    def _fail(self, error: Exception, batch: list[_Entry]) -> None:
        """Abandon the file, and with it all streams."""
        reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        log.error("the journal cannot be written: %s: %s", self._path, reason)
        with self._changed:
            self._generation += 1
            self._failure = f"{reason}: {_remedy(error)}"
            self._retry_at = time.monotonic() + RETRY
            queue, self._queue = self._queue, []
            self._queued -= sum(FRAME_SIZE + len(entry.payload) for entry in queue)
        lost = [*batch[self._added :], *queue]
        self._waiting += [entry.on_durable for entry in lost if entry.on_durable is not None]
        self._buffers, self._buffered, self._sync_at = [], 0, None
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
            self._file = -1
            self._base += self._size
            self._finished(self._path)
        self._report(WriteError(f"the journal cannot be written: {self._failure}"))


def _remedy(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"another one is begun within {RETRY:g} s"
    return "free space on its disk, or repair it"


def _call(function: Callable[[], None]) -> None:
    function()


def _call_each(waiting: list[OnDurable], error: WriteError | None) -> None:
    for on_durable in waiting:
        on_durable(error)
