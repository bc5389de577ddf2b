"""A pipe whose bytes are typed into the terminal."""

from __future__ import annotations

from collections.abc import Callable

from guacr.errors import GuacrError
from guacr.session.streams import InputStream
from guacr.session.user import User


class StdinStream:
    """Passes a stream's bytes on and acknowledges them; while paused, the acknowledgement of the
    last ones waits, and so does the client."""

    __slots__ = ("_ended", "_owed", "_paused", "_send", "_stream", "user")

    def __init__(
        self,
        user: User,
        stream: InputStream,
        send: Callable[[bytes], None],
        ended: Callable[[], None],
    ) -> None:
        self.user = user
        self._stream = stream
        self._send = send
        self._ended = ended
        self._paused = False
        self._owed = 0
        stream.on_blob = self._blob
        stream.on_end = ended
        stream.on_failed = lambda error: ended()
        stream.ack()

    def pause(self) -> None:
        """The host takes no more for now."""
        self._paused = True

    def resume(self) -> None:
        """The host takes more: acknowledge what it got."""
        self._paused = False
        while self._owed:
            self._owed -= 1
            self._stream.ack()

    def _blob(self, data: bytes) -> None:
        try:
            self._send(data)
        except GuacrError:
            self._ended()
            raise
        if self._paused:
            self._owed += 1
        else:
            self._stream.ack()
