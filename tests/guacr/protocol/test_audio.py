"""Formats of sound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import UnsupportedError
from guacr.protocol.audio import CHANNELS_MAX, RATE_MAX, RATE_MIN, AudioFormat, Cutter


@pytest.mark.parametrize(
    ("mimetype", "rate", "channels", "bits"),
    [
        ("audio/L16;rate=44100,channels=2", 44100, 2, 16),
        ("audio/L8;rate=8000", 8000, 1, 8),
        ("audio/L16; channels=1, rate=48000", 48000, 1, 16),
        (f"audio/L8;rate={RATE_MAX},channels={CHANNELS_MAX}", RATE_MAX, CHANNELS_MAX, 8),
    ],
)
def test_mimetypes(mimetype: str, rate: int, channels: int, bits: int) -> None:
    audio = AudioFormat.parse(mimetype)
    assert audio == AudioFormat(rate=rate, channels=channels, bits=bits)
    assert AudioFormat.parse(audio.mimetype) == audio
    assert audio.bytes_per_second == rate * channels * bits // 8


@pytest.mark.parametrize(
    "mimetype",
    [
        "",
        "audio/ogg",
        "audio/L16",
        "audio/L24;rate=44100",
        "audio/L16;channels=2",
        "audio/L16;rate=44100,rate=8000",
        "audio/L16;rate=-1",
        "audio/L16;rate=44100.5",
        "audio/L16;rate=٤٤١٠٠",
        f"audio/L16;rate={RATE_MAX + 1}",
        f"audio/L16;rate={RATE_MIN - 1}",
        "audio/L16;rate=44100,channels=0",
        f"audio/L16;rate=44100,channels={CHANNELS_MAX + 1}",
        "audio/L16;rate=" + "9" * 5000,
    ],
)
def test_other_mimetypes_are_refused(mimetype: str) -> None:
    with pytest.raises(UnsupportedError, match="is not supported: use"):
        AudioFormat.parse(mimetype)


@given(st.lists(st.binary(max_size=30)), st.integers(1, CHANNELS_MAX), st.sampled_from([8, 16]))
def test_frames_are_never_cut(pieces: list[bytes], channels: int, bits: int) -> None:
    audio = AudioFormat(channels=channels, bits=bits)
    cutter = Cutter(audio)
    whole = [cutter.feed(piece) for piece in pieces]
    assert all(len(part) % audio.frame == 0 for part in whole)
    joined, given_in_all = b"".join(whole), b"".join(pieces)
    assert given_in_all.startswith(joined)
    assert len(given_in_all) - len(joined) < audio.frame
