"""Streams that the daemon opens towards one user: files, pipes and the bodies of objects.

Their indices are even, as libguac has it for streams of one user; streams to every user have
odd ones (`guacr.display.plan.StreamIndices`).
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
from guacr.session.window import Window

if TYPE_CHECKING:
    from guacr.session.user import User

OUTPUTS_MAX = 512
"""Streams that are open towards one user, as libguac has it."""
ACK_TIMEOUT = 15.0
"""Seconds that a client may take to acknowledge what it was sent."""
REASON_MAX = 200
"""Characters of a client's reason for refusing that are kept."""
NAME_MAX = 1024
"""Characters in the name of a stream."""


class OutputStream:
    """One open stream, written to by one task at a time.

    Nothing is kept here: `write` returns when the last blob has been handed to the transport. As an
    asynchronous context manager it ends the stream, or aborts it if there was an exception.
    """

    __slots__ = ("_accepted", "_error", "_news", "_paced", "_user", "_window", "index")

    def __init__(self, user: User, index: int, *, paced: bool) -> None:
        self.index = index
        self._user = user
        self._paced = paced
        self._accepted = not paced
        self._window = Window()
        self._error: GuacrError | None = None
        self._news = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether more can be written: nobody has ended or refused it."""
        return self._error is None

    async def write(self, data: bytes) -> None:
        """Send `data`, in blobs, as quickly as the client takes it; if it is empty, only look
        whether the stream is still open.

        Raises:
            GuacrError: the client refused, with its status and its reason.
            ClosedError: the client has left, or the stream has ended.
            ClientTimeoutError: the client has not acknowledged anything for `ACK_TIMEOUT` seconds.
        """
        if self._error is not None:
            raise self._error
        view = memoryview(data)
        for start in range(0, len(view), BLOB_MAX):
            await self._until(self._may_send)
            self._user.send(encode_blobs(self.index, view[start : start + BLOB_MAX]))
            if self._paced:
                self._window.sent(self._user.now())

    async def end(self) -> None:
        """End the stream and wait until the client has taken all of it; raises as `write` does."""
        try:
            await self._until(self._may_send)
        except BaseException:
            self.abort()
            raise
        self._user.send(encode("end", self.index))
        try:
            await self._until(lambda: not self._window.in_flight)
        finally:
            self._close(ClosedError("the stream has ended"))

    def abort(self) -> None:
        """End the stream at once, wherever it is; harmless after its end.

        The protocol has no other way to say so: a client takes what it got for the whole.
        """
        if self._error is None:
            self._user.send(encode("end", self.index))
            self._close(ClosedError("the stream has ended"))

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

    # ---- what happens to it

    def acknowledged(self, message: str, status: int) -> None:
        """The client answered."""
        if status == Status.SUCCESS:
            if self._accepted:
                self._window.acknowledged(self._user.now())
            self._accepted = True
            self._news.set()
        else:
            reason = message[:REASON_MAX] or "no reason given"
            self._close(error_of_status(status, f"the client took no more of it: {reason}"))

    def drained(self) -> None:
        """The transport has sent everything."""
        self._news.set()

    def lost(self) -> None:
        """The client has left."""
        self._close(ClosedError("the client has left"))

    def _close(self, error: GuacrError) -> None:
        """From here on, whoever uses the stream gets `error`."""
        if self._error is None:
            self._error = error
            self._user.outputs.forget(self)
            self._news.set()

    # ---- waiting

    def _may_send(self) -> bool:
        """Frames go first: a stream adds nothing to what the transport has yet to send."""
        ready = self._accepted and not self._window.is_full
        return ready and not self._user.transport.buffered

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
        """Nothing has been heard for long; a client that could not be heard or be sent anything
        is not to blame (the session drops those that are stuck)."""
        user = self._user
        if user.session.input_paused or user.transport.buffered:
            return
        user.send(encode("end", self.index))
        self._close(
            ClientTimeoutError(
                f"the client has not acknowledged what it was sent for {ACK_TIMEOUT:g} seconds"
            )
        )


class OutputStreams:
    """The streams that are open towards one user, by index."""

    __slots__ = ("_closed", "_next", "_open", "_user")

    def __init__(self, user: User) -> None:
        self._user = user
        self._open: dict[int, OutputStream] = {}
        self._next = 0
        self._closed = False

    def open_file(self, name: str, mimetype: str) -> OutputStream:
        """Send the user a file, to be saved under `name`. Nothing goes out before the client has
        acknowledged the opening.

        Raises:
            TooManyError: `OUTPUTS_MAX` streams are open.
            ClosedError: the user has left.
        """
        stream = self._new(paced=True)
        self._user.send(encode("file", stream.index, mimetype, name[:NAME_MAX]))
        return stream

    def open_pipe(self, name: str, mimetype: str) -> OutputStream:
        """Open a named pipe towards the user; raises as `open_file` does.

        Clients need not acknowledge pipes, since guacd asks for none: the transport alone sets
        the pace.
        """
        stream = self._new(paced=False)
        self._user.send(encode("pipe", stream.index, mimetype, name[:NAME_MAX]))
        return stream

    def open_body(self, object_index: int, name: str, mimetype: str) -> OutputStream:
        """Answer a `get` of `name` in an object; raises as `open_file` does, and is as paced."""
        stream = self._new(paced=True)
        self._user.send(encode("body", object_index, stream.index, mimetype, name))
        return stream

    def send_body(self, object_index: int, name: str, mimetype: str, data: bytes) -> None:
        """The same, whole and at once, for a few bytes; nothing is sent to a user who has
        `OUTPUTS_MAX` streams open."""
        with suppress(TooManyError, ClosedError):
            stream = self._new(paced=False)
            opening = encode("body", object_index, stream.index, mimetype, name)
            self._user.send(encode_stream(opening, stream.index, data))
            self.forget(stream)

    def acknowledged(self, index: int, message: str, status: int) -> None:
        """The user sent an `ack`; those of streams that are not open are ignored."""
        stream = self._open.get(index)
        if stream is not None:
            stream.acknowledged(message, status)

    def drained(self) -> None:
        """The transport has sent everything."""
        for stream in self._open.values():
            stream.drained()

    def forget(self, stream: OutputStream) -> None:
        """A stream is over: its index is free."""
        self._open.pop(stream.index, None)

    def close(self) -> None:
        """The user has left."""
        self._closed = True
        for stream in list(self._open.values()):
            stream.lost()

    def _new(self, *, paced: bool) -> OutputStream:
        """A stream with the index that has been free for longest, so that acknowledgements that
        are still on their way for the one before it do not count for it."""
        if self._closed:
            raise ClosedError("the client has left")
        if len(self._open) >= OUTPUTS_MAX:
            raise TooManyError(f"{OUTPUTS_MAX} streams are open: wait until one has ended")
        while self._next * 2 in self._open:
            self._next = (self._next + 1) % OUTPUTS_MAX
        stream = OutputStream(self._user, self._next * 2, paced=paced)
        self._open[stream.index] = stream
        self._next = (self._next + 1) % OUTPUTS_MAX
        return stream
