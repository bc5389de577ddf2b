"""Converts sound from one format to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guacr.api import AudioFormat

Samples = NDArray[np.float64]
"""(frames, channels)."""


class Resampler:
    """Converts parts of a stream to samples of 16 bits, by linear interpolation.

    Args:
        source: the format of the stream.
        target: the format of the result; its samples have 16 bits.
    """

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self._source = source
        self._target = target
        self._last: Samples | None = None
        """The last frame of the previous part."""
        self._at = 0.0
        """The position of the next result, in frames after that one."""

    def feed(self, data: bytes) -> bytes:
        """Return the result for the next part of the stream, which has whole frames."""
        frames = self._mixed(self._frames_of(data))
        if self._source.rate != self._target.rate:
            frames = self._resampled(frames)
        whole: bytes = frames.round().astype("<i2").tobytes()
        return whole

    def _frames_of(self, data: bytes) -> Samples:
        if self._source.bits == 8:
            samples = np.frombuffer(data, np.int8).astype(np.float64) * 256
        else:
            samples = np.frombuffer(data, "<i2").astype(np.float64)
        frames: Samples = samples.reshape(-1, self._source.channels)
        return frames

    def _mixed(self, frames: Samples) -> Samples:
        """Return frames with as many channels as the target has."""
        if self._target.channels == 1:
            mixed: Samples = frames.mean(axis=1, keepdims=True)
            return mixed
        if self._source.channels == 1:
            return frames.repeat(self._target.channels, axis=1)
        return frames[:, : self._target.channels]

    def _resampled(self, frames: Samples) -> Samples:
        if not len(frames):
            return frames
        if self._last is not None:
            frames = np.concatenate([self._last, frames])
        step, end = self._source.rate / self._target.rate, len(frames) - 1
        places = self._at + step * np.arange(max(int(np.ceil((end - self._at) / step)), 0))
        before = np.minimum(places.astype(int), max(end - 1, 0))
        share = (places - before)[:, None]
        self._at += step * len(places) - end
        self._last = frames[-1:]
        resampled: Samples = (
            frames[before] * (1 - share) + frames[np.minimum(before + 1, end)] * share
        )
        return resampled
