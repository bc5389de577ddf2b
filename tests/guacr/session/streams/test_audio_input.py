"""Sound that users record."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator

import pytest
from typing_extensions import override

from guacr.protocol.audio import AudioFormat
from guacr.session.events import Refused
from guacr.session.streams.audio_input import BURST, AudioInput
from guacr.session.user import User
from tests.support.clock import FrozenClock
from tests.support.loopback import Bench, MemoryTransport, SketchHandler, session_of

CD = AudioFormat()


class Recorder(SketchHandler):
    """Keeps what is recorded."""

    audio: AudioInput

    @override
    def record(self, user: User, audio: AudioInput) -> None:
        self.audio = audio
        self.sound = bytearray()
        self.ends = 0

    def ended(self) -> None:
        self.ends += 1

    def start(self) -> None:
        self.audio.start(self.sound.extend, self.ended)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(handler=Recorder)
    yield made
    await made.close()


def recorder(user: User) -> Recorder:
    handler = session_of(user).handler
    assert isinstance(handler, Recorder)
    return handler


def speak(transport: MemoryTransport, data: bytes, index: int = 3) -> None:
    transport.send("blob", index, b64encode(data).decode())


async def test_a_client_records_from_start_to_stop(bench: Bench) -> None:
    transport, user = bench.connect()
    transport.send("audio", 3, CD.mimetype)
    assert recorder(user).audio.format == CD
    speak(transport, b"lost")
    assert not transport.all("ack"), "the client waits for one"
    recorder(user).start()
    assert transport.all("ack") == [("3", "OK", "0")]
    speak(transport, b"abcd")
    speak(transport, b"efg")
    speak(transport, b"hi")
    assert recorder(user).sound == b"abcdefgh"
    recorder(user).audio.stop()
    assert transport.all("ack")[-1] == ("3", "the host is not recording", "518")
    assert recorder(user).ends == 1
    speak(transport, b"lost")
    recorder(user).audio.stop()
    assert len(transport.all("ack")) == 2
    transport.send("audio", 3, CD.mimetype)
    recorder(user).start()
    speak(transport, b"once")
    assert recorder(user).sound == b"once"


@pytest.mark.parametrize("way", ["end", "leave", "again"])
async def test_the_handler_learns_of_the_end(bench: Bench, way: str) -> None:
    _, owner = bench.connect()
    transport, _ = bench.connect(session_of(owner).id)
    transport.send("audio", 3, CD.mimetype)
    handler = recorder(owner)
    handler.start()
    ends: list[int] = []
    handler.audio.start(handler.sound.extend, lambda: ends.append(1))
    match way:
        case "end":
            transport.send("end", 3)
        case "leave":
            transport.receiver.connection_lost()
        case "again":
            transport.send("audio", 3, CD.mimetype)
    assert ends == [1]


@pytest.mark.parametrize("way", ["end", "stop", "again"])
async def test_stopping_what_is_over_is_harmless(bench: Bench, way: str) -> None:
    transport, user = bench.connect()
    transport.send("audio", 3, CD.mimetype)
    handler = recorder(user)
    first = handler.audio
    first.start(handler.sound.extend, first.stop)
    match way:
        case "end":
            transport.send("end", 3)
        case "stop":
            first.stop()
        case "again":
            transport.send("audio", 3, CD.mimetype)
    first.stop()
    assert len(transport.all("ack")) == (2 if way == "stop" else 1)
    assert transport.closed_with is None


async def test_a_user_has_one_microphone(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    first.send("audio", 3, CD.mimetype)
    first.send("audio", 4, CD.mimetype)
    second.send("audio", 4, CD.mimetype)
    text = "a microphone is already open: end its stream first"
    assert first.all("ack") == [("4", text, "797")]
    assert not second.all("ack")


async def test_who_may_not_act_may_not_speak(bench: Bench) -> None:
    _, owner = bench.connect()
    transport, _ = bench.connect(session_of(owner).id, read_only="true")
    transport.send("audio", 3, CD.mimetype)
    assert transport.all("ack") == [("3", "this connection is read-only", "256")]
    assert not hasattr(recorder(owner), "audio")


async def test_unknown_formats_are_refused(bench: Bench) -> None:
    transport, user = bench.connect()
    transport.send("audio", 3, "audio/ogg")
    (ack,) = transport.all("ack")
    assert ack[2] == "256"
    assert "use audio/L8 or audio/L16" in ack[1]
    assert not hasattr(recorder(user), "audio")


async def test_protocols_without_sound_refuse_it() -> None:
    bench = Bench()
    transport, user = bench.connect()
    with session_of(user).events.subscribe() as events:
        transport.send("audio", 3, CD.mimetype)
        transport.send("pipe", 4, "text/plain", "sketch")
        transport.send("file", 5, "text/plain", "sketch")
        refused = [one.name for one in events._pending if isinstance(one, Refused)]
    sentence = "audio streams are not supported by this protocol"
    assert transport.all("ack")[0] == ("3", sentence, "256")
    assert refused == ["sketch"], "an offer that is not taken is no refusal"
    await bench.close()


async def test_sound_comes_no_faster_than_it_is_recorded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FrozenClock(monkeypatch)
    transport, user = bench.connect()
    transport.send("audio", 3, CD.mimetype)
    handler = recorder(user)
    handler.start()
    burst = int(BURST * CD.bytes_per_second)
    for _ in range(100):
        speak(transport, b"abcd" * 1500)
    at_once = len(handler.sound)
    assert burst - 6000 < at_once <= burst
    clock.skip(0.1)
    for _ in range(100):
        speak(transport, b"efgh" * 1500)
    more = len(handler.sound) - at_once
    assert 0 < more < burst * 0.2
    assert set(handler.sound[at_once:]) == set(b"efgh"), "whole frames"
