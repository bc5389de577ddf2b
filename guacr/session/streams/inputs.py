"""Streams that a user opens to the daemon: `clipboard`, `argv`, `file`, `pipe`, `audio`."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from functools import partial

from guacr.budget import Budget
from guacr.errors import BadRequestError, ClosedError, GuacrError, OverrunError
from guacr.protocol.instruction import encode
from guacr.protocol.status import Status

FILES = frozenset(("file", "put"))
"""The kinds of streams that are files."""
STREAMS_MAX = 512
"""Maximum open streams of one user, as in libguac."""


class InputStream:
    """An open stream of a user. Its consumer sets `on_blob` and `on_end`."""

    __slots__ = (
        "_send",
        "confirms_end",
        "index",
        "is_cancelled",
        "kind",
        "mimetype",
        "name",
        "on_blob",
        "on_end",
        "on_failed",
        "on_refuse",
        "on_release",
    )

    def __init__(
        self, kind: str, index: int, mimetype: str, name: str, send: Callable[[bytes], None]
    ) -> None:
        self.kind = kind
        self.index = index
        self.mimetype = mimetype
        self.name = name
        self.confirms_end = False
        """True if its `end` is to be acknowledged once `on_end` returns. A consumer that needs more
        time sets it to False, and acknowledges the end itself."""
        self.is_cancelled = False
        """True once the user has cancelled it."""
        self.on_blob: Callable[[bytes], None] = _no_blob
        self.on_end: Callable[[], None] = _no_end
        self.on_failed: Callable[[GuacrError], None] = _no_failure
        """Called if it ends early: a blob was refused, its index was opened again, or the user has
        cancelled it."""
        self.on_release: Callable[[], None] = _no_end
        """The last call, in whatever way the stream has ended."""
        self.on_refuse: Callable[[GuacrError], None] = _no_failure
        """Set by the collection that contains the stream."""
        self._send = send

    def release(self) -> None:
        """Delete all callbacks after its end, so that it keeps nothing in memory."""
        self.on_refuse = _no_failure
        self.on_release()
        self.on_blob, self.on_failed = _no_blob, _no_failure
        self.on_end = self.on_release = _no_end

    def refuse(self, error: GuacrError) -> None:
        """End the stream with an error for the user; does nothing if it has ended."""
        self.on_refuse(error)

    def ack(self, message: str = "OK", status: Status = Status.SUCCESS) -> None:
        """Send an `ack`: a status other than SUCCESS tells the user to stop sending."""
        self._send(encode("ack", self.index, message, status))


class InputStreams:
    """The open streams of one user, by index.

    Args:
        send: sends instructions to the user.
        on_refused: called with a stream that could not be opened, and the reason.
        confirms_ends: True if the user waits for an `ack` of the `end` of each file.
    """

    __slots__ = ("_confirms_ends", "_on_refused", "_open", "_refused", "_send")

    def __init__(
        self,
        send: Callable[[bytes], None],
        on_refused: Callable[[InputStream, GuacrError], None],
        *,
        confirms_ends: bool = False,
    ) -> None:
        self._confirms_ends = confirms_ends
        self._on_refused = on_refused
        self._open: dict[int, InputStream] = {}
        self._refused: set[int] = set()
        """Indices that were refused, and whose `end` has not arrived. Until then, what arrives for
        them is ignored; the client may have opened the index again by the time an answer reached
        it."""
        self._send = send

    def open(
        self,
        kind: str,
        index_text: str,
        mimetype: str,
        name: str,
        accept: Callable[[InputStream], None],
    ) -> None:
        """Open a stream and pass it to `accept`; an error that `accept` raises is sent as an `ack`.

        Opening an index that is already open aborts the previous stream.
        """
        index = _index(index_text)
        replaced = self._open.pop(index, None)
        if replaced is not None:
            replaced.on_failed(BadRequestError(f"stream {index} was opened again before its end"))
            replaced.release()
        self._refused.discard(index)
        stream = InputStream(kind, index, mimetype, name, self._send)
        stream.confirms_end = self._confirms_ends and kind in FILES
        try:
            accept(stream)
        except GuacrError as error:
            self._refused.add(index)
            stream.ack(str(error), error.status)
            stream.release()
            self._on_refused(stream, error)
            return
        self._open[index] = stream
        stream.on_refuse = partial(self._refuse, stream)

    def has(self, kind: str) -> bool:
        """Return whether a stream of this kind is open."""
        return any(stream.kind == kind for stream in self._open.values())

    def blob(self, index_text: str, encoded: str) -> None:
        """Handle bytes for an open stream; send an `ack` for an unknown stream or invalid
        base64."""
        index = _index(index_text)
        stream = self._open.get(index)
        if stream is None:
            if index not in self._refused:
                self._not_open(index)
            return
        try:
            stream.on_blob(_decoded(encoded))
        except GuacrError as error:
            self._refuse(stream, error)

    def cancel(self, index_text: str) -> None:
        """Handle a stream's end before it is complete, because the user has cancelled it."""
        stream = self._open.pop(_index(index_text), None)
        if stream is None:
            self.end(index_text)
            return
        error = ClosedError("the user has cancelled the transfer")
        stream.is_cancelled = True
        stream.on_failed(error)
        if stream.confirms_end:
            stream.ack(str(error), error.status)
        stream.release()

    def end(self, index_text: str) -> None:
        """Handle a stream's regular end; send an `ack` for an unknown stream."""
        index = _index(index_text)
        if index in self._refused:
            self._refused.discard(index)
            return
        if index not in self._open:
            self._not_open(index)
            return
        try:
            self._end(index)
        except GuacrError as error:
            self._send(encode("ack", index, str(error), error.status))

    def close(self) -> None:
        """Release all streams without calling `on_end`."""
        for stream in self._open.values():
            stream.release()
        self._open.clear()
        self._send = _discard
        self._on_refused = _not_reported

    def _not_open(self, index: int) -> None:
        message = f"stream {index} is not open"
        self._send(encode("ack", index, message, Status.CLIENT_BAD_REQUEST))

    def _refuse(self, stream: InputStream, error: GuacrError) -> None:
        """Abort a stream."""
        stream.on_refuse = _no_failure
        if self._open.get(stream.index) is stream:
            del self._open[stream.index]
        self._refused.add(stream.index)
        self._send(encode("ack", stream.index, str(error), error.status))
        stream.on_failed(error)
        stream.release()

    def _end(self, index: int) -> None:
        stream = self._open.pop(index, None)
        if stream is not None:
            try:
                stream.on_end()
                if stream.confirms_end:
                    stream.ack()
            finally:
                stream.release()


class Collector:
    """Collects a stream of limited size, and passes it on when it is complete."""

    def __init__(
        self,
        stream: InputStream,
        limit: int,
        take: Callable[[bytes], None],
        what: str,
        memory: Budget,
    ) -> None:
        self._stream = stream
        self._limit = limit
        self._take = take
        self._what = what
        self._memory = memory
        self._data = bytearray()
        stream.on_blob = self._blob
        stream.on_end = self._end
        stream.on_release = self._release

    def _blob(self, data: bytes) -> None:
        if len(self._data) + len(data) > self._limit:
            raise OverrunError(f"{self._what} is larger than the {self._limit} bytes allowed")
        self._memory.take(len(data), self._what)
        self._data += data
        self._stream.ack()

    def _end(self) -> None:
        self._take(bytes(self._data))

    def _release(self) -> None:
        self._memory.give_back(len(self._data))
        self._data.clear()


def _discard(data: bytes) -> None:
    """Discard data after the user has left."""


def _no_blob(data: bytes) -> None:
    """Discard data that has no consumer."""


def _no_end() -> None:
    """Ignore an end that has no consumer."""


def _not_reported(stream: InputStream, error: GuacrError) -> None:
    """Report nothing after the user has left."""


def _no_failure(error: GuacrError) -> None:
    """Ignore a failure that has no consumer."""


def _index(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 4 and int(text) < STREAMS_MAX:
        return int(text)
    raise BadRequestError(f"stream index must be from 0 to {STREAMS_MAX - 1}")


def _decoded(encoded: str) -> bytes:
    try:
        return a2b_base64(encoded.encode("ascii"))
    except (UnicodeEncodeError, Base64Error):
        raise BadRequestError("blob is not valid base64") from None
