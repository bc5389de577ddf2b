"""A decoder for Opus, and what a client hears of a stream in it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr import opus
from tests.support.require import missing

RATE = 48000
FRAMES_MAX = 5760
"""Frames of the longest packet, of 120 ms."""


def require_opus() -> None:
    """Skip the test where libopus is not installed."""
    if not opus.is_available():
        missing("libopus is not installed")


@contextmanager
def only_libraries(*names: str) -> Iterator[None]:
    """Within the block, libopus is looked for under these names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opus, "_NAMES", names)
        _forget()
        yield
    _forget()


def _forget() -> None:
    opus.is_available.cache_clear()
    opus._library.cache_clear()


class OpusDecoder:
    """Decodes one stream with libopus."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._library = ctypes.CDLL("libopus.so.0")
        self._state = ctypes.create_string_buffer(self._library.opus_decoder_get_size(channels))
        assert self._library.opus_decoder_init(self._state, RATE, channels) == 0

    def decode(self, packet: bytes) -> NDArray[np.int16]:
        """(frames, channels)."""
        samples = np.empty((FRAMES_MAX, self._channels), np.int16)
        place = ctypes.c_void_p(samples.ctypes.data)
        size = len(packet)
        count = self._library.opus_decode(self._state, packet, size, place, FRAMES_MAX, 0)
        assert count > 0, f"libopus answers {count}"
        return samples[:count]


def packets_of(blob: bytes) -> list[bytes]:
    """The packets of one blob, each of which follows its length in two bytes."""
    packets = []
    while blob:
        length = int.from_bytes(blob[:2], "big")
        packets.append(blob[2 : 2 + length])
        assert len(packets[-1]) == length > 0, "a blob has whole packets"
        blob = blob[2 + length :]
    return packets


def decoded(blobs: list[bytes], channels: int) -> NDArray[np.int16]:
    """(frames, channels) of a whole stream."""
    decoder = OpusDecoder(channels)
    parts = [decoder.decode(packet) for blob in blobs for packet in packets_of(blob)]
    return np.concatenate([np.empty((0, channels), np.int16), *parts])


def pitch_of(samples: NDArray[np.number], rate: int = RATE) -> float:
    """The strongest frequency of one channel, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate / len(samples))
