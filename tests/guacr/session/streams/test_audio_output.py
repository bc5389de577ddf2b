"""Sound to every user whose client plays it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator

import numpy as np
import pytest

from guacr.opus import FRAME, RATE
from guacr.protocol.audio import AudioFormat
from guacr.protocol.client import ClientInfo
from guacr.session.streams.audio_output import BUFFERED_MAX, LAG_MAX, AudioOutput
from guacr.session.streams.opus_stream import SILENT_MAX, OpusStream
from guacr.session.user import User
from guacr.transport.base import Transport
from tests.support.clock import SkippingClock
from tests.support.loopback import Bench, MemoryTransport, frame, session_of, sketch, until
from tests.support.opus import decoded, only_libraries, packets_of, pitch_of, require_opus

PLAYS = ClientInfo(width=200, height=100, audio=("audio/L8", "audio/L16"))
DECODES = ClientInfo(width=200, height=100, audio=("audio/L8", "audio/L16", "audio/vnd.guacr.opus"))
DEAF_CLIENT = ClientInfo(width=200, height=100)
CD, SMALL = AudioFormat(), AudioFormat(rate=8000, channels=1, bits=8)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.close()


def heard(transport: MemoryTransport) -> list[tuple[str, bytes]]:
    """The mimetype and the sound of each stream of a client."""
    streams: dict[str, int] = {}
    found: list[tuple[str, bytearray]] = []
    for received in transport.received:
        if received.opcode == "audio":
            index, mimetype = received.args
            assert int(index) % 2, "streams to every user have odd indices"
            streams[index] = len(found)
            found.append((mimetype, bytearray()))
        elif received.opcode == "blob" and received.args[0] in streams:
            found[streams[received.args[0]]][1].extend(b64decode(received.args[1]))
        elif received.opcode == "end":
            streams.pop(received.args[0], None)
    return [(mimetype, bytes(sound)) for mimetype, sound in found]


def opened(user: User, audio: AudioFormat = CD) -> AudioOutput:
    return sketch(user).session.open_audio(audio)


async def test_those_who_play_it_hear_it(bench: Bench) -> None:
    first, owner = bench.connect(info=PLAYS)
    second, _ = bench.connect(session_of(owner).id, info=DEAF_CLIENT)
    third, _ = bench.connect(session_of(owner).id, info=PLAYS, read_only="true")
    output = opened(owner)
    output.write(b"abcd" * 5000)
    assert heard(first) == heard(third) == [(CD.mimetype, b"abcd" * 5000)]
    assert heard(second) == []


async def test_who_joins_hears_the_rest(bench: Bench) -> None:
    _, owner = bench.connect(info=PLAYS)
    output = opened(owner)
    output.write(b"abcd")
    second, _ = bench.connect(session_of(owner).id, info=PLAYS)
    output.write(b"efgh")
    assert heard(second) == [(CD.mimetype, b"efgh")]


async def test_blobs_have_whole_frames(bench: Bench) -> None:
    transport, owner = bench.connect(info=PLAYS)
    audio = AudioFormat(channels=5)
    output = opened(owner, audio)
    sound = bytes(range(256)) * 99
    for start in range(0, len(sound), 7001):
        output.write(sound[start : start + 7001])
    (index, _), *_ = transport.all("audio")
    blobs = [data for stream, data in transport.all("blob") if stream == index]
    sizes = [len(b64decode(data)) for data in blobs]
    assert len(sizes) > 5
    assert all(size % audio.frame == 0 for size in sizes)
    (_, played), *others = heard(transport)
    assert not others
    assert sound.startswith(played)
    assert len(sound) - len(played) < audio.frame


async def test_the_format_may_change(bench: Bench) -> None:
    transport, owner = bench.connect(info=PLAYS)
    modest, _ = bench.connect(
        session_of(owner).id, info=ClientInfo(width=9, height=9, audio=("audio/L16;rate=1",))
    )
    output = opened(owner)
    output.write(b"abcd")
    output.change(SMALL)
    output.write(b"xyz")
    output.change(SMALL)
    assert heard(transport) == [(CD.mimetype, b"abcd"), (SMALL.mimetype, b"xyz")]
    assert heard(modest) == [(CD.mimetype, b"abcd")]


async def test_its_index_is_no_other_streams_until_it_ends(bench: Bench) -> None:
    transport, owner = bench.connect(info=PLAYS)
    output = opened(owner)
    (index, _), *_ = transport.all("audio")
    streams = session_of(owner).display.streams
    assert int(index) not in {streams.take() for _ in range(200)}
    output.end()
    output.end()
    output.write(b"abcd")
    assert heard(transport) == [(CD.mimetype, b"")]
    assert transport.all("end").count((index,)) == 1
    assert int(index) in {streams.take() for _ in range(200)}


async def test_it_ends_with_the_session(bench: Bench) -> None:
    transport, owner = bench.connect(info=PLAYS)
    output = opened(owner)
    session_of(owner).close()
    ends = [(received.opcode, *received.args) for received in transport.received]
    index = transport.all("audio")[0][0]
    assert ends.index(("end", index)) < ends.index(("disconnect",))
    output.write(b"abcd")
    assert heard(transport) == [(CD.mimetype, b"")]


async def test_what_a_client_says_of_it_does_not_count(bench: Bench) -> None:
    transport, owner = bench.connect(info=PLAYS)
    output = opened(owner)
    transport.send("ack", transport.all("audio")[0][0], "BAD TYPE", 783)
    output.write(b"abcd")
    assert heard(transport) == [(CD.mimetype, b"abcd")]


async def test_who_does_not_take_it_misses_some_and_nothing_piles_up(bench: Bench) -> None:
    slow, owner = bench.connect(info=PLAYS)
    quick, _ = bench.connect(session_of(owner).id, info=PLAYS)
    await frame(slow)
    await frame(quick, 1)
    output = opened(owner)
    slow.stalled = True
    for _ in range(1000):
        output.write(b"abcd" * 1000)
    transport: Transport = slow
    assert transport.buffered < BUFFERED_MAX * 1.5
    assert len(heard(quick)[0][1]) == 4_000_000
    slow.drain()
    output.write(b"efgh")
    assert heard(slow)[0][1].endswith(b"efgh")


async def test_who_is_late_misses_some_even_where_no_frames_are_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SkippingClock(monkeypatch)
    transport, owner = bench.connect(info=PLAYS)
    await frame(transport)
    transport.acknowledge()
    output = opened(owner)
    clock.skip(1)
    output.write(b"abcd")
    assert transport.all("sync")[-1][1] == "0", "no frame, but to be acknowledged"
    transport.acknowledge()
    clock.skip(1)
    output.write(b"efgh")
    clock.skip(2 * LAG_MAX)
    output.write(b"ijkl")
    assert heard(transport)[0][1] == b"abcdefgh"
    transport.acknowledge()
    output.write(b"mnop")
    assert heard(transport)[0][1] == b"abcdefghmnop"


async def test_no_sync_goes_to_who_has_no_picture(bench: Bench) -> None:
    transport, owner = bench.connect(info=PLAYS)
    output = opened(owner)
    output.write(b"abcd")
    assert not transport.all("sync")


OPUS_STEREO, OPUS_MONO = (f"audio/vnd.guacr.opus;rate=48000,channels={count}" for count in (2, 1))


def tone(audio: AudioFormat, seconds: float) -> bytes:
    wave = np.sin(2 * np.pi * 440 * np.arange(int(audio.rate * seconds)) / audio.rate) * 9000
    return np.repeat(wave.round().astype("<i2"), audio.channels).tobytes()


def blobs(transport: MemoryTransport) -> list[bytes]:
    """Those of the only stream of a client."""
    ((index, _),) = transport.all("audio")
    return [b64decode(data) for stream, data in transport.all("blob") if stream == index]


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> list[AudioFormat]:
    """The formats for which an encoder has been made."""
    require_opus()
    made: list[AudioFormat] = []
    begin = OpusStream.__init__

    def note(stream: OpusStream, source: AudioFormat) -> None:
        made.append(source)
        begin(stream, source)

    monkeypatch.setattr(OpusStream, "__init__", note)
    return made


async def test_who_decodes_opus_is_sent_it_and_others_pcm(
    bench: Bench, encoders: list[AudioFormat]
) -> None:
    plain, owner = bench.connect(info=PLAYS)
    first, _ = bench.connect(session_of(owner).id, info=DECODES)
    second, _ = bench.connect(session_of(owner).id, info=DECODES)
    deaf, _ = bench.connect(session_of(owner).id, info=DEAF_CLIENT)
    output, sound = opened(owner), tone(CD, 1.0)
    for start in range(0, len(sound), 1001):
        output.write(sound[start : start + 1001])
    output.end()
    assert heard(plain) == [(CD.mimetype, sound)]
    assert heard(deaf) == []
    assert blobs(first) == blobs(second)
    assert first.all("audio") == second.all("audio") == [(plain.all("audio")[0][0], OPUS_STEREO)]
    samples = decoded(blobs(first), 2)
    assert abs(pitch_of(samples[:, 0]) - 440) < 1
    assert RATE <= len(samples) <= RATE + 2 * FRAME
    assert sum(map(len, blobs(first))) * 8 < len(sound)
    assert first.all("end")[-1] == plain.all("end")[-1] == (plain.all("audio")[0][0],)
    assert encoders == [CD], "it is encoded once"


async def test_nothing_is_encoded_for_nobody(bench: Bench, encoders: list[AudioFormat]) -> None:
    _, owner = bench.connect(info=PLAYS)
    output = opened(owner)
    output.write(tone(CD, 0.1))
    assert not encoders
    joiner, _ = bench.connect(session_of(owner).id, info=DECODES)
    output.write(tone(CD, 0.1))
    assert sum(len(packets_of(blob)) for blob in blobs(joiner)) == 4  # less 20 ms that wait
    joiner.close()
    await until(lambda: len(session_of(owner).users) == 1)
    output.write(tone(CD, 0.1))
    later, _ = bench.connect(session_of(owner).id, info=DECODES)
    output.write(tone(CD, 0.1))
    assert blobs(later) == blobs(joiner), "nothing from before"
    assert encoders == [CD, CD]


async def test_opus_follows_the_format(bench: Bench, encoders: list[AudioFormat]) -> None:
    transport, owner = bench.connect(info=DECODES)
    output = opened(owner)
    output.write(tone(CD, 0.1))
    output.change(SMALL)
    output.write(bytes(range(1, 100)) * 40)
    output.end()
    (stereo, first), (mono, second) = heard(transport)
    assert (stereo, mono) == (OPUS_STEREO, OPUS_MONO)
    assert 0.1 * RATE <= len(decoded([first], 2)) <= 0.1 * RATE + 2 * FRAME
    assert 0.49 * RATE <= len(decoded([second], 1)) <= 0.5 * RATE + 2 * FRAME
    assert encoders == [CD, SMALL]


async def test_silence_is_sent_as_pcm_alone(bench: Bench, encoders: list[AudioFormat]) -> None:
    plain, owner = bench.connect(info=PLAYS)
    small, _ = bench.connect(session_of(owner).id, info=DECODES)
    output = opened(owner)
    for _ in range(50):
        output.write(bytes(44100 * 4 // 50))
    assert heard(plain) == [(CD.mimetype, bytes(44100 * 4))]
    assert sum(len(packets_of(blob)) for blob in blobs(small)) == SILENT_MAX


async def test_who_does_not_take_opus_misses_some(
    bench: Bench, encoders: list[AudioFormat]
) -> None:
    slow, owner = bench.connect(info=DECODES)
    quick, _ = bench.connect(session_of(owner).id, info=DECODES)
    await frame(slow)
    await frame(quick, 1)
    output = opened(owner)
    slow.stalled = True
    for _ in range(100):
        output.write(tone(CD, 0.1))
    transport: Transport = slow
    assert transport.buffered < BUFFERED_MAX * 1.5
    assert len(decoded(blobs(quick), 2)) > 9.9 * RATE
    slow.drain()
    assert len(decoded(blobs(slow), 2)) < 5 * RATE


async def test_without_libopus_all_hear_pcm(bench: Bench) -> None:
    with only_libraries("libmissing.so.0"):
        first, owner = bench.connect(info=DECODES)
        alone = ClientInfo(width=9, height=9, audio=("audio/vnd.guacr.opus",))
        second, _ = bench.connect(session_of(owner).id, info=alone)
        output = opened(owner)
        output.write(b"abcd")
        output.end()
        assert heard(first) == [(CD.mimetype, b"abcd")]
        assert heard(second) == []
