"""A tone to play, and the level of recorded audio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import log10

import numpy as np

from guacr.api import AudioFormat, AudioInput, AudioOutput

TONE_FORMAT = AudioFormat(rate=44100, channels=2, bits=16)
PITCH = 440
"""Periods per second: a whole number, so that the second can be repeated."""
LOUDNESS = 0.1
"""The amplitude, relative to the maximum."""
INTERVAL = 0.02
"""Seconds of the tone that are sent at a time."""
BEHIND_MAX = 0.2
"""Maximum seconds of the tone that are sent after a delay."""
NOTE_INTERVAL = 0.5
"""Seconds of audio between two notes on its level."""


def tone() -> bytes:
    """Return one second of the tone in `TONE_FORMAT`."""
    rate, channels = TONE_FORMAT.rate, TONE_FORMAT.channels
    wave = np.sin(np.arange(rate) * (2 * np.pi * PITCH / rate)) * LOUDNESS * 0x7FFF
    data: bytes = wave.round().astype("<i2").repeat(channels).tobytes()
    return data


async def play_tone(output: AudioOutput) -> None:
    """Play in real time until cancelled."""
    loop = asyncio.get_running_loop()
    second, frame, rate = tone(), TONE_FORMAT.frame, TONE_FORMAT.rate
    start, sent = loop.time(), 0
    while True:
        due = int((loop.time() - start) * rate)
        sent = max(sent, due - int(BEHIND_MAX * rate))
        first = sent % rate * frame
        output.write((second + second)[first : first + (due - sent) * frame])
        sent = due
        await asyncio.sleep(INTERVAL)


class Level:
    """Shows the level of recorded audio, in decibels relative to full amplitude."""

    def __init__(self, audio: AudioInput, note: Callable[[str], None]) -> None:
        self._format = audio.format
        self._note = note
        self._peak = 0
        self._left = 0
        audio.start(self._take, lambda: note("microphone off"))

    def _take(self, data: bytes) -> None:
        samples = np.frombuffer(data, "<i2" if self._format.bits == 16 else "i1")
        self._peak = max(self._peak, abs(int(samples.min())), int(samples.max()))
        self._left -= len(data)
        if self._left < 0:
            self._note(f"microphone {decibels(self._peak, self._format.bits)}")
            self._left = int(NOTE_INTERVAL * self._format.bytes_per_second)
            self._peak = 0


def decibels(peak: int, bits: int) -> str:
    """Describe a peak of samples of `bits` bits."""
    return f"{20 * log10(peak / (1 << (bits - 1))):.0f} dB" if peak else "silent"
