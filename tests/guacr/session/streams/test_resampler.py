"""Sound in other formats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from guacr.api import AudioFormat, Resampler
from guacr.session.streams.resampler import PART

PITCH = 440
FORMATS = [
    (AudioFormat(rate=44100, channels=2), AudioFormat(rate=44100, channels=2)),
    (AudioFormat(rate=44100, channels=1), AudioFormat(rate=48000, channels=2)),
    (AudioFormat(rate=48000, channels=2), AudioFormat(rate=16000, channels=1)),
    (AudioFormat(rate=8000, channels=1, bits=8), AudioFormat(rate=44100, channels=2)),
    (AudioFormat(rate=44100, channels=3), AudioFormat(rate=22050, channels=2)),
    (AudioFormat(rate=44101, channels=1), AudioFormat(rate=48000, channels=1)),
    (AudioFormat(rate=192_000, channels=1), AudioFormat(rate=4000, channels=1)),
]


def tone(audio: AudioFormat, seconds: float, pitch: float = PITCH, loudness: float = 0.5) -> bytes:
    wave = np.sin(2 * np.pi * pitch * np.arange(int(audio.rate * seconds)) / audio.rate) * loudness
    kind, most = (np.int8, 0x7F) if audio.bits == 8 else ("<i2", 0x7FFF)
    return np.repeat((wave * most).round().astype(kind), audio.channels).tobytes()


def strengths(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    """The amplitude at each frequency, relative to the maximum."""
    window = np.blackman(len(samples))
    found: NDArray[np.float64] = np.abs(np.fft.rfft(samples * window)) * 2 / window.sum() / 0x7FFF
    return found


def mono(rate: int) -> AudioFormat:
    return AudioFormat(rate=rate, channels=1)


@pytest.mark.parametrize(("source", "target"), FORMATS)
def test_a_tone_stays_one(source: AudioFormat, target: AudioFormat) -> None:
    resampler, data = Resampler(source, target), tone(source, 1.0)
    part = 100 * source.frame
    found = b"".join(resampler.feed(data[at : at + part]) for at in range(0, len(data), part))
    found += resampler.end()
    frames = np.frombuffer(found, "<i2").reshape(-1, target.channels)
    assert abs(len(frames) - target.rate) <= 1
    assert (frames == frames[:, :1]).all()
    wave = frames[:, 0].astype(float)
    at = np.arange(len(wave)) / target.rate
    noise = 0.01 if source.bits == 8 else 0.001
    middle = slice(len(wave) // 50, -len(wave) // 50)  # where the tone has neither begun nor ended
    exact = 0.5 * 0x7FFF * np.sin(2 * np.pi * PITCH * at)
    assert np.abs(wave - exact)[middle].max() < noise * 0x7FFF


@pytest.mark.parametrize(
    ("source", "target", "pitch"),
    [(44100, 16000, 12_000), (48000, 8000, 5000), (192_000, 44100, 30_000)],
)
def test_what_the_target_cannot_have_is_left_out(source: int, target: int, pitch: float) -> None:
    resampler = Resampler(mono(source), mono(target))
    found = np.frombuffer(resampler.feed(tone(mono(source), 0.5, pitch)), "<i2")
    assert strengths(found).max() < 0.5e-2


@pytest.mark.parametrize("source", [8000, 11025, 22050, 44100, 44101])
def test_nothing_is_added(source: int) -> None:
    """Above half the source's rate, there must be no mirror of what is below."""
    resampler = Resampler(mono(source), mono(48000))
    found = strengths(np.frombuffer(resampler.feed(tone(mono(source), 0.5, 1000)), "<i2"))
    frequencies = np.arange(len(found)) * 24000 / (len(found) - 1)
    others = found[np.abs(frequencies - 1000) > 200]
    assert others.max() < 1e-3


def test_the_loudest_sound_does_not_overflow() -> None:
    square = np.repeat([0x7FFF, -0x8000] * 50, 40).astype("<i2")
    resampler = Resampler(mono(44100), mono(48000))
    found = np.frombuffer(resampler.feed(square.tobytes()) + resampler.end(), "<i2").astype(int)
    middle = found.reshape(-1)[100:-100]
    runs = np.split(middle, np.flatnonzero(np.diff(np.sign(middle))) + 1)
    assert len(runs) == pytest.approx(len(square) / 40, abs=6), "no sample has the wrong sign"


def test_silence_stays_silent() -> None:
    resampler = Resampler(AudioFormat(rate=44100, channels=2), AudioFormat(rate=48000, channels=2))
    found = resampler.feed(bytes(44100 * 4)) + resampler.end()
    assert not any(found)


@given(
    st.lists(st.integers(0, 40), max_size=20),
    st.integers(4000, 192_000),
    st.integers(4000, 192_000),
)
def test_any_cut_gives_the_same(sizes: list[int], rate: int, wanted: int) -> None:
    data = np.random.default_rng(sum(sizes)).integers(-9000, 9000, sum(sizes)).astype("<i2")
    resampler = Resampler(mono(rate), mono(wanted))
    whole = resampler.feed(data.tobytes()) + resampler.end()
    resampler, found, at = Resampler(mono(rate), mono(wanted)), b"", 0
    for size in sizes:
        found += resampler.feed(data[at : at + size].tobytes())
        at += size
    found += resampler.end()
    left, right = (np.frombuffer(part, "<i2").astype(int) for part in (found, whole))
    assert len(left) == len(right)
    assert (np.abs(left - right) <= 1).all()
    assert len(left) == pytest.approx(len(data) * wanted / rate, abs=1)


def test_parts_of_any_length_are_converted_alike() -> None:
    source, target = mono(44100), mono(48000)
    data = tone(source, 1.0)
    assert len(data) > 2 * PART * source.frame
    resampler = Resampler(source, target)
    in_parts = b"".join(resampler.feed(data[at : at + 882]) for at in range(0, len(data), 882))
    assert Resampler(source, target).feed(data) == in_parts
