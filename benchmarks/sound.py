"""Sound: what Opus and PCM take of a link and of a processor, for one second in stereo."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import print_table
from guacr.api import AudioFormat, Resampler
from guacr.opus import FRAME, RATE, OpusEncoder
from guacr.protocol.instruction import encode_blobs
from guacr.session.streams.opus_stream import OpusStream

SECONDS = 20
PARTS = 50
"""Parts of a second in which a host sends its sound."""
SOURCE = AudioFormat(rate=44100, channels=2)
STREAM = 1
RANDOM = np.random.default_rng(1)


def tone(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, 2): 440 Hz."""
    return np.sin(2 * np.pi * 440 * times)[:, None] * [0.5, 0.5]


def chords(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, 2): four plucked notes with overtones every half second, left and right differ."""
    beat, phase = np.divmod(times, 0.5)
    sound = np.zeros((len(times), 2))
    for note in range(4):
        pitch = 110 * 2 ** (((beat * 5 + note * 4) % 24) / 12)
        for overtone in range(1, 12):
            wave = np.sin(2 * np.pi * pitch * overtone * phase) * np.exp(-phase * 3 * overtone)
            sound += wave[:, None] / overtone * ([0.12, 0.05] if note % 2 else [0.05, 0.12])
    return sound + RANDOM.normal(0, 0.001, sound.shape)


def noise(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, 2): the worst that there is."""
    return RANDOM.normal(0, 0.2, (len(times), 2))


def silence(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, 2): as hosts send it that do not stop."""
    return np.zeros((len(times), 2))


def _samples(wave: Callable[[NDArray[np.float64]], NDArray[np.float64]], rate: int) -> bytes:
    times = np.arange(SECONDS * rate) / rate
    data: bytes = (np.clip(wave(times), -1, 1) * 0x7FFF).astype("<i2").tobytes()
    return data


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _cost(parts: list[bytes], work: Callable[[bytes], object]) -> float:
    """Processor milliseconds for each second of sound: the best of three runs."""
    costs = []
    for _ in range(3):
        begun = time.process_time()
        for part in parts:
            work(part)
        costs.append((time.process_time() - begun) / SECONDS * 1e3)
    return min(costs)


def _bandwidth(sent: list[bytes]) -> float:
    """Kilobits per second of instructions."""
    return sum(map(len, sent)) * 8 / SECONDS / 1e3


def main() -> None:
    """Print the tables."""
    size = SOURCE.rate // PARTS * SOURCE.frame
    rows: list[list[object]] = []
    for wave in (tone, chords, noise, silence):
        parts = _parts(_samples(wave, SOURCE.rate), size)
        stream = OpusStream(SOURCE)
        opus = [encode_blobs(STREAM, blob) for part in parts for blob in stream.feed(part)]
        pcm = [encode_blobs(STREAM, part) for part in parts]
        cost = _cost(parts, OpusStream(SOURCE).feed)
        rows.append([wave.__name__, _bandwidth(pcm), _bandwidth(opus), cost])
    columns = ["", "PCM, kbit/s", "Opus, kbit/s", "Opus, CPU ms/s"]
    print_table(f"Sound: {SOURCE.mimetype}, with Base64 and instructions", columns, rows)
    target = AudioFormat(rate=RATE, channels=2)
    resampling = _cost(_parts(_samples(chords, SOURCE.rate), size), Resampler(SOURCE, target).feed)
    frames = _parts(_samples(chords, RATE), FRAME * target.frame)
    encoding = _cost(frames, OpusEncoder(2).encode)
    steps = [["to 48,000 samples per second", resampling], ["encoding", encoding]]
    print_table("Sound: of which, CPU ms/s", ["", ""], steps)


if __name__ == "__main__":
    main()
