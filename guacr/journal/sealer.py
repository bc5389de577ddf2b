"""The sealer of the journal: one thread that moves finished files into the archive.

A file of the journal becomes one file of the archive for each kind of streams. It is deleted once
all of them are in the manifest; until then, every step can be repeated, after an error or by the
next process. Files of processes that were killed are moved in the same way, up to the first record
that is incomplete.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from guacr.journal.archive import Archive, Retention
from guacr.journal.encoding import Encoding
from guacr.journal.errors import FormatError, JournalError
from guacr.journal.files import MODE, make_directory, sync_directory
from guacr.journal.manifest import Entry
from guacr.journal.records import Data
from guacr.journal.segments import Grouped, encode, group
from guacr.journal.writer import SUFFIX as WAL_SUFFIX
from guacr.retention import RetentionClock

WAL, OUTGOING, DAMAGED = "wal", "outgoing", "damaged"
"""Directories of the journal: its files, files on their way to the archive, and files that are no
journal's."""
LOCK = "lock"
TEMPORARY = ".tmp-"
"""Precedes the name of a process's directory until it is locked."""
PERIOD = 60.0
"""Seconds between two searches for files of killed processes."""
EXPIRY_PERIOD = 3600.0
"""Seconds between two searches for expired files."""
EXPIRY_LOCK = "expiry.lock"
"""Locked by the process that deletes them."""
BACKOFF_MAX = 60.0
"""Maximum seconds between two attempts to use a store."""

OnExpired = Callable[[str, Sequence[Entry]], None]
"""Called with a kind and the entries of files of its archive."""

log = logging.getLogger("guacr.journal")


class Sealer:
    """Moves files into archives.

    Args:
        directory: of the journal.
        epoch: the name of this process's files, which nobody else moves.
        archive: returns the archive of a kind.
        encoding: of new files.
        retention: of each kind; others are kept for ever.
        clock: says how old files are.
        expired: called on the sealer's thread with the entries of deleted files.
    """

    def __init__(
        self,
        directory: Path,
        epoch: str,
        archive: Callable[[str], Archive],
        encoding: Encoding,
        retention: Mapping[str, Retention],
        clock: RetentionClock,
        expired: OnExpired,
    ) -> None:
        self._directory = directory
        self._epoch = epoch
        self._archive = archive
        self._encoding = encoding
        self._retention = retention
        self._changed = threading.Condition()
        self._files: deque[Path] = deque()
        self._sizes: dict[Path, int] = {}
        self._stopping = False
        self._failures = 0
        self._expiry_at = 0.0
        self._unlinked: Path | None = None
        """The last file that was moved."""
        self._foreign: set[Path] = set()
        """Directories that this account may not read."""
        self._clock = clock
        self._expired = expired
        self._thread = threading.Thread(target=self._run, name="journal sealer", daemon=True)
        self._thread.start()

    # ---- for callers, on any thread

    def put(self, path: Path) -> None:
        """Move a finished file when its turn comes."""
        try:
            size = path.stat().st_size
        except OSError:
            return  # it could not be created
        with self._changed:
            self._files.append(path)
            self._sizes[path] = size
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """The bytes of the files that are not in the archive yet."""
        return sum(tuple(self._sizes.values()))

    def close(self, timeout: float | None = None) -> bool:
        """Try once more to move all files, and wait for the thread; return whether it has ended
        within `timeout` seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # ---- the thread

    def _run(self) -> None:
        periodic_at = 0.0
        stopping = False
        while not stopping:
            now = time.monotonic()
            if now >= periodic_at:
                done = self._attempt(self._do_periodic)
                periodic_at = now + (PERIOD if done else self._pause())
            timeout = max(0.0, periodic_at - time.monotonic())
            with self._changed:
                if self._failures:
                    timeout = min(timeout, self._pause())
                self._changed.wait_for(self._has_work, timeout)
                stopping = self._stopping
            while self._files and self._attempt(self._move_first):
                pass

    def _has_work(self) -> bool:
        return self._stopping or (bool(self._files) and not self._failures)

    def _pause(self) -> float:
        return min(BACKOFF_MAX, 2.0 ** min(self._failures - 1, 10))

    def _attempt(self, step: Callable[[], None]) -> bool:
        """Do a step, and return whether it has succeeded; otherwise, it is repeated later."""
        try:
            step()
        except (JournalError, OSError) as error:
            self._failures += 1
            pause = self._pause()
            log.warning("the journal's archive: %s; trying again in %g s", error, pause)
            return False
        except Exception:
            self._failures += 1
            log.exception("the journal's sealer failed")
            return False
        if self._failures:
            log.info("the journal's archive can be used again")
        self._failures = 0
        return True

    def _move_first(self) -> None:
        path = self._files[0]
        self._move(path)
        with self._changed:
            self._files.popleft()
            del self._sizes[path]

    def _do_periodic(self) -> None:
        try:
            self._recover()
        finally:  # what expires makes space that this may have lacked
            self._expire_all()

    def _expire_all(self) -> None:
        now = time.monotonic()
        if now < self._expiry_at:
            return
        known = int(self._clock.now() * 1e9)
        with _locked(self._directory / EXPIRY_LOCK, os.O_CREAT) as is_locked:
            if is_locked:  # otherwise another process is at it
                for kind, retention in self._retention.items():
                    self._archive(kind).tidy()
                    self._expire(kind, retention, known)
        self._expiry_at = now + EXPIRY_PERIOD

    def _expire(self, kind: str, retention: Retention, now: int) -> None:
        deleted: list[Entry] = []
        try:
            deleted.extend(self._archive(kind).expire(retention, now))
        finally:  # the store may have failed after some of them
            if deleted:
                log.info("%d files of the archive %s have expired", len(deleted), kind)
                self._expired(kind, deleted)

    def _recover(self) -> None:
        """Move the files of processes that have ended without doing so."""
        wal = self._directory / WAL
        for directory in sorted(wal.iterdir()) if wal.is_dir() else ():
            if directory.name == self._epoch or directory.name.startswith(TEMPORARY):
                continue
            try:
                if directory.is_dir():  # and nothing else that somebody has put there
                    self._recover_from(directory)
            except PermissionError:
                self._report_foreign(directory)

    def _recover_from(self, directory: Path) -> None:
        with _locked(directory / LOCK) as is_locked:
            if not is_locked:
                return  # its process is running
            for path in sorted(directory.glob(f"*{WAL_SUFFIX}")):
                self._move(path)
            (directory / LOCK).unlink(missing_ok=True)
            directory.rmdir()

    def _report_foreign(self, directory: Path) -> None:
        """Report once that a directory cannot be read, such as one of a daemon that was started by
        root; the others are recovered."""
        if directory not in self._foreign:
            self._foreign.add(directory)
            log.error(
                "%s is not archived, because it belongs to another account: give it, with its "
                "files, to that of the daemon",
                directory,
            )

    def _move(self, path: Path) -> None:
        if not path.is_file():
            if path != self._unlinked:  # by an earlier attempt
                log.error("%s was deleted before it was archived: its records are lost", path)
            return
        name = f"{path.parent.name}-{path.stem}"
        try:
            with _mapped(path) as data:
                streams, intact = group(data)
                cut = len(data) - intact
                outgoing = self._encode(data, streams, name, cut)
        except FormatError as error:
            self._set_aside(path, error)
            return
        if cut:
            log.warning("%s: its last %d bytes are incomplete and were cut", name, cut)
        for kind, (built, entry) in outgoing.items():
            added = self._archive(kind).add(built, entry)
            number, size, digest = added.number, added.size, added.hash
            log.info("archive %s: entry %d, %d bytes, hash %s", kind, number, size, digest)
        for built, _ in outgoing.values():
            built.unlink()
        path.unlink()
        self._unlinked = path
        with suppress(FileNotFoundError):  # somebody has deleted it
            sync_directory(path.parent)

    def _encode(
        self, data: Data, streams: Mapping[int, Grouped], name: str, cut: int
    ) -> dict[str, tuple[Path, Entry]]:
        """Write the files for the archive, by kind, unless an earlier attempt has done so."""
        directory = self._directory / OUTGOING
        make_directory(directory)  # somebody may have deleted it
        built: dict[str, tuple[Path, Entry]] = {}
        for kind in sorted({one.description.kind for one in streams.values()}):
            chosen = {n: one for n, one in streams.items() if one.description.kind == kind}
            path = directory / f"{name}.{kind}"
            if not path.exists():
                self._build(path, data, chosen)
            entry = Entry(
                number=0,
                previous="",
                time=0,
                file=name,
                streams=len(chosen),
                records=sum(one.last.sequence - one.first.sequence + 1 for one in chosen.values()),
                begin=min(one.first.time for one in chosen.values()),
                end=max(one.last.time for one in chosen.values()),
                cut=cut,
            )
            built[kind] = path, entry
        return built

    def _build(self, path: Path, data: Data, streams: Mapping[int, Grouped]) -> None:
        temporary = path.with_name(f"{path.name}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, MODE), "wb") as file:
            encode(data, streams, self._encoding, file.write)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_directory(path.parent)

    def _set_aside(self, path: Path, error: FormatError) -> None:
        place = self._directory / DAMAGED
        make_directory(place)
        target = place / f"{path.parent.name}-{path.name}"
        path.rename(target)
        log.error("%s cannot be read (%s); it is kept as %s", path, error, target)


@contextmanager
def _mapped(path: Path) -> Iterator[Data]:
    """Yield the content of a file, which need not fit into memory."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


@contextmanager
def _locked(path: Path, flags: int = 0) -> Iterator[bool]:
    """Yield whether the lock of a process that has ended, or that nobody uses, could be
    acquired."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, MODE)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
