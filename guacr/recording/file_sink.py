"""A recording in a file, written in batches on a thread."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Protocol

from typing_extensions import override

from guacr.errors import GuacrError, RecordingError, forget_frames
from guacr.recording.sink import Sink, ignore, nothing
from guacr.threads import store

BATCH = 0.2
"""Seconds for which parts are collected, at most, before they are written."""
BATCH_BYTES = 1 << 20
"""Bytes from which they are written at once."""


class AppendedFile(Protocol):
    """An open file; its methods block."""

    def append(self, parts: list[bytes], /) -> None:
        """Write parts."""
        ...

    def close(self) -> None:
        """Make everything durable, and release the file."""
        ...


class FileSink(Sink):
    """Appends to an open file, which it closes."""

    def __init__(self, file: AppendedFile) -> None:
        super().__init__()
        self._file = file
        self._parts: list[bytes] = []
        self._waiting = self._in_flight = 0
        self._timer: asyncio.TimerHandle | None = None
        self._flight: asyncio.Future[None] | None = None
        self._error: GuacrError | None = None
        self._closed = False

    @property
    @override
    def buffered(self) -> int:
        return self._waiting + self._in_flight

    @override
    def write(self, data: bytes) -> None:
        if self._error is not None or self._closed:
            return
        self._parts.append(data)
        self._waiting += len(data)
        if self._flight is not None:
            return
        if self._waiting >= BATCH_BYTES:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH, self._flush)

    @override
    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stop_timer()
        reported = self._error
        if self._flight is not None:
            await asyncio.wait([self._flight])
        parts, self._parts, self._waiting = self._parts, [], 0
        try:
            if self._error is None and parts:
                await store(partial(self._file.append, parts))
        finally:
            self.on_failed, self.on_drained = ignore, nothing
            await store(self._file.close)
        if self._error is not reported and self._error is not None:
            raise self._error

    def _flush(self) -> None:
        self._stop_timer()
        parts, self._parts = self._parts, []
        self._in_flight, self._waiting = self._waiting, 0
        self._flight = store(partial(self._file.append, parts))
        self._flight.add_done_callback(self._flushed)

    def _flushed(self, flight: asyncio.Future[None]) -> None:
        self._flight, self._in_flight = None, 0
        error = None if flight.cancelled() else flight.exception()
        if error is not None:
            self._parts.clear()
            self._waiting = 0
            forget_frames(error)
            self._error = error if isinstance(error, GuacrError) else RecordingError(str(error))
            if not self._closed:
                self.on_failed(self._error)
        elif self._closed:
            return
        elif self._parts:
            self._timer = asyncio.get_running_loop().call_later(BATCH, self._flush)
        else:
            self.on_drained()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
