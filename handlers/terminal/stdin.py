"""A pipe whose bytes are typed into the terminal."""

from __future__ import annotations

from collections.abc import Callable

from guacr.api import GuacrError, InputStream, User


class StdinStream:
    """Passes on the bytes of a stream and acknowledges them. While paused, it delays the last
    acknowledgement, so that the client waits, too."""

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
        """Pause, because the host accepts no more at the moment."""
        self._paused = True

    def resume(self) -> None:
        """Continue, and acknowledge what the host has accepted."""
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
