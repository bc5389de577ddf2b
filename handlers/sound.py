"""The sound of a host, which its users hear as it comes."""

from __future__ import annotations

import asyncio

from guacr.api import AudioFormat, AudioOutput, SessionContext

AHEAD_MAX = 1.0
"""Seconds of sound that may arrive before their time; more is dropped."""


class LiveSound:
    """Plays to a session's users what a host sends, as far as it is sent in real time.

    Args:
        session: the session.
        audio: the format, unless `begin` is called with another one.
    """

    def __init__(self, session: SessionContext, audio: AudioFormat) -> None:
        self._session = session
        self._audio = audio
        self._output: AudioOutput | None = None
        self._ends_at = 0.0
        """When everything that has arrived will have been played, on the event loop's clock."""

    def begin(self, audio: AudioFormat | None = None) -> None:
        """Open a stream to the users, or continue in another format: the host begins to play."""
        self._audio = audio or self._audio
        if self._output is None:
            self._output = self._session.open_audio(self._audio)
        else:
            self._output.change(self._audio)

    def play(self, data: bytes) -> None:
        """Play a part."""
        if self._output is None:
            return
        now = asyncio.get_running_loop().time()
        ends_at = max(self._ends_at, now) + len(data) / self._audio.bytes_per_second
        if ends_at - now <= AHEAD_MAX:
            self._ends_at = ends_at
            self._output.write(data)

    def end(self) -> None:
        """End the stream: the host stops playing, or the connection has ended."""
        output, self._output = self._output, None
        if output is not None:
            output.end()
