"""Sound in Opus: blobs, silence, odd formats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.opus import FRAME, RATE
from guacr.protocol.audio import CHANNELS_MAX, AudioFormat
from guacr.protocol.instruction import BLOB_MAX
from guacr.session.streams.opus_stream import SILENT_MAX, OpusStream
from tests.support.opus import decoded, packets_of, pitch_of, require_opus

PITCH = 440
NATIVE = AudioFormat(rate=RATE, channels=2)


@pytest.fixture(autouse=True, scope="module")
def library() -> None:
    require_opus()


def tone(audio: AudioFormat, seconds: float) -> bytes:
    wave = np.sin(2 * np.pi * PITCH * np.arange(int(audio.rate * seconds)) / audio.rate) * 0.4
    kind, most = (np.int8, 0x7F) if audio.bits == 8 else ("<i2", 0x7FFF)
    return np.repeat((wave * most).round().astype(kind), audio.channels).tobytes()


def parts(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_a_tone_arrives_as_one(rate: int, channels: int, bits: int) -> None:
    audio = AudioFormat(rate=rate, channels=channels, bits=bits)
    stream = OpusStream(audio)
    heard_channels = min(channels, 2)
    assert OpusStream.mimetype(audio) == (
        f"audio/vnd.guacr.opus;rate=48000,channels={heard_channels}"
    )
    blobs = [
        blob for part in parts(tone(audio, 1.0), 97 * audio.frame) for blob in stream.feed(part)
    ]
    heard = decoded(blobs + stream.end(), heard_channels)
    assert RATE <= len(heard) <= RATE + 2 * FRAME
    for channel in heard.T.astype(float):
        assert abs(pitch_of(channel) - PITCH) < 1
        assert 0.3 * 0x7FFF < channel.max() < 0.5 * 0x7FFF


def test_blobs_are_cut_between_packets() -> None:
    stream = OpusStream(NATIVE)
    noise = np.random.default_rng(1).integers(-20000, 20000, RATE * 2 * 2).astype("<i2")
    blobs = stream.feed(noise.tobytes())
    assert len(blobs) > 3
    assert all(len(blob) <= BLOB_MAX for blob in blobs)
    assert all(len(blob) > BLOB_MAX - 400 for blob in blobs[:-1]), "no more blobs than necessary"
    assert sum(len(packets_of(blob)) for blob in blobs) == 2 * RATE // FRAME


def test_a_packet_waits_until_it_is_full() -> None:
    stream, frame = OpusStream(NATIVE), tone(NATIVE, 0.02)
    assert stream.feed(frame[:-4]) == []
    (blob,) = stream.feed(frame[-4:])
    assert len(packets_of(blob)) == 1


def test_the_end_is_heard() -> None:
    audio = AudioFormat(rate=44100, channels=1)
    stream = OpusStream(audio)
    data = np.frombuffer(tone(audio, 0.055), "<i2")
    heard = decoded(stream.feed(data.tobytes()) + stream.end(), 1)[:, 0]
    loud = np.flatnonzero(np.abs(heard) > 3000)
    assert loud[-1] - loud[0] > 0.054 * RATE


def test_the_last_frames_are_heard() -> None:
    """Those that the resampler holds back."""
    audio = AudioFormat(rate=8000, channels=1)
    stream = OpusStream(audio)
    last = np.full(6, 20000, "<i2").tobytes()
    heard = decoded(stream.feed(bytes(800) + last) + stream.end(), 1)
    assert heard.max() > 5000


def test_silence_is_not_sent() -> None:
    stream, second = OpusStream(NATIVE), bytes(RATE * NATIVE.frame)
    packets = [packet for blob in stream.feed(second) for packet in packets_of(blob)]
    assert len(packets) == SILENT_MAX
    assert stream.feed(second) == []
    assert stream.end() == []
    (blob, *_) = stream.feed(tone(NATIVE, 0.2))
    assert len(packets_of(blob)) == 10


def test_short_pauses_are_sent() -> None:
    stream = OpusStream(NATIVE)
    sound, pause = tone(NATIVE, 0.02), bytes(SILENT_MAX * FRAME * NATIVE.frame)
    blobs = [blob for _ in range(4) for part in (sound, pause) for blob in stream.feed(part)]
    assert sum(len(packets_of(blob)) for blob in blobs) == 4 * (1 + SILENT_MAX)


@given(
    st.binary(max_size=5000),
    st.integers(8000, 48000),
    st.integers(1, CHANNELS_MAX),
    st.sampled_from((8, 16)),
    st.integers(1, 500),
)
def test_any_sound_is_taken(data: bytes, rate: int, channels: int, bits: int, size: int) -> None:
    audio = AudioFormat(rate=rate, channels=channels, bits=bits)
    data = data[: len(data) - len(data) % audio.frame]
    stream = OpusStream(audio)
    blobs = [blob for part in parts(data, size * audio.frame) for blob in stream.feed(part)]
    heard = decoded(blobs + stream.end(), min(channels, 2))
    assert len(heard) % FRAME == 0
    assert len(heard) <= len(data) / audio.frame * RATE / rate + 2 * FRAME
