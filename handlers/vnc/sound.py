"""The host's sound, which QEMU sends with the picture."""

from __future__ import annotations

from collections.abc import Callable

from guacr.api import AudioFormat, SessionContext
from handlers.sound import LiveSound
from handlers.vnc.rfb import messages

FORMAT = AudioFormat(rate=44100, channels=2, bits=16)


class Sound(LiveSound):
    """Plays to the session's users what a server sends, as far as it is sent in real time.

    Args:
        send: sends a message to the server.
    """

    def __init__(self, session: SessionContext, send: Callable[[bytes], None]) -> None:
        super().__init__(session, FORMAT)
        self.is_supported = False
        """True if the server can send sound."""
        self._send = send

    def request(self) -> None:
        """Request the sound: the server supports it."""
        if not self.is_supported:
            self.is_supported = True
            self._send(messages.request_sound(FORMAT.channels, FORMAT.rate))
