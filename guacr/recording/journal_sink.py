"""A recording as a stream of the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from typing_extensions import override

from guacr.errors import GuacrError
from guacr.journal.errors import OverflowedError, WriteError
from guacr.journal.journal import Journal
from guacr.journal.options import RECORDING
from guacr.journal.records import PAYLOAD_MAX
from guacr.recording.sink import Sink

BATCH = 0.2
"""Seconds for which parts are collected, at most, before they become a record."""
BATCH_BYTES = 1 << 20
"""Bytes from which they become one at once."""
STALL_MAX = 120.0
"""Seconds without any progress of the journal's disk after which the recording has failed; more
than the longest `journal.sync_interval`."""


class JournalSink(Sink):
    """Appends to a stream of the journal.

    Args:
        journal: reports outcomes on the event loop.
        about: describes the recording: `session`, `name` and others.

    Raises:
        WriteError: the journal cannot be written now.
    """

    def __init__(self, journal: Journal, about: Mapping[str, str]) -> None:
        super().__init__()
        self._journal = journal
        self._stream = journal.open_stream(RECORDING, about)
        self._parts: list[bytes] = []
        self._waiting = self._in_flight = 0
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        """Expires if the disk makes no progress; None if nothing is in flight."""
        self._error: GuacrError | None = None
        self._reported = False
        self._closed = False
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def number(self) -> int:
        """The number of the stream."""
        return self._stream.id

    @property
    def place(self) -> str:
        """The id of the recording, for `guacr recordings`."""
        return f"{self._journal.epoch}.{self._stream.id}"

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
        if self._waiting >= BATCH_BYTES:
            self._flush()
        elif self._timer is None:
            self._again()

    @override
    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._flush()
        while self._parts and self._error is None:  # the disk is slow
            await asyncio.sleep(BATCH)
            self._flush()
        self._stop_timer()
        if self._error is None:
            try:
                self._append(b"")
                await self._ended
            except WriteError as error:
                self._failed(error)
        self._stop_watch()
        if self._error is not None and not self._reported:
            raise self._error

    def _flush(self) -> None:
        """Append what was collected, in records that are not too long."""
        self._stop_timer()
        try:
            while self._parts:
                payload, count = _joined(self._parts)
                self._append(payload)
                del self._parts[:count]
                self._waiting -= len(payload)
        except OverflowedError:
            self._again()
        except WriteError as error:
            self._failed(error)

    def _append(self, payload: bytes) -> None:
        size = len(payload)

        def outcome(error: WriteError | None) -> None:
            self._outcome(size, error)

        is_end = not payload
        self._journal.append(
            self._stream, payload, on_durable=outcome, urgent=is_end, reserved=is_end
        )
        self._in_flight += size
        if self._watch is None:
            self._watch_disk()

    def _outcome(self, size: int, error: WriteError | None) -> None:
        self._in_flight -= size
        self._stop_watch()
        if self._error is None and self._in_flight:
            self._watch_disk()
        if error is not None:
            self._failed(error)
        if (size == 0 or error is not None) and not self._ended.done():
            self._ended.set_result(None)
        elif not self.buffered and not self._closed:
            self.on_drained()

    def _failed(self, error: WriteError) -> None:
        if self._error is not None:
            return
        self._error = error
        self._parts.clear()
        self._waiting = 0
        self._stop_timer()
        self._stop_watch()
        if not self._closed:
            self._reported = True
            asyncio.get_running_loop().call_soon(self._report, error)  # never within `write`

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(BATCH, self._flush)

    def _watch_disk(self) -> None:
        self._watch = asyncio.get_running_loop().call_later(STALL_MAX, self._stalled)

    def _stalled(self) -> None:
        self._failed(WriteError("the journal's disk does not answer"))
        if not self._ended.done():
            self._ended.set_result(None)

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _joined(parts: list[bytes]) -> tuple[bytes, int]:
    """Return the first parts as one payload of limited size, and their number; what is longer is
    divided."""
    size = count = 0
    for part in parts:
        if count and size + len(part) > BATCH_BYTES:
            break
        size += len(part)
        count += 1
    payload = b"".join(parts[:count])
    if len(payload) > PAYLOAD_MAX:
        parts[0] = payload[PAYLOAD_MAX:]
        return payload[:PAYLOAD_MAX], 0
    return payload, count
