"""Recordings in files, written in batches on a thread: those of many sessions at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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


class AppendedFile(Protocol):
    """An open file; its methods block."""

    def append(self, parts: list[bytes], /) -> None:
        """Write parts."""
        ...

    def close(self) -> None:
        """Make everything durable, and release the file."""
        ...


class FileWriter:
    """Writes to the files of all sinks that have something to write, in one call of a thread, at
    most every `BATCH` seconds. While a disk does not answer, the files on others are still written:
    a sink whose parts are being written does not take part in the next call."""

    def __init__(self) -> None:
        self._waiting: dict[FileSink, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def wake(self, sink: FileSink) -> None:
        """Write the parts of a sink soon; if they are many, now."""
        self._waiting[sink] = None
        if sink.waiting >= BATCH_BYTES:
            self._write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH, self._write)

    def forget(self, sink: FileSink) -> None:
        """Do not write for a sink that ends."""
        self._waiting.pop(sink, None)
        if not self._waiting:
            self._stop_timer()

    def _write(self) -> None:
        self._stop_timer()
        sinks, self._waiting = list(self._waiting), {}
        work = [(sink.file, sink.take()) for sink in sinks]
        flight = store(partial(_append_all, work))
        flight.add_done_callback(partial(_written, sinks))

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
        self._landed = asyncio.Event()
        self._landed.set()
        self._error: GuacrError | None = None
        self._closed = False

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
        if self._landed.is_set():
            self._writer.wake(self)

    @override
    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._writer.forget(self)
        reported = self._error
        await self._landed.wait()
        parts = self.take()
        try:
            if self._error is None and parts:
                await store(partial(self.file.append, parts))
        finally:
            self._in_flight = 0
            self.on_failed, self.on_drained = ignore, nothing
            await store(self.file.close)
        if self._error is not reported and self._error is not None:
            raise self._error

    # ---- for the writer

    def take(self) -> list[bytes]:
        """Return the waiting parts, which are written from now on."""
        self._landed.clear()
        parts, self._parts = self._parts, []
        self._in_flight, self.waiting = self.waiting, 0
        return parts

    def written(self, error: Exception | None) -> None:
        """Note that they have been written, or why not."""
        self._in_flight = 0
        self._landed.set()
        if error is not None:
            self._parts.clear()
            self.waiting = 0
            self._error = error if isinstance(error, GuacrError) else RecordingError(str(error))
        if self._closed:
            return
        if self._error is not None:
            self.on_failed(self._error)
        elif self._parts:
            self._writer.wake(self)
        else:
            self.on_drained()


def _append_all(
    work: Sequence[tuple[AppendedFile, list[bytes]]],
) -> list[Exception | None]:
    """Append to each file, and return its error; blocks."""
    return [_append(file, parts) for file, parts in work]


def _append(file: AppendedFile, parts: list[bytes]) -> Exception | None:
    try:
        file.append(parts)
    except Exception as error:  # noqa: BLE001 - of one file; the others are still written
        forget_frames(error)
        return error
    return None


def _written(sinks: Sequence[FileSink], flight: asyncio.Future[list[Exception | None]]) -> None:
    if flight.cancelled():
        return
    for sink, error in zip(sinks, flight.result(), strict=True):
        sink.written(error)
