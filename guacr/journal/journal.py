"""The journal of a process: its writer, its sealer, and its archives.

Its directory contains

    wal/20261129T101500Z-3f9a2c/00000001.wal    the files of a process, until they are archived
    outgoing/                                   files on their way to the archive
    archive/                                    the archive, unless it has another store
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from guacr.journal.archive import Archive
from guacr.journal.errors import WriteError
from guacr.journal.files import MODE, make_directory, sync_directory
from guacr.journal.options import Options
from guacr.journal.reading import EPOCH_TIME
from guacr.journal.records import Description
from guacr.journal.sealer import LOCK, OUTGOING, TEMPORARY, WAL, OnExpired, Sealer
from guacr.journal.writer import LogStream, Notify, OnDurable, Writer
from guacr.retention import RetentionClock

log = logging.getLogger("guacr.journal")


class Journal:
    """A journal that is being written; the constructor and `close` block.

    Args:
        options: how it is written and archived.
        notify: has the outcomes of records reported, such as an event loop's
            `call_soon_threadsafe`; by default on a thread of the journal.
        expired: called on a thread with the files of an archive that were deleted.

    Raises:
        OSError: its directory cannot be used.
    """

    def __init__(
        self,
        options: Options,
        notify: Notify | None = None,
        expired: OnExpired = lambda kind, entries: None,
    ) -> None:
        self._options = options
        self.epoch = f"{time.strftime(EPOCH_TIME, time.gmtime())}-{secrets.token_hex(3)}"
        """The name of this process's part of the journal."""
        make_directory(options.directory / OUTGOING)
        self._directory, self._lock = _begin(options.directory / WAL, self.epoch)
        self._closed = False
        self._archives: dict[str, Archive] = {}
        self._sealer = Sealer(
            options.directory,
            self.epoch,
            self._archive,
            options.encoding,
            options.retention,
            RetentionClock(),
            expired,
        )
        self._writer = Writer(
            self._directory, options.limits, self._sealer.put, notify, self._ensure_directory
        )

    @property
    def sync_interval(self) -> float:
        """Maximum seconds between a record that is not urgent and its synchronisation."""
        return self._options.limits.sync_interval

    @property
    def failures(self) -> int:
        """The number of times that it could not be written."""
        return self._writer.failures

    def open_stream(self, kind: str, about: Mapping[str, str]) -> LogStream:
        """Open a stream of a kind; `about` says more of it, such as its session.

        Raises:
            WriteError: the journal cannot be written now.
        """
        return self._writer.open_stream(Description(kind, about))

    def append(
        self,
        stream: LogStream,
        payload: bytes,
        *,
        on_durable: OnDurable | None = None,
        urgent: bool = False,
        reserved: bool = False,
    ) -> None:
        """Append a record, as `Writer.append` does.

        Raises:
            OverflowedError: the disk is too slow.
            WriteError: records of the stream were lost, the disk is nearly full, the store of the
                archive accepts nothing, or the journal is closed.
        """
        if not reserved:
            self._check_space()
        self._writer.append(
            stream, payload, on_durable=on_durable, urgent=urgent, reserved=reserved
        )

    def _check_space(self) -> None:
        """Raise a WriteError if the rest of the disk is for records that must not be refused."""
        if self._sealer.waiting > self._options.waiting_max:
            raise WriteError(
                "the store of the journal's archive accepts nothing: what waits for it has reached "
                "journal.max_waiting"
            )
        if 0 < self._writer.free < self._options.free_min:
            raise WriteError("less than journal.min_free_disk is free on the journal's disk")

    def rotate(self) -> None:
        """Have everything so far archived."""
        self._writer.rotate()

    def close(self, timeout: float | None = None) -> bool:
        """Write and archive what is waiting, and end the threads. Return whether all of that was
        done within `timeout` seconds; the next process does the rest. Repeated calls do nothing."""
        if self._closed:
            return True
        self._closed = True
        end = None if timeout is None else time.monotonic() + timeout
        done = self._writer.close(timeout)
        rest = None if end is None else max(0.0, end - time.monotonic())
        done = self._sealer.close(rest) and done
        if not done:
            return False  # the lock stays as long as the threads, or this process
        with suppress(FileNotFoundError):  # somebody has deleted it
            if not any(path.name != LOCK for path in self._directory.iterdir()):
                (self._directory / LOCK).unlink()
                self._directory.rmdir()
        os.close(self._lock)
        return True

    def _ensure_directory(self) -> None:
        """Create the directory of this process again, with its lock, if somebody has deleted it;
        on the writer's thread."""
        with suppress(FileNotFoundError):
            if os.path.samestat((self._directory / LOCK).stat(), os.fstat(self._lock)):
                return
        log.error(
            "%s was deleted: what was not archived is lost; the journal goes on in a new directory",
            self._directory,
        )
        make_directory(self._directory)
        lost, self._lock = self._lock, _lock(self._directory)
        os.close(lost)

    def _archive(self, kind: str) -> Archive:
        if kind not in self._archives:
            self._archives[kind] = self._options.archive(kind)
        return self._archives[kind]


def _begin(directory: Path, epoch: str) -> tuple[Path, int]:
    """Create the directory of an epoch, locked from its first moment; return it with the lock."""
    make_directory(directory)
    temporary, final = directory / f"{TEMPORARY}{epoch}", directory / epoch
    make_directory(temporary)
    lock = _lock(temporary)
    temporary.rename(final)
    sync_directory(directory)
    return final, lock


def _lock(directory: Path) -> int:
    """Create the lock of a directory, held from its first moment."""
    temporary = directory / f"{TEMPORARY}{LOCK}"
    lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
    fcntl.flock(lock, fcntl.LOCK_EX)
    temporary.rename(directory / LOCK)
    return lock
