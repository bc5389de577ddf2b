"""Recordings in files, written in batches on a thread: those of many sessions at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from typing_extensions import override

from guacr.errors import GuacrError, RecordingError, forget_frames
from guacr.recording.sink import Sink, ignore, nothing
from guacr.threads import store

BATCH = 0.2
"""Seconds for which parts are collected, at most, before they are written."""
BATCH_BYTES = 1 << 20
"""Bytes of one file from which they are written at once."""


STALL_MAX = 60.0
"""Seconds for which a disk may accept nothing; then the recordings on it have failed."""
CLOSING_MAX = 4
"""Files of one disk that are closed at a time: threads that a disk which hangs can keep."""
STALLED = "its disk does not answer"


class AppendedFile(Protocol):
    """An open file; its methods block."""

    @property
    def disk(self) -> int:
        """The number of the file system that it is on."""
        ...

    def append(self, parts: list[bytes], /) -> None:
        """Write parts."""
        ...

    def close(self) -> None:
        """Make everything durable, and release the file."""
        ...


@dataclass(slots=True)
class _Disk:
    """The work on one disk."""

    is_writing: bool = False
    closing: int = 0
    to_close: deque[tuple[Callable[[], None], asyncio.Future[None]]] = field(default_factory=deque)

    @property
    def is_idle(self) -> bool:
        return not (self.is_writing or self.closing)


@dataclass(slots=True)
class _Batch:
    """Parts that are being written to one disk."""

    sinks: list[FileSink]
    disk: int
    progress: int = 0
    """Files that have been written; counted on the thread."""


class FileWriter:
    """Writes to the files of all sinks that have something to write, in one call of a thread for
    each disk, at most every `BATCH` seconds. A disk has one such call at a time, and some that
    close files: one that does not answer holds up neither others nor their threads."""

    def __init__(self) -> None:
        self._waiting: dict[FileSink, None] = {}
        self._disks: dict[int, _Disk] = {}
        self._timer: asyncio.TimerHandle | None = None

    def wake(self, sink: FileSink) -> None:
        """Write the parts of a sink soon; if they are many, now."""
        self._waiting[sink] = None
        if self._is_writing(sink):
            return  # they are written next
        if sink.waiting >= BATCH_BYTES:
            self._write()
        else:
            self._set_timer()

    def forget(self, sink: FileSink) -> None:
        """Do not write for a sink that ends."""
        self._waiting.pop(sink, None)
        if not self._waiting:
            self._stop_timer()

    def finish(self, disk: int, function: Callable[[], None]) -> asyncio.Future[None]:
        """Have a file of a disk closed by a function that blocks."""
        future = asyncio.get_running_loop().create_future()
        found = self._disks.setdefault(disk, _Disk())
        found.to_close.append((function, future))
        self._close_next(disk, found)
        return future

    def _write(self) -> None:
        self._stop_timer()
        batches: dict[int, _Batch] = {}
        for sink in list(self._waiting):
            if not self._is_writing(sink):
                del self._waiting[sink]
                disk = sink.file.disk
                batches.setdefault(disk, _Batch([], disk)).sinks.append(sink)
        for disk, batch in batches.items():
            self._disks.setdefault(disk, _Disk()).is_writing = True
            work = [(sink.file, sink.take()) for sink in batch.sinks]
            written = store(partial(_append_all, work, batch))
            watch = self._watch(batch)
            written.add_done_callback(partial(self._written, batch, watch))

    def _watch(self, batch: _Batch) -> list[asyncio.TimerHandle]:
        """Have the sinks of a batch fail if nothing is written for `STALL_MAX` seconds; the timer
        is in the list that is returned."""
        loop = asyncio.get_running_loop()
        watch: list[asyncio.TimerHandle] = []

        def check(progress: int) -> None:
            if batch.progress == progress:
                behind = [sink for sink in self._waiting if sink.file.disk == batch.disk]
                for sink in dict.fromkeys((*batch.sinks[progress:], *behind)):
                    self._waiting.pop(sink, None)
                    sink.stalled()
            else:
                watch[:] = [loop.call_later(STALL_MAX, check, batch.progress)]

        watch.append(loop.call_later(STALL_MAX, check, 0))
        return watch

    def _written(
        self,
        batch: _Batch,
        watch: list[asyncio.TimerHandle],
        written: asyncio.Future[list[Exception | None]],
    ) -> None:
        for timer in watch:
            timer.cancel()
        found = self._disks[batch.disk]
        found.is_writing = False
        self._forget_idle(batch.disk, found)
        if written.cancelled():
            return
        for sink, error in zip(batch.sinks, written.result(), strict=True):
            sink.written(error)
        if self._waiting:
            self._set_timer()

    def _close_next(self, disk: int, found: _Disk) -> None:
        while found.to_close and found.closing < CLOSING_MAX:
            function, future = found.to_close.popleft()
            found.closing += 1
            store(function).add_done_callback(partial(self._closed, disk, found, future))

    def _closed(
        self,
        disk: int,
        found: _Disk,
        future: asyncio.Future[None],
        done: asyncio.Future[None],
    ) -> None:
        found.closing -= 1
        error = None if done.cancelled() else done.exception()
        if not future.done():
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(None)
        self._close_next(disk, found)
        self._forget_idle(disk, found)

    def _forget_idle(self, disk: int, found: _Disk) -> None:
        if found.is_idle and self._disks.get(disk) is found:
            del self._disks[disk]

    def _is_writing(self, sink: FileSink) -> bool:
        found = self._disks.get(sink.file.disk)
        return found is not None and found.is_writing

    def _set_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH, self._write)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class FileSink(Sink):
    """Appends to an open file, which it closes."""

    def __init__(self, file: AppendedFile, writer: FileWriter) -> None:
        super().__init__()
        self.file = file
        self.waiting = 0
        """Bytes that are not being written yet."""
        self._writer = writer
        self._parts: list[bytes] = []
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._error: GuacrError | None = None
        self._closed = False
        self._is_stalled = False
        """True if the disk did not answer."""
        self._is_left = False
        """True if the file is to be closed once its disk has answered."""

    @property
    @override
    def buffered(self) -> int:
        return self.waiting + self._in_flight

    @override
    def write(self, data: bytes) -> None:
        if self._error is not None or self._closed:
            return
        self._parts.append(data)
        self.waiting += len(data)
        if self._idle.is_set():
            self._writer.wake(self)

    @override
    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._writer.forget(self)
        reported = self._error
        try:
            await self._until_idle()
            await self._finish()
        except GuacrError as error:
            self._error = self._error or error
        finally:
            self._in_flight = 0
            self.on_failed, self.on_drained = ignore, nothing
        if self._error is not reported and self._error is not None:
            raise self._error

    async def _until_idle(self) -> None:
        """Wait for what is being written; if its disk does not answer, the file is left to
        `written`."""
        try:
            async with asyncio.timeout(0 if self._is_stalled else STALL_MAX):
                await self._idle.wait()
        except BaseException as error:
            self._is_left = True
            raise (RecordingError(STALLED) if isinstance(error, TimeoutError) else error) from error

    async def _finish(self) -> None:
        parts = self.take() if self._error is None else []
        closing = self._writer.finish(self.file.disk, partial(_append_and_close, self.file, parts))
        done, _ = await asyncio.wait({closing}, timeout=STALL_MAX)
        if not done:
            closing.cancel()
            raise RecordingError(STALLED)
        closing.result()

    # ---- for the writer

    def take(self) -> list[bytes]:
        """Return the waiting parts, which are written from now on."""
        self._idle.clear()
        parts, self._parts = self._parts, []
        self._in_flight, self.waiting = self.waiting, 0
        return parts

    def written(self, error: Exception | None) -> None:
        """Note that they have been written, or why not."""
        self._in_flight = 0
        self._idle.set()
        if self._is_left:
            self._writer.finish(self.file.disk, self.file.close).add_done_callback(_retrieve)
        if error is not None and self._error is None:
            self._fail(error if isinstance(error, GuacrError) else RecordingError(str(error)))
        if self._closed or self._error is not None:
            return
        if self._parts:
            self._writer.wake(self)
        else:
            self.on_drained()

    def stalled(self) -> None:
        """Note that the disk does not answer."""
        self._is_stalled = True
        if self._error is None:
            self._fail(RecordingError(STALLED))

    def _fail(self, error: GuacrError) -> None:
        self._parts.clear()
        self.waiting = 0
        self._error = error
        if not self._closed:
            self._report(error)


def _append_all(
    work: Sequence[tuple[AppendedFile, list[bytes]]], batch: _Batch
) -> list[Exception | None]:
    """Append to each file, and return its error; blocks."""
    errors = []
    for file, parts in work:
        errors.append(_append(file, parts))
        batch.progress += 1
    return errors


def _append(file: AppendedFile, parts: list[bytes]) -> Exception | None:
    try:
        file.append(parts)
    except Exception as error:  # noqa: BLE001 - of one file; the others are still written
        forget_frames(error)
        return error
    return None


def _append_and_close(file: AppendedFile, parts: list[bytes]) -> None:
    try:
        if parts:
            file.append(parts)
    finally:
        file.close()


def _retrieve(closing: asyncio.Future[None]) -> None:
    """Take note of an error that nobody waits for."""
    if not closing.cancelled():
        closing.exception()
