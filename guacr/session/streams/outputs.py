"""Streams that the daemon opens to one user: files, pipes and the bodies of objects.

Their indices are even, as libguac's are for streams to one user; streams to every user have odd
ones (`guacr.display.stream_indices`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from guacr.errors import (
    ClientTimeoutError,
    ClosedError,
    GuacrError,
    TooManyError,
    error_of_status,
)
from guacr.protocol.instruction import BLOB_MAX, encode, encode_blobs, encode_stream
from guacr.protocol.status import Status
from guacr.session.link import Link
from guacr.session.streams.window import Window
from guacr.session.transfer_reports import TransferReports

if TYPE_CHECKING:
    from _hashlib import HASH

OUTPUTS_MAX = 512
"""Maximum open streams to one user, as in libguac."""
ACK_TIMEOUT = 15.0
"""Seconds within which a client must acknowledge what it was sent."""
REASON_MAX = 200
"""Maximum characters that are kept of a client's reason for refusing."""
NAME_MAX = 1024
"""Maximum characters in the name of a stream."""
BLOBS_AT_ONCE = 8
"""Blobs that are passed to the transport together, if the client may be sent as many: frames wait
for no more than these."""


class OutputStream:
    """One open stream, to which one task writes at a time.

    Nothing is queued here: `write` returns when the last blob has been passed to the transport. As
    an asynchronous context manager, it ends the stream, or aborts it if an exception was raised.
    """

    __slots__ = (
        "_accepted",
        "_error",
        "_link",
        "_news",
        "_over",
        "_paced",
        "_window",
        "digest",
        "index",
        "size",
    )

    def __init__(
        self, link: Link, index: int, over: Callable[[OutputStream, str], None], *, paced: bool
    ) -> None:
        self.index = index
        self.size = 0
        """Bytes sent."""
        self.digest: HASH | None = None
        """The hash of what was sent, if anybody wants to know it."""
        self._link = link
        self._over = over
        self._paced = paced
        self._accepted = not paced
        self._window = Window()
        self._error: GuacrError | None = None
        self._news = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """True until the stream is ended or refused."""
        return self._error is None

    async def write(self, data: bytes) -> None:
        """Send `data` in blobs, as quickly as the client accepts them; with empty data, only check
        that the stream is open.

        Raises:
            GuacrError: the client refused the stream; with the client's status and reason.
            ClosedError: the client has left, or the stream has ended.
            ClientTimeoutError: the client has acknowledged nothing for `ACK_TIMEOUT` seconds.
        """
        if self._error is not None:
            raise self._error
        view = memoryview(data)
        while view:
            await self._until(self._may_send)
            blobs = min(BLOBS_AT_ONCE, -(-len(view) // BLOB_MAX))
            if self._paced:
                blobs = min(blobs, self._window.room)
                self._window.sent(self._link.now(), blobs)
            piece, view = view[: blobs * BLOB_MAX], view[blobs * BLOB_MAX :]
            self._link.send(encode_blobs(self.index, piece))
            self.size += len(piece)
            if self.digest is not None:
                self.digest.update(piece)

    async def end(self) -> None:
        """End the stream and wait until the client has received all of it; raises as `write`
        does."""
        try:
            await self._until(self._may_send)
        except BaseException:
            self.abort()
            raise
        self._link.send(encode("end", self.index))
        try:
            await self._until(lambda: not self._window.in_flight)
        except BaseException:
            self._close(ClosedError("the stream has ended before it was complete"))
            raise
        self._close(ClosedError("the stream has ended"), whole=True)

    def abort(self) -> None:
        """End the stream at once, even if it is incomplete; does nothing after its end.

        The protocol cannot express this: a client treats what it has received as complete.
        """
        if self._error is None:
            self._link.send(encode("end", self.index))
            self._close(ClosedError("the stream has ended before it was complete"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self.end()
        else:
            self.abort()

    # ---- events

    def acknowledged(self, message: str, status: int) -> None:
        """Handle an `ack` of the client."""
        if status == Status.SUCCESS:
            if self._accepted:
                self._window.acknowledged(self._link.now())
            self._accepted = True
            self._news.set()
        else:
            reason = message[:REASON_MAX] or "no reason given"
            self._close(error_of_status(status, f"the client stopped the transfer: {reason}"))

    def drained(self) -> None:
        """Continue after the transport has sent everything."""
        self._news.set()

    def lost(self) -> None:
        """Close the stream after the client has left."""
        self._close(ClosedError("the client has left"))

    def _close(self, error: GuacrError, *, whole: bool = False) -> None:
        """Make further use of the stream raise `error`."""
        if self._error is None:
            self._error = error
            self._over(self, "" if whole else str(error))
            self._news.set()

    # ---- waiting

    def _may_send(self) -> bool:
        """Return whether to send: frames go first, so a stream adds nothing to unsent data."""
        ready = self._accepted and self._window.room > 0
        return ready and self._link.may_be_sent and not self._link.buffered

    async def _until(self, condition: Callable[[], bool]) -> None:
        while True:
            if self._error is not None:
                raise self._error
            if condition():
                return
            self._news.clear()
            try:
                async with asyncio.timeout(ACK_TIMEOUT):
                    await self._news.wait()
            except TimeoutError:
                self._late()

    def _late(self) -> None:
        """Close the stream after a long silence, unless the client could not be heard or be sent
        anything (the session drops clients that are stuck)."""
        link = self._link
        if link.is_held or link.buffered or not link.may_be_sent:
            return
        link.send(encode("end", self.index))
        self._close(
            ClientTimeoutError(
                f"the client has not acknowledged any data for {ACK_TIMEOUT:g} seconds"
            )
        )


class OutputStreams:
    """The open streams to one user, by index."""

    __slots__ = ("_closed", "_files", "_link", "_next", "_open", "_reports")

    def __init__(self, link: Link, reports: TransferReports) -> None:
        self._link = link
        self._reports = reports
        self._files: dict[int, str] = {}
        """The names of open streams that are files, whose ends are reported."""
        self._open: dict[int, OutputStream] = {}
        self._next = 0
        self._closed = False

    def open_file(self, name: str, mimetype: str) -> OutputStream:
        """Send the user a file, to be saved as `name`. Nothing is sent until the client has
        acknowledged the opening.

        Raises:
            TooManyError: `OUTPUTS_MAX` streams are open.
            ClosedError: the user has left.
        """
        stream = self._new(paced=True)
        self._report(stream, name)
        self._link.send(encode("file", stream.index, mimetype, name[:NAME_MAX]))
        return stream

    def open_pipe(self, name: str, mimetype: str) -> OutputStream:
        """Open a named pipe to the user; raises as `open_file` does.

        Clients need not acknowledge pipes, since guacd does not ask for it: only the transport
        limits the rate.
        """
        stream = self._new(paced=False)
        self._link.send(encode("pipe", stream.index, mimetype, name[:NAME_MAX]))
        return stream

    def open_body(
        self, object_index: int, name: str, mimetype: str, *, file: str = ""
    ) -> OutputStream:
        """Answer a request about an object; raises, and waits for acknowledgements, as `open_file`
        does.

        Args:
            object_index: the object.
            name: what a `get` names, or the number of a request.
            mimetype: the type of the body.
            file: the path of a file, whose end is reported; empty for anything else.
        """
        stream = self._new(paced=True)
        if file:
            self._report(stream, file)
        self._link.send(encode("body", object_index, stream.index, mimetype, name))
        return stream

    def send_body(self, object_index: int, name: str, mimetype: str, data: bytes) -> None:
        """Send a small body whole and at once; send nothing to a user who has `OUTPUTS_MAX` streams
        open."""
        with suppress(TooManyError, ClosedError):
            stream = self._new(paced=False)
            opening = encode("body", object_index, stream.index, mimetype, name)
            self._link.send(encode_stream(opening, stream.index, data))
            self._open.pop(stream.index, None)

    def acknowledged(self, index: int, message: str, status: int) -> None:
        """Handle an `ack` of the user; it is ignored if the stream is not open."""
        stream = self._open.get(index)
        if stream is not None:
            stream.acknowledged(message, status)

    def drained(self) -> None:
        """Continue after the transport has sent everything."""
        for stream in self._open.values():
            stream.drained()

    def close(self) -> None:
        """Close all streams after the user has left."""
        self._closed = True
        for stream in list(self._open.values()):
            stream.lost()

    def _new(self, *, paced: bool) -> OutputStream:
        """Return a stream with the index that has been free for longest, so that late
        acknowledgements of the previous stream do not count for the new one."""
        if self._closed:
            raise ClosedError("the client has left")
        if len(self._open) >= OUTPUTS_MAX:
            raise TooManyError(f"{OUTPUTS_MAX} streams are open: wait until one has ended")
        while self._next * 2 in self._open:
            self._next = (self._next + 1) % OUTPUTS_MAX
        stream = OutputStream(self._link, self._next * 2, self._over, paced=paced)
        self._open[stream.index] = stream
        self._next = (self._next + 1) % OUTPUTS_MAX
        return stream

    def _report(self, stream: OutputStream, name: str) -> None:
        self._files[stream.index] = name
        stream.digest = self._reports.started(name, incoming=False)

    def _over(self, stream: OutputStream, error: str) -> None:
        """Free the index of a stream that has ended."""
        self._open.pop(stream.index, None)
        name = self._files.pop(stream.index, None)
        if name is not None:
            self._reports.ended(name, stream.size, stream.digest, incoming=False, error=error)
