"""Sound of a host, with xrdp; its bell."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from guacr import opus
from guacr.api import AudioFormat, SessionContext
from guacr.daemon import Daemon
from guacr.testing.client import GuacClient, Hello
from handlers import bell
from handlers.rdp.channel.codec import ChannelError
from handlers.rdp.channel.virtual import (
    Beeped,
    SoundBegun,
    Sounded,
    SoundEnded,
    SoundVolume,
)
from handlers.rdp.sound import FULL, HostSound
from handlers.sound import AHEAD_MAX
from tests.handlers.rdp.sessions import TIMEOUT, connected, shows
from tests.support.opus import decoded, pitch_of, require_opus
from tests.support.xrdp import Xrdp

RATE, PITCH = 44100, 440


def tone(seconds: float) -> bytes:
    """A tone on both channels."""
    wave = np.sin(2 * np.pi * PITCH * np.arange(int(RATE * seconds)) / RATE) * 12000
    return np.repeat(wave.round().astype("<i2"), 2).tobytes()


async def end(xrdp: Xrdp, client: GuacClient) -> None:
    """End the session, and with it the streams of sound."""
    await xrdp.end_sessions()
    await client.wait_closed(TIMEOUT)


async def test_a_tone_arrives_as_one(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters()) as client:
        await xrdp.play(await xrdp.display(), tone(2.0))
        await client.wait(lambda: client.canvas.counts["audio"], "sound")
        await end(xrdp, client)
    (played,) = client.state.streams
    assert played.args == (f"audio/L16;rate={RATE},channels=2",)
    both = np.frombuffer(bytes(played.data), "<i2").reshape(-1, 2)
    assert (both[:, 0] == both[:, 1]).all()
    assert len(both) > RATE
    spectrum = np.abs(np.fft.rfft(both[:, 0] * np.hanning(len(both))))
    assert abs(spectrum.argmax() * RATE / len(both) - PITCH) < 1
    jumps = np.abs(np.diff(both[:, 0].astype(int)))
    assert jumps.max() < 12000 * 2 * np.pi * PITCH / RATE + 2  # nothing is missing in between


async def test_a_tone_arrives_by_opus(daemon: Daemon, xrdp: Xrdp) -> None:
    require_opus()
    hello = Hello(audio=("audio/L8", "audio/L16", "audio/vnd.guacr.opus"))
    async with connected(daemon, xrdp.parameters(), hello) as client:
        await xrdp.play(await xrdp.display(), tone(2.0))
        await client.wait(lambda: client.canvas.counts["audio"], "sound")
        await end(xrdp, client)
    (played,) = client.state.streams
    assert played.args == ("audio/vnd.guacr.opus;rate=48000,channels=2",)
    heard = decoded([bytes(played.data)], 2)
    assert len(heard) > opus.RATE
    assert len(played.data) * opus.RATE / len(heard) < 17_000, "bytes for each second of sound"
    for channel in heard.T:
        assert abs(pitch_of(channel) - PITCH) < 1
        assert 11_000 < channel.max() < 13_000


async def test_no_sound_is_asked_for(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters("Xvnc"), disable_audio="true") as client:
        display = await xrdp.display()
        display.run("xkbbell")
        display.run("xsetroot", "-solid", "#123456")
        await client.wait(lambda: (client.canvas.flatten()[-1, -1] == (0x12, 0x34, 0x56)).all())
        assert not client.canvas.counts["audio"]
        assert not list(xrdp.sockets.glob("*audio_out*"))


async def test_the_bell(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters("Xvnc")) as client:
        display = await xrdp.display()
        await shows(client, display)  # before, the bell would ring for nobody
        display.run("xkbbell")
        await client.wait(lambda: client.state.streams, "the bell")
    (heard,) = client.state.streams
    assert (heard.args, bytes(heard.data)) == ((bell.FORMAT.mimetype,), bell.tone())


class Output:
    """An output that notes what is played."""

    def __init__(self, audio: AudioFormat) -> None:
        self.formats = [audio]
        self.data = b""
        self.has_ended = False

    def write(self, data: bytes) -> None:
        self.data += data

    def change(self, audio: AudioFormat) -> None:
        self.formats.append(audio)

    def end(self) -> None:
        self.has_ended = True


@pytest.fixture
def outputs() -> list[Output]:
    return []


@pytest.fixture
def sound(outputs: list[Output]) -> Iterator[HostSound]:
    def open_audio(audio: AudioFormat) -> Output:
        outputs.append(Output(audio))
        return outputs[-1]

    session: Any = SimpleNamespace(open_audio=open_audio)
    made = HostSound(cast(SessionContext, session), is_wanted=True)
    yield made
    made.close()
    assert all(output.has_ended for output in outputs)


async def test_formats_change(sound: HostSound, outputs: list[Output]) -> None:
    for message in (
        Sounded(b"lost"),
        SoundBegun(44100, 2),
        Sounded(b"abcd"),
        SoundBegun(22050, 1),
        Sounded(b"ef"),
        SoundEnded(),
        Sounded(b"lost"),
        SoundBegun(8000, 1),
        Sounded(b"gh"),
    ):
        sound.handle(message)
    stereo, mono, slow = (
        AudioFormat(rate=44100, channels=2, bits=16),
        AudioFormat(rate=22050, channels=1, bits=16),
        AudioFormat(rate=8000, channels=1, bits=16),
    )
    assert [(output.formats, output.data) for output in outputs] == [
        ([stereo, mono], b"abcdef"),
        ([slow], b"gh"),
    ]


@pytest.mark.parametrize(
    ("channels", "volume", "heard"),
    [
        (2, SoundVolume(FULL, FULL), [1000, -1000, 32767, -32768]),
        (2, SoundVolume(FULL // 5, 0), [200, 0, 6553, 0]),
        (1, SoundVolume(FULL // 5, 0), [200, -200, 6553, -6554]),
    ],
)
async def test_the_host_sets_the_volume(
    channels: int, volume: SoundVolume, heard: list[int], sound: HostSound, outputs: list[Output]
) -> None:
    sound.handle(SoundBegun(44100, channels))
    sound.handle(volume)
    sound.handle(Sounded(np.array([1000, -1000, 32767, -32768], "<i2").tobytes()))
    assert np.frombuffer(outputs[0].data, "<i2").tolist() == heard


async def test_only_as_much_as_can_be_played_is_passed_on(
    sound: HostSound, outputs: list[Output]
) -> None:
    sound.handle(SoundBegun(44100, 2))
    for _ in range(200):
        sound.handle(Sounded(bytes(1 << 16)))
    assert 0 < len(outputs[0].data) <= 2 * AHEAD_MAX * 44100 * 4


@pytest.mark.parametrize("begun", [SoundBegun(0, 2), SoundBegun(200_000, 2), SoundBegun(44100, 0)])
async def test_formats_that_no_worker_reports(begun: SoundBegun, sound: HostSound) -> None:
    with pytest.raises(ChannelError):
        sound.handle(begun)


async def test_what_a_worker_sends_unasked_is_not_heard(outputs: list[Output]) -> None:
    session: Any = SimpleNamespace(open_audio=pytest.fail)
    sound = HostSound(cast(SessionContext, session), is_wanted=False)
    for message in (SoundBegun(44100, 2), Sounded(b"abcd"), Beeped()):
        sound.handle(message)
