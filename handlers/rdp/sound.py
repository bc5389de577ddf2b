"""The host's sound and its bell."""

from __future__ import annotations

import numpy as np

from guacr.api import AudioFormat, SessionContext, UnsupportedError
from handlers.bell import Bell
from handlers.rdp.channel.codec import ChannelError, Message
from handlers.rdp.channel.virtual import (
    Beeped,
    SoundBegun,
    Sounded,
    SoundEnded,
    SoundVolume,
)
from handlers.sound import LiveSound

FULL = 0xFFFF
"""The volume at which sound is unchanged (MS-RDPEA 2.2.3.1)."""


class HostSound:
    """Plays the sound of a host to the users of a session.

    Args:
        session: the session.
        is_wanted: False to play nothing.
    """

    def __init__(self, session: SessionContext, *, is_wanted: bool) -> None:
        self._is_wanted = is_wanted
        self._sound = LiveSound(session, AudioFormat())
        self._bell = Bell(session)
        self._volume = SoundVolume(FULL, FULL)
        self._channels = 0

    def close(self) -> None:
        """End the stream."""
        self._sound.end()

    def handle(self, message: Message) -> None:
        """Handle a message about sound.

        Raises:
            ChannelError: it is invalid.
        """
        if not self._is_wanted:
            return
        match message:
            case SoundBegun():
                self._begin(message)
            case SoundVolume():
                self._volume = message
            case Sounded():
                self._sound.play(self._scaled(message.data))
            case SoundEnded():
                self._sound.end()
            case Beeped():
                self._bell.ring()

    def _begin(self, begun: SoundBegun) -> None:
        try:
            audio = AudioFormat(rate=begun.rate, channels=begun.channels, bits=16)
        except UnsupportedError as error:
            raise ChannelError(str(error)) from None
        self._channels = begun.channels
        self._sound.begin(audio)

    def _scaled(self, data: bytes) -> bytes:
        """Return a part in the volume that the host has set for the left and the right channel."""
        left, right = self._volume.left, self._volume.right
        if left == right == FULL:
            return data
        volumes = (left, right) if self._channels == 2 else (max(left, right),)
        samples = np.frombuffer(data, "<i2", count=len(data) // 2)
        factors = np.resize(np.array(volumes, np.int64), len(samples))
        scaled: bytes = (samples * factors // FULL).astype("<i2").tobytes()
        return scaled
