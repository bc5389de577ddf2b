"""Streams that a user opens towards the daemon: `clipboard`, `argv`, `file`, `pipe`, `audio`."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable

from guacr.errors import BadRequestError, GuacrError, OverrunError
from guacr.protocol.instruction import encode
from guacr.protocol.status import Status

STREAMS_MAX = 512
"""Streams that one user may have open, as libguac has it."""


class InputStream:
    """One open stream of a user's. Whoever takes it sets `on_blob` and `on_end`."""

    __slots__ = ("_send", "index", "kind", "mimetype", "name", "on_blob", "on_end", "on_failed")

    def __init__(
        self, kind: str, index: int, mimetype: str, name: str, send: Callable[[bytes], None]
    ) -> None:
        self.kind = kind
        self.index = index
        self.mimetype = mimetype
        self.name = name
        self.on_blob: Callable[[bytes], None] = lambda data: None
        self.on_end: Callable[[], None] = lambda: None
        self.on_failed: Callable[[GuacrError], None] = lambda error: None
        """It is over before its end: a blob was refused, or its index was opened anew."""
        self._send = send

    def ack(self, message: str = "OK", status: Status = Status.SUCCESS) -> None:
        """Answer: a status other than SUCCESS tells the user to stop sending."""
        self._send(encode("ack", self.index, message, status))


class InputStreams:
    """The streams that one user has open, by index."""

    __slots__ = ("_open", "_refused", "_send")

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._open: dict[int, InputStream] = {}
        self._refused: set[int] = set()
        """Whose refusal was sent, and whose `end` has not come. What is under way is ignored: the
        client may have opened the index anew by the time an answer reached it."""
        self._send = send

    def open(
        self,
        kind: str,
        index_text: str,
        mimetype: str,
        name: str,
        accept: Callable[[InputStream], None],
    ) -> None:
        """Open a stream and hand it to `accept`; what `accept` raises is answered as an `ack`.

        Opening an index that is open breaks the stream off that was there before.
        """
        index = _index(index_text)
        replaced = self._open.pop(index, None)
        if replaced is not None:
            replaced.on_failed(BadRequestError(f"stream {index} was opened anew before its end"))
        self._refused.discard(index)
        stream = InputStream(kind, index, mimetype, name, self._send)
        try:
            accept(stream)
        except GuacrError as error:
            self._refused.add(index)
            stream.ack(str(error), error.status)
            return
        self._open[index] = stream

    def blob(self, index_text: str, encoded: str) -> None:
        """Bytes for an open stream; an unknown stream or broken base64 is answered."""
        index = _index(index_text)
        stream = self._open.get(index)
        if stream is None:
            if index not in self._refused:
                self._not_open(index)
            return
        try:
            stream.on_blob(_decoded(encoded))
        except GuacrError as error:
            if self._open.get(index) is stream:
                del self._open[index]
            self._refused.add(index)
            self._send(encode("ack", index, str(error), error.status))
            stream.on_failed(error)

    def end(self, index_text: str) -> None:
        """A stream's regular end; an unknown one is answered."""
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
        """Forget all of them; their ends are not reported."""
        self._open.clear()

    def _not_open(self, index: int) -> None:
        message = f"stream {index} is not open"
        self._send(encode("ack", index, message, Status.CLIENT_BAD_REQUEST))

    def _end(self, index: int) -> None:
        stream = self._open.pop(index, None)
        if stream is not None:
            stream.on_end()


class Collector:
    """Gathers a bounded stream and hands it over whole."""

    def __init__(
        self, stream: InputStream, limit: int, take: Callable[[bytes], None], what: str
    ) -> None:
        self._stream = stream
        self._limit = limit
        self._take = take
        self._what = what
        self._data = bytearray()
        stream.on_blob = self._blob
        stream.on_end = self._end

    def _blob(self, data: bytes) -> None:
        if len(self._data) + len(data) > self._limit:
            raise OverrunError(f"{self._what} is larger than the {self._limit} bytes allowed")
        self._data += data
        self._stream.ack()

    def _end(self) -> None:
        self._take(bytes(self._data))


def _index(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 4 and int(text) < STREAMS_MAX:
        return int(text)
    raise BadRequestError(f"stream index must be from 0 to {STREAMS_MAX - 1}")


def _decoded(encoded: str) -> bytes:
    try:
        return a2b_base64(encoded.encode("ascii"))
    except (UnicodeEncodeError, Base64Error):
        raise BadRequestError("blob is not valid base64") from None
