"""Converts sound from one format to another."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from guacr.protocol.audio import AudioFormat

TAPS = 16
"""Frames of the source of which one result consists, and more where the rate becomes lower."""
PASS_BAND = 0.92
"""The cut-off frequency, relative to the lower of both rates."""
KAISER_BETA = 6.0
"""The shape of the window: a stop band of about -60 dB."""
EXACT_PHASES_MAX, PHASES = 640, 256
"""Filters for positions between two frames: one for each position that occurs, if these are at most
`EXACT_PHASES_MAX` (44,100 to 48,000 Hz: 160; 11,025: 640); otherwise `PHASES`."""
PART = 4096
"""Frames that are converted at a time; this bounds the memory."""
FULL = 0x7FFF

Samples = NDArray[np.float32]
"""(frames, channels), in units of samples of 16 bits."""


class Resampler:
    """Converts parts of a stream to samples of 16 bits, with a windowed sinc filter.

    The first frame of the result is at the time of the first frame of the stream. The result is
    half a filter (8 frames of the source, or more where the rate becomes lower) behind the stream;
    `end` returns this rest.

    Args:
        source: the format of the stream.
        target: the format of the result, with one or two channels; its samples have 16 bits.
    """

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self._source = source
        self._target = target
        common = gcd(source.rate, target.rate)
        self._step, self._unit = source.rate // common, target.rate // common
        """A result is `_step` units after the previous one; a frame of the source has `_unit`."""
        self._at = 0
        """The position of the next result's first tap in `_held`, in units."""
        silence = max(_taps(self._step, self._unit) // 2 - 1, 0)
        self._held: Samples = np.zeros((silence, target.channels), np.float32)
        """Frames that later results still need."""

    def feed(self, data: bytes) -> bytes:
        """Return the result for the next part of the stream, which has whole frames."""
        frame = self._source.frame
        parts = [data[at : at + PART * frame] for at in range(0, len(data), PART * frame)]
        return b"".join(self._converted(self._frames_of(part)) for part in parts)

    def end(self) -> bytes:
        """Return the rest of the result, at the end of the stream."""
        if self._step == self._unit:
            return b""
        after = _taps(self._step, self._unit) // 2
        return self._converted(np.zeros((after, self._target.channels), np.float32))

    def _converted(self, frames: Samples) -> bytes:
        if self._step != self._unit:
            frames = self._resampled(frames)
        limited = np.clip(np.rint(frames), -FULL - 1, FULL)
        whole: bytes = limited.astype("<i2").tobytes()
        return whole

    def _frames_of(self, data: bytes) -> Samples:
        if self._source.bits == 8:
            samples = np.frombuffer(data, np.int8).astype(np.float32) * 256
        else:
            samples = np.frombuffer(data, "<i2").astype(np.float32)
        return self._mixed(samples.reshape(-1, self._source.channels))

    def _mixed(self, frames: Samples) -> Samples:
        """Return frames with as many channels as the target has."""
        if self._target.channels == 1:
            mixed: Samples = frames.mean(axis=1, keepdims=True)
            return mixed
        if self._source.channels == 1:
            return frames.repeat(self._target.channels, axis=1)
        return frames[:, : self._target.channels]

    def _resampled(self, frames: Samples) -> Samples:
        filters = _filters(self._step, self._unit)
        phases, taps = filters.shape
        held = np.concatenate([self._held, frames])
        end = (len(held) - taps + 1) * self._unit
        places = np.arange(self._at, end, self._step)
        firsts, between = np.divmod(places, self._unit)
        factors = filters[between * phases // self._unit]
        result = np.empty((len(places), held.shape[1]), np.float32)
        if len(places):
            for channel, samples in enumerate(np.ascontiguousarray(held.T)):
                taken = sliding_window_view(samples, taps)[firsts]
                result[:, channel] = np.einsum("nt,nt->n", taken, factors)
        self._at += self._step * len(places)
        done = min(self._at // self._unit, len(held))
        self._at -= done * self._unit
        self._held = held[done:]
        return result


def _taps(step: int, unit: int) -> int:
    """Return the length of the filter in frames of the source, an even number."""
    return 2 * ceil(TAPS / 2 * max(step / unit, 1))


@lru_cache(maxsize=8)
def _filters(step: int, unit: int) -> Samples:
    """Return the filters, (positions between two frames, taps)."""
    taps = _taps(step, unit)
    phases = unit if unit <= EXACT_PHASES_MAX else PHASES
    times = np.arange(1 - taps // 2, taps // 2 + 1) - (np.arange(phases) / phases)[:, None]
    cut_off = min(unit / step, 1) * PASS_BAND
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(1 - (times / (taps / 2)) ** 2, 0)))
    filters = np.sinc(cut_off * times) * window
    filters /= filters.sum(axis=1, keepdims=True)  # a constant level stays what it is
    return filters.astype(np.float32)
