"""The encoder for Opus: what it encodes is heard again, and nothing wrong reaches libopus."""

from __future__ import annotations

import gc
import logging
from pathlib import Path

import numpy as np
import pytest

from guacr import opus
from guacr.opus import FRAME, LOOKAHEAD, PACKET_MAX, RATE, OpusEncoder, OpusError
from tests.support.opus import OpusDecoder, only_libraries, pitch_of, require_opus

PITCH = 440


@pytest.fixture(autouse=True, scope="module")
def library() -> None:
    require_opus()


def frames(channels: int, count: int) -> list[bytes]:
    """A tone of 440 Hz on each channel, the second one half as loud."""
    at = np.arange(FRAME * count) / RATE
    wave = np.sin(2 * np.pi * PITCH * at) * 12000
    sound = np.stack([wave, wave / 2][:channels], axis=1).round().astype("<i2").tobytes()
    size = FRAME * channels * 2
    return [sound[start : start + size] for start in range(0, len(sound), size)]


@pytest.mark.parametrize("channels", [1, 2])
def test_a_tone_is_heard_again(channels: int) -> None:
    encoder, decoder = OpusEncoder(channels), OpusDecoder(channels)
    packets = [encoder.encode(frame) for frame in frames(channels, 50)]
    heard = np.concatenate([decoder.decode(packet) for packet in packets]).astype(float)
    assert heard.shape == (RATE, channels)
    for channel, loudness in zip(heard.T, (12000, 6000), strict=False):
        assert abs(pitch_of(channel) - PITCH) < 1
        assert abs(channel[LOOKAHEAD + FRAME :].max() / loudness - 1) < 0.05
    sent = np.frombuffer(b"".join(frames(channels, 50)), "<i2").reshape(-1, channels)
    error = heard[LOOKAHEAD:, 0] - sent[:-LOOKAHEAD, 0]
    assert np.abs(error[FRAME:]).mean() < 600, "it is late by the lookahead"


@pytest.mark.parametrize(("channels", "limit"), [(1, 64_000), (2, 128_000)])
def test_the_bit_rate_is_kept(channels: int, limit: int) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, (100, FRAME * channels)).astype("<i2")
    encoder = OpusEncoder(channels)
    sizes = [len(encoder.encode(frame.tobytes())) for frame in noise]
    assert 0.8 * limit < sum(sizes) * 8 / 2 < 1.1 * limit
    assert max(sizes) < PACKET_MAX


@pytest.mark.parametrize("size", [0, 1, FRAME * 4 - 1, FRAME * 4 + 1, FRAME * 2, 1 << 20])
def test_only_whole_frames_reach_the_library(size: int) -> None:
    with pytest.raises(ValueError, match="a frame has 3840 bytes"):
        OpusEncoder(2).encode(bytes(size))


@pytest.mark.parametrize("channels", [-1, 0, 3, 255])
def test_numbers_of_channels_that_opus_has_not(channels: int) -> None:
    with pytest.raises(ValueError, match="1 or 2 channels"):
        OpusEncoder(channels)


def test_any_sound_can_be_encoded() -> None:
    encoder, decoder = OpusEncoder(2), OpusDecoder(2)
    random = np.random.default_rng(2)
    for kind in range(60):
        level = (0, 1, 0x7FFF)[kind % 3]
        frame = random.integers(-level - 1, level + 1, FRAME * 2).astype("<i2")
        if kind % 4 == 0:
            frame = np.where(frame > 0, 0x7FFF, -0x8000).astype("<i2")
        packet = encoder.encode(frame.tobytes())
        assert len(decoder.decode(packet)) == FRAME


def test_an_encoder_leaves_nothing_behind() -> None:
    def used() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1])

    for _ in range(200):
        OpusEncoder(2).encode(bytes(FRAME * 4))
    before = used()
    for _ in range(1000):
        OpusEncoder(2).encode(bytes(FRAME * 4))
    assert used() - before < 2000, "pages"


def test_it_may_be_missing(caplog: pytest.LogCaptureFixture) -> None:
    with only_libraries("libmissing.so.0"), caplog.at_level(logging.INFO, "guacr.opus"):
        assert not opus.is_available()
        assert not opus.is_available()
        with pytest.raises(OpusError, match="not installed"):
            OpusEncoder(1)
    (record,) = caplog.records
    assert "libopus0" in record.getMessage()


def test_a_library_without_its_functions_does_not_count() -> None:
    with only_libraries("libc.so.6", "libopus.so.0"):
        assert opus.is_available()
        OpusEncoder(1)


def test_what_libopus_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "_BITRATE", -5)
    with pytest.raises(OpusError, match="libopus failed: invalid argument"):
        OpusEncoder(1)
