"""The host's bell, which users hear as a short tone."""

from __future__ import annotations

import asyncio

import numpy as np

from guacr.api import AudioFormat, SessionContext

FORMAT = AudioFormat(rate=44100, channels=1, bits=16)
PITCH, LENGTH, SILENCE = 800, 0.1, 0.05
"""Periods per second; seconds of the tone, and of the silence after it, because guacamole-common-js
does not play the last 0.02 s of a stream."""
LOUDNESS = 0.2
"""The amplitude at the beginning, relative to the maximum; it fades."""
INTERVAL = 0.5
"""Minimum seconds between two tones."""


class Bell:
    """Rings for the users of a session."""

    def __init__(self, session: SessionContext) -> None:
        self._session = session
        self._rang_at = -INTERVAL

    def ring(self) -> None:
        """Play the tone, unless it has just been played."""
        now = asyncio.get_running_loop().time()
        if now - self._rang_at >= INTERVAL:
            self._rang_at = now
            output = self._session.open_audio(FORMAT)
            output.write(tone())
            output.end()


def tone() -> bytes:
    """Return the tone in `FORMAT`."""
    times = np.arange(LENGTH * FORMAT.rate) / FORMAT.rate
    wave = np.sin(2 * np.pi * PITCH * times) * (1 - times / LENGTH) * LOUDNESS * 0x7FFF
    data: bytes = wave.round().astype("<i2").tobytes()
    return data + bytes(int(SILENCE * FORMAT.rate) * FORMAT.frame)
