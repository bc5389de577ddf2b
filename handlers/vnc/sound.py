"""The host's sound, which QEMU sends with the picture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.api import AudioFormat, AudioOutput, SessionContext
from handlers.vnc.rfb import messages

FORMAT = AudioFormat(rate=44100, channels=2, bits=16)
AHEAD_MAX = 1.0
"""Seconds of sound that may arrive before their time; more is dropped."""


class Sound:
    """Plays to the session's users what a server sends, as far as it is sent in real time.

    Args:
        send: sends a message to the server.
    """

    def __init__(self, session: SessionContext, send: Callable[[bytes], None]) -> None:
        self.is_supported = False
        """True if the server can send sound."""
        self._session = session
        self._send = send
        self._output: AudioOutput | None = None
        self._ends_at = 0.0
        """When everything that has arrived will have been played, on the event loop's clock."""

    def request(self) -> None:
        """Request the sound: the server supports it."""
        if not self.is_supported:
            self.is_supported = True
            self._send(messages.request_sound(FORMAT.channels, FORMAT.rate))

    def begin(self) -> None:
        """Open a stream to the users: the host begins to play."""
        if self._output is None:
            self._output = self._session.open_audio(FORMAT)

    def play(self, data: bytes) -> None:
        """Play a part."""
        if self._output is None:
            return
        now = asyncio.get_running_loop().time()
        ends_at = max(self._ends_at, now) + len(data) / FORMAT.bytes_per_second
        if ends_at - now <= AHEAD_MAX:
            self._ends_at = ends_at
            self._output.write(data)

    def end(self) -> None:
        """End the stream: the host stops playing, or the connection has ended."""
        output, self._output = self._output, None
        if output is not None:
            output.end()
