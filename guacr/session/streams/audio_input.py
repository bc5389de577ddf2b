"""Audio that a user records for the remote host."""

from __future__ import annotations

from collections.abc import Callable

from guacr.errors import ClosedError
from guacr.protocol.audio import AudioFormat, Cutter
from guacr.session.streams.inputs import InputStream

SPEED_MAX = 1.1
"""The maximum average rate of incoming audio, relative to real time; the excess is dropped."""
BURST = 1.0
"""Seconds of audio that may arrive at once."""


class AudioInput:
    """One user's microphone, which records from `start` to `stop`.

    Args:
        stream: the stream that the user has opened.
        now: returns the time in seconds.

    Raises:
        UnsupportedError: the mimetype of the stream is not a known audio format.
    """

    __slots__ = ("_allowed", "_cutter", "_now", "_seen_at", "_stream", "_take", "format")

    def __init__(self, stream: InputStream, now: Callable[[], float]) -> None:
        self.format = AudioFormat.parse(stream.mimetype)
        self._stream = stream
        self._cutter = Cutter(self.format)
        self._now = now
        self._take: Callable[[bytes], None] | None = None
        self._seen_at = now()
        self._allowed = BURST * self.format.bytes_per_second
        stream.on_blob = self._blob

    def start(self, take: Callable[[bytes], None], ended: Callable[[], None] | None = None) -> None:
        """Make the client record; it asks its user for permission now, not earlier.

        Args:
            take: receives the audio in whole frames, on the event loop; it must be quick.
            ended: is called when the user has stopped recording or left.
        """
        self._take = take
        if ended is not None:
            self._stream.on_release = ended
        self._stream.ack()

    def stop(self) -> None:
        """Make the client stop; it may open another stream and wait for its `start`."""
        self._take = None
        self._stream.refuse(ClosedError("the host is not recording"))

    def _blob(self, data: bytes) -> None:
        """Drop what arrives before `start` or too quickly: late audio would only be later still."""
        now, rate = self._now(), self.format.bytes_per_second
        self._allowed += (now - self._seen_at) * SPEED_MAX * rate
        self._allowed = min(self._allowed, BURST * rate)
        self._seen_at = now
        whole = self._cutter.feed(data)
        if self._take is not None and whole and len(whole) <= self._allowed:
            self._allowed -= len(whole)
            self._take(whole)
