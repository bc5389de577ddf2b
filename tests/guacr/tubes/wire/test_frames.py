"""Frames: the captured ones, cut anywhere, damaged, too long, one or many in a message."""

from __future__ import annotations

import struct
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.errors import FrameTooLongError, WireError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.frames import (
    LENGTH_MAX,
    MESSAGE_MAX,
    MESSAGE_MIN,
    OVERHEAD,
    PAYLOAD_MAX,
    Frame,
    FrameParser,
    encode,
    encode_split,
    is_frame,
    message_limit,
)
from tests.guacr.tubes.wire.captured import FRAMES, Captured

NOW = 1795228880267
WHOLE = [one for one in FRAMES if one.facts["frames"]]
SHORT = [one for one in WHOLE if len(one.data) < 2000]

payloads = st.binary(max_size=40)
frames = st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), payloads), max_size=8)


def each(captured: Captured) -> str:
    return captured.name


def fed(*messages: bytes) -> list[Frame]:
    """What a parser makes of messages that leave nothing behind."""
    parser = FrameParser()
    found = [frame for message in messages for frame in parser.feed(message)]
    assert parser.held == 0
    return found


def in_parts(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def test_every_message_was_captured() -> None:
    assert len(FRAMES) == 96
    assert len(WHOLE) == 95


@pytest.mark.parametrize("captured", WHOLE, ids=each)
def test_captured(captured: Captured) -> None:
    assert fed(captured.data) == captured.payloads


@pytest.mark.parametrize("captured", SHORT, ids=each)
def test_captured_cut_at_every_byte(captured: Captured) -> None:
    for cut in range(len(captured.data) + 1):
        assert fed(captured.data[:cut], captured.data[cut:]) == captured.payloads


@pytest.mark.parametrize("captured", WHOLE, ids=each)
def test_captured_byte_by_byte(captured: Captured) -> None:
    parser = FrameParser()
    found = [frame for byte in captured.data for frame in parser.feed(bytes([byte]))]
    assert found == captured.payloads


@pytest.mark.parametrize("captured", WHOLE, ids=each)
def test_captured_are_written_as_they_were(captured: Captured) -> None:
    times = [time for _, time, _ in captured.facts["frames"]]
    written = [
        encode(conn_no, payload, time)
        for (conn_no, payload), time in zip(captured.payloads, times, strict=True)
    ]
    assert b"".join(written) == captured.data


def test_all_of_them_as_one_stream() -> None:
    stream = b"".join(one.data for one in WHOLE)
    expected = [frame for one in WHOLE for frame in one.payloads]
    for size in (1, 7, 1024, 65535, len(stream)):
        assert fed(*(stream[at : at + size] for at in range(0, len(stream), size))) == expected


def test_a_captured_part_is_held() -> None:
    (part,) = [one for one in FRAMES if not one.facts["frames"]]
    parser = FrameParser()
    assert parser.feed(part.data) == []
    assert parser.held == len(part.data)
    assert parser.feed(b"C" * 86 + b";") == [(1, b"C" * 100)]


@given(frames, st.lists(st.integers(0, 200), max_size=12))
def test_cuts_make_no_difference(sent: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(encode(conn_no, payload, NOW) for conn_no, payload in sent)
    assert fed(*in_parts(stream, [min(cut, len(stream)) for cut in cuts])) == sent


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_hostile_bytes(messages: list[bytes]) -> None:
    parser = FrameParser()
    received = 0
    try:
        for message in messages:
            received += len(message)
            found = parser.feed(message)
            received_now = parser.held + sum(len(payload) + OVERHEAD for _, payload in found)
            assert received_now <= received
            assert len(parser.damaged) <= received / OVERHEAD
    except FrameTooLongError:
        pass


def test_an_empty_message_and_an_empty_payload() -> None:
    assert fed(b"") == []
    assert fed(encode(7, b"", 0)) == [(7, b"")]


def test_the_longest_frame() -> None:
    payload = bytes(LENGTH_MAX)
    message = encode(1, payload, NOW)
    for size in (1024, 65535):
        assert fed(*(message[at : at + size] for at in range(0, len(message), size))) == [
            (1, payload)
        ]
    assert fed(message) == [(1, payload)]


@pytest.mark.parametrize("cut", [16, 20])
@pytest.mark.parametrize("length", [LENGTH_MAX + 1, 0xFFFFFFFF])
def test_a_frame_that_is_too_long(length: int, cut: int) -> None:
    message = struct.pack(">IQI", 1, NOW, length) + b"data"
    parser = FrameParser()
    with pytest.raises(FrameTooLongError, match=f"frame of {length} bytes, 16777216") as raised:
        parser.feed(message[:cut])
    assert raised.value.reason is CloseReason.PROTOCOL_ERROR


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_frame_that_is_too_long_is_known_by_its_header(cut: int) -> None:
    header = struct.pack(">IQI", 1, NOW, LENGTH_MAX + 1)
    parser = FrameParser()
    assert parser.feed(header[:cut]) == []
    with pytest.raises(FrameTooLongError):
        parser.feed(header[cut:])


def test_a_whole_frame_that_is_too_long() -> None:
    with pytest.raises(FrameTooLongError):
        FrameParser().feed(encode(1, bytes(LENGTH_MAX + 1), NOW))


def test_memory_grows_with_what_has_arrived() -> None:
    header = struct.pack(">IQI", 1, NOW, LENGTH_MAX)
    tracemalloc.start()
    parser = FrameParser()
    for piece in [header, *[bytes(1000)] * 1000]:
        assert parser.feed(piece) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.3 * parser.held
    assert parser.held == 1_000_016


def test_a_payload_keeps_no_message_in_memory() -> None:
    ((_, payload), _) = fed(encode(1, b"x", NOW) + encode(2, bytes(60_000), NOW))
    assert type(payload) is bytes


def damaged(conn_no: int, payload: bytes) -> bytes:
    return encode(conn_no, payload, NOW)[:-1] + b"!"


def test_a_wrong_terminator_costs_one_frame() -> None:
    parser = FrameParser()
    message = encode(1, b"a", NOW) + damaged(2, b"bad") + encode(3, b"c", NOW)
    assert parser.feed(message) == [(1, b"a"), (3, b"c")]
    assert parser.damaged == [2]
    assert parser.feed(encode(2, b"good", NOW)) == [(2, b"good")]
    assert parser.damaged == []


@pytest.mark.parametrize(
    "rest",
    [b"?", b"x" * 15, b"x" * 16, b"y" * 40, encode(3, b"c", NOW)[:-1], damaged(3, b"c"), bytes(17)],
)
def test_what_follows_a_wrong_terminator_and_is_no_frame_is_dropped(rest: bytes) -> None:
    parser = FrameParser()
    assert parser.feed(damaged(2, b"bad") + rest) == []
    assert parser.damaged == [2]
    assert parser.held == 0
    assert parser.feed(encode(4, b"next", NOW)) == [(4, b"next")]


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_wrong_terminator_of_a_frame_in_two_messages(cut: int) -> None:
    parser = FrameParser()
    message = damaged(2, b"bad")
    assert parser.feed(message[:cut]) == []
    assert parser.feed(message[cut:] + encode(3, b"c", NOW)) == [(3, b"c")]
    assert parser.damaged == [2]
    assert parser.held == 0


def test_many_wrong_terminators() -> None:
    parser = FrameParser()
    bad = [damaged(number, b"") + encode(9, b"", NOW) for number in range(1000)]
    assert parser.feed(b"".join(bad)) == [(9, b"")] * 1000
    assert parser.damaged == list(range(1000))


@given(st.binary(max_size=40), st.binary(max_size=3))
def test_a_message_is_one_frame(payload: bytes, more: bytes) -> None:
    assert is_frame(encode(1, payload, NOW) + more) == (not more)
    assert not is_frame(encode(1, payload, NOW)[:-1])
    assert not is_frame(encode(1, payload, NOW)[:-1] + b"!")


@given(st.binary(max_size=100), st.integers(21, 60))
def test_payloads_are_split(payload: bytes, message_max: int) -> None:
    messages = encode_split(5, payload, NOW, message_max)
    assert all(len(message) <= message_max for message in messages)
    assert b"".join(part for _, part in fed(*messages)) == payload
    assert len(messages) >= 1


def test_payloads_are_split_as_by_the_wheel() -> None:
    sizes = [len(message) for message in encode_split(1, bytes(40_000), NOW)]
    assert sizes == [PAYLOAD_MAX + OVERHEAD, 40_000 - PAYLOAD_MAX + OVERHEAD]
    assert len(encode_split(1, bytes(PAYLOAD_MAX), NOW)) == 1


@given(st.text(min_size=1, max_size=60), st.integers(21, 40))
def test_no_character_is_cut(text: str, message_max: int) -> None:
    messages = encode_split(1, text.encode(), NOW, message_max)
    assert "".join(payload.decode() for _, payload in fed(*messages)) == text


def test_bytes_that_continue_nothing_are_cut_at_the_limit() -> None:
    (_, first), *_ = fed(*encode_split(1, b"\x80" * 100, NOW, 50 + OVERHEAD))
    assert len(first) == 50


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_buffers_can_be_sent(kind: type[bytes]) -> None:
    payload = kind(b"data" * 10)
    assert fed(encode(1, payload, NOW)) == [(1, b"data" * 10)]
    messages = encode_split(1, payload, NOW, 30)
    assert b"".join(data for _, data in fed(*messages)) == b"data" * 10


def test_the_limit_of_a_peer() -> None:
    assert message_limit(0) == message_limit(65535) == message_limit(262144) == MESSAGE_MAX
    assert message_limit(16384) == 16384
    assert message_limit(MESSAGE_MIN) == MESSAGE_MIN
    with pytest.raises(WireError, match="peer accepts messages of 1023 bytes, 1024 are needed"):
        message_limit(MESSAGE_MIN - 1)
