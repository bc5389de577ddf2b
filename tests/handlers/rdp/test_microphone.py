"""The users' microphone, with xrdp; hosts that misuse it."""

from __future__ import annotations

import asyncio
import struct
from base64 import b64encode
from typing import Any, cast

import numpy as np
import pytest

from guacr.api import AudioFormat, AudioInput
from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from handlers.rdp.channel.codec import ChannelError, Message
from handlers.rdp.channel.virtual import MicrophoneClosed, MicrophoneOpened, Recorded
from handlers.rdp.engine import Engine
from handlers.rdp.microphone import UNSENT_MAX, Microphone
from tests.handlers.rdp.sessions import TIMEOUT, connected
from tests.support.xrdp import Xrdp

RATE, PITCH = 44100, 440
BLOB = 4096
START, STOP, GET = 1, 2, 3
"""Commands of xrdp's PulseAudio module to its channel server."""
GET_MAX = 1 << 15


def command(code: int, size: int = 0) -> bytes:
    """A command, with the number of bytes that it is about."""
    return struct.pack("<IIBH", 0, 11, code, size)


def speak(client: GuacClient, stream: int, seconds: float) -> None:
    """Send a tone as a microphone would, at once."""
    wave = np.sin(2 * np.pi * PITCH * np.arange(int(RATE * seconds)) / RATE) * 12000
    data = wave.round().astype("<i2").tobytes()
    for start in range(0, len(data), BLOB):
        client.send("blob", stream, b64encode(data[start : start + BLOB]).decode())


def offer(client: GuacClient) -> int:
    """Offer a microphone."""
    client.send("audio", 100, f"audio/L16;rate={RATE},channels=1")
    return 100


async def recorded(client: GuacClient, xrdp: Xrdp) -> bytes:
    """Record half a second on the host, as the PulseAudio module of xrdp does, while the client
    offers a microphone and sends a tone."""
    stream = offer(client)
    reader, writer = await xrdp.channel(await xrdp.display(), "audio_in")
    writer.write(command(START))
    assert await answered(client, stream) == Status.SUCCESS
    heard = b""
    async with asyncio.timeout(TIMEOUT):
        while len(heard) < RATE * 4 // 2:
            speak(client, stream, 0.1)
            await asyncio.sleep(0.1)  # a clock paces real sound, too
            writer.write(command(GET, GET_MAX))
            (size,) = struct.unpack("<H", await reader.readexactly(2))
            heard += await reader.readexactly(size)
    writer.write(command(STOP))
    await client.wait(lambda: client.state.acks[-1][2] != Status.SUCCESS, "the end")
    writer.close()
    await writer.wait_closed()
    return heard


async def answered(client: GuacClient, stream: int) -> int:
    """Return the first status that a stream has been answered with."""
    await client.wait(lambda: any(ack[0] == stream for ack in client.state.acks), "an answer")
    return next(status for index, _, status in client.state.acks if index == stream)


async def test_the_host_hears_a_tone(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters(), enable_audio_input="true") as client:
        heard = await recorded(client, xrdp)
    both = np.frombuffer(heard[: len(heard) // 4 * 4], "<i2").reshape(-1, 2)
    assert (both[:, 0] == both[:, 1]).all()
    spectrum = np.abs(np.fft.rfft(both[:, 0] * np.hanning(len(both))))
    assert abs(spectrum.argmax() * RATE / len(both) - PITCH) < 10


async def test_a_microphone_that_is_not_allowed(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters()) as client:
        assert await answered(client, offer(client)) == Status.UNSUPPORTED


class Audio:
    """A microphone that notes what is done with it."""

    def __init__(self) -> None:
        self.format = AudioFormat(rate=RATE, channels=1)
        self.done: list[str] = []
        self.take: Any = None
        self.ended: Any = None

    def start(self, take: Any, ended: Any) -> None:
        self.done.append("start")
        self.take, self.ended = take, ended

    def stop(self) -> None:
        self.done.append("stop")
        self.ended()


class Worker:
    """An engine that notes what it is sent."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.unsent = 0

    def send(self, messages: Any) -> None:
        self.sent += messages


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def microphone(worker: Worker) -> Microphone:
    made = Microphone()
    made.begin(cast(Engine, worker))
    return made


def test_it_records_while_the_host_wants_it(microphone: Microphone, worker: Worker) -> None:
    first, second = Audio(), Audio()
    microphone.handle(MicrophoneClosed())
    microphone.offer(cast(AudioInput, first))
    assert not first.done
    microphone.handle(MicrophoneOpened(RATE, 2))
    first.take(b"ab")
    assert worker.sent == [Recorded(b"abab")]
    microphone.handle(MicrophoneClosed())
    assert first.done == ["start", "stop"]
    microphone.handle(MicrophoneOpened(RATE, 1))
    microphone.offer(cast(AudioInput, second))
    second.take(b"cd")
    assert worker.sent[1:] == [Recorded(b"cd")]
    microphone.end()
    assert second.done == ["start", "stop"]


def test_a_user_who_stops(microphone: Microphone) -> None:
    audio = Audio()
    microphone.offer(cast(AudioInput, audio))
    microphone.handle(MicrophoneOpened(RATE, 2))
    audio.ended()
    microphone.handle(MicrophoneClosed())
    assert audio.done == ["start"]


def test_a_worker_that_does_not_read(microphone: Microphone, worker: Worker) -> None:
    audio = Audio()
    microphone.offer(cast(AudioInput, audio))
    microphone.handle(MicrophoneOpened(RATE, 1))
    worker.unsent = UNSENT_MAX
    audio.take(b"ab")
    worker.unsent = UNSENT_MAX + 1
    audio.take(b"cd")
    assert worker.sent == [Recorded(b"ab")]


@pytest.mark.parametrize(
    "opened", [MicrophoneOpened(0, 1), MicrophoneOpened(RATE, 0), MicrophoneOpened(RATE, 3)]
)
def test_formats_that_no_worker_wants(opened: MicrophoneOpened, microphone: Microphone) -> None:
    with pytest.raises(ChannelError):
        microphone.handle(opened)
