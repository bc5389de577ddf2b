"""Sound in other formats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.api import AudioFormat
from handlers.rdp.resampler import Resampler

PITCH = 440


def tone(audio: AudioFormat, seconds: float) -> bytes:
    wave = np.sin(2 * np.pi * PITCH * np.arange(int(audio.rate * seconds)) / audio.rate) * 0.5
    kind, most = (np.int8, 0x7F) if audio.bits == 8 else ("<i2", 0x7FFF)
    return np.repeat((wave * most).round().astype(kind), audio.channels).tobytes()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (AudioFormat(rate=44100, channels=2), AudioFormat(rate=44100, channels=2)),
        (AudioFormat(rate=44100, channels=1), AudioFormat(rate=48000, channels=2)),
        (AudioFormat(rate=48000, channels=2), AudioFormat(rate=16000, channels=1)),
        (AudioFormat(rate=8000, channels=1, bits=8), AudioFormat(rate=44100, channels=2)),
        (AudioFormat(rate=44100, channels=3), AudioFormat(rate=22050, channels=2)),
    ],
)
def test_a_tone_stays_one(source: AudioFormat, target: AudioFormat) -> None:
    resampler, data = Resampler(source, target), tone(source, 1.0)
    part = 100 * source.frame
    found = b"".join(resampler.feed(data[at : at + part]) for at in range(0, len(data), part))
    frames = np.frombuffer(found, "<i2").reshape(-1, target.channels)
    assert abs(len(frames) - target.rate) <= max(target.rate / source.rate, 1) + 1
    assert (frames == frames[:, :1]).all()
    wave = frames[:, 0].astype(float)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    assert abs(spectrum.argmax() * target.rate / len(wave) - PITCH) < 2
    assert 0.45 < wave.max() / 0x7FFF < 0.52
    steps = np.abs(np.diff(wave))
    assert steps.max() < 0.52 * 0x7FFF * 2 * np.pi * PITCH / target.rate + 300  # no gaps


@given(
    st.lists(st.integers(0, 40), max_size=20),
    st.integers(4000, 192_000),
    st.integers(4000, 192_000),
)
def test_any_cut_gives_the_same(sizes: list[int], rate: int, wanted: int) -> None:
    source, target = AudioFormat(rate=rate, channels=1), AudioFormat(rate=wanted, channels=1)
    data = np.arange(sum(sizes), dtype="<i2").tobytes()
    whole = Resampler(source, target).feed(data)
    resampler, found, at = Resampler(source, target), b"", 0
    for size in sizes:
        found += resampler.feed(data[2 * at : 2 * (at + size)])
        at += size
    left, right = (np.frombuffer(part, "<i2").astype(int) for part in (found, whole))
    assert abs(len(left) - len(right)) <= 1
    both = min(len(left), len(right))
    assert (np.abs(left[:both] - right[:both]) <= 1).all()
