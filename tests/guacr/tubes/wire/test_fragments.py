"""Fragments: the captured ones, any order, and the limits at the bound and one past it."""

from __future__ import annotations

import contextlib
import struct
from itertools import groupby
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.errors import FragmentError
from guacr.tubes.wire.fragments import (
    AGE_MAX,
    BYTES_MAX,
    COUNT_MAX,
    FRAGMENT_MAX,
    IN_PROGRESS_MAX,
    Fragmenter,
    Reassembler,
)
from guacr.tubes.wire.frames import FrameParser, encode
from tests.guacr.tubes.wire.captured import FRAGMENTS, Captured

NOW = 1000.0


def fragment(number: int, index: int, count: int, part: bytes = b"part", flags: int = 1) -> bytes:
    return struct.pack(">BIHH", flags, number, index, count) + part


def fed(reassembler: Reassembler, messages: list[bytes], now: float = NOW) -> list[bytes]:
    found = [reassembler.feed(message, now) for message in messages]
    return [message for message in found if message is not None]


@pytest.mark.parametrize("captured", FRAGMENTS, ids=lambda one: one.name)
def test_captured_headers(captured: Captured) -> None:
    facts = captured.facts
    header = struct.unpack_from(">BIHH", captured.data)
    assert header == (facts["flags"], facts["number"], facts["index"], facts["count"])


def test_captured_fragments_are_whole_frames() -> None:
    reassembler, parser = Reassembler(), FrameParser()
    found = fed(reassembler, [one.data for one in FRAGMENTS])
    payloads = [len(payload) for one in found for _, payload in parser.feed(one)]
    assert payloads == [32768] * 4 + [30720, 32768, 1000, 300]
    assert parser.damaged == []
    assert (parser.held, reassembler.held, reassembler.deadline) == (0, 0, None)


def test_fragments_are_those_of_the_wheel() -> None:
    fragmenter = Fragmenter()
    wheels = [one for one in FRAGMENTS if one.facts["from"] == "wheel"]
    for _, group in groupby(wheels, lambda one: one.facts["number"]):
        captured = [one.data for one in group]
        (whole,) = fed(Reassembler(), captured)
        assert fragmenter.cut(whole) == captured


def test_short_messages_are_not_cut() -> None:
    fragmenter = Fragmenter()
    longest = encode(1, bytes(FRAGMENT_MAX - 17), 0)
    assert fragmenter.cut(longest) == [longest]
    assert len(fragmenter.cut(encode(1, bytes(FRAGMENT_MAX - 16), 0))) == 2
    assert fragmenter.cut(b"") == [b""]


def test_a_message_that_looks_like_a_fragment_is_sent_as_one() -> None:
    message = encode(0x01000000, b"data", 0)
    assert Fragmenter().cut(message) == [fragment(0, 0, 1, message, 7)]
    assert fed(Reassembler(), Fragmenter().cut(message)) == [message]


def test_a_frame_that_looks_like_a_fragment_is_taken_as_one_frame() -> None:
    reassembler = Reassembler()
    message = encode(0x03000007, b"data", 1795228846877)
    assert fed(reassembler, [message]) == [message]
    for other in (message[:-1] + b"!", message + b"x;", message[:-1]):
        with pytest.raises(FragmentError, match="fragment 1 of 41467, 256 are allowed"):
            reassembler.feed(other, NOW)


def test_the_longest_message() -> None:
    longest = bytes(COUNT_MAX * (FRAGMENT_MAX - 9))
    pieces = Fragmenter().cut(longest)
    assert len(pieces) == COUNT_MAX
    assert fed(Reassembler(), pieces) == [longest]
    with pytest.raises(FragmentError, match="message needs 257 fragments, 256 are allowed"):
        Fragmenter().cut(longest + b"x")


def test_numbers_begin_again() -> None:
    fragmenter = Fragmenter()
    fragmenter._number = 0xFFFFFFFF
    long = bytes(FRAGMENT_MAX + 1)
    numbers = [fragmenter.cut(long)[0][1:5] for _ in range(2)]
    assert numbers == [b"\xff\xff\xff\xff", bytes(4)]


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=4), st.randoms(use_true_random=True))
def test_any_order(sent: list[int], chance: Random) -> None:
    fragmenter = Fragmenter()
    messages = [bytes([2 * number]) * size for number, size in enumerate(sent)]
    pieces = [piece for message in messages for piece in fragmenter.cut(message)]
    chance.shuffle(pieces)
    reassembler = Reassembler()
    assert sorted(fed(reassembler, pieces)) == sorted(messages)
    assert (reassembler.held, reassembler.deadline) == (0, None)


@given(st.lists(st.tuples(st.binary(max_size=30), st.floats(0, 40)), max_size=20))
def test_hostile_bytes(messages: list[tuple[bytes, float]]) -> None:
    reassembler, now = Reassembler(), 0.0
    for data, later in messages:
        now += later
        message = b"\1\0\0\0" + data if data[:1] < b"\x80" else data
        with contextlib.suppress(FragmentError):
            reassembler.feed(message, now)
        assert reassembler.held <= sum(len(one) + 4 for one, _ in messages)
        assert reassembler.deadline is None or reassembler.deadline > now


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"\1", "fragment without a complete header"),
        (b"\xff" + bytes(7), "fragment without a complete header"),
        (fragment(1, 0, 0), "fragment 0 of 0, 256 are allowed"),
        (fragment(1, 2, 2), "fragment 2 of 2, 256 are allowed"),
        (fragment(1, 0, 257), "fragment 0 of 257, 256 are allowed"),
        (fragment(1, 65535, 65535), "fragment 65535 of 65535, 256 are allowed"),
    ],
)
def test_what_is_no_fragment(message: bytes, text: str) -> None:
    reassembler = Reassembler()
    with pytest.raises(FragmentError, match=text):
        reassembler.feed(message, NOW)
    assert fed(reassembler, [fragment(1, 0, 1, b"next")]) == [b"next"]


def test_a_fragment_that_contradicts_the_earlier_ones() -> None:
    reassembler = Reassembler()
    assert fed(reassembler, [fragment(1, 0, 2), fragment(2, 0, 2, b"other ")]) == []
    with pytest.raises(FragmentError, match="fragment of 3, the earlier ones were of 2"):
        reassembler.feed(fragment(1, 1, 3), NOW)
    assert reassembler.held == len("other ")
    assert fed(reassembler, [fragment(2, 1, 2, b"message")]) == [b"other message"]


def test_repeated_fragments_are_ignored() -> None:
    reassembler = Reassembler()
    first = fragment(1, 0, 2, b"a")
    assert fed(reassembler, [first, fragment(1, 0, 2, b"x"), fragment(1, 1, 2, b"b")]) == [b"ab"]
    assert reassembler.held == 0


def test_messages_in_between() -> None:
    reassembler = Reassembler()
    plain = encode(1, b"plain", 0)
    assert fed(reassembler, [fragment(1, 0, 2, b"a"), plain, fragment(1, 1, 2, b"b")]) == [
        plain,
        b"ab",
    ]
    assert reassembler.feed(b"", NOW) == b""


def test_the_most_incomplete_messages() -> None:
    reassembler = Reassembler()
    assert fed(reassembler, [fragment(n, 0, 2, b"a") for n in range(IN_PROGRESS_MAX)]) == []
    with pytest.raises(FragmentError, match="more than 64 messages are incomplete"):
        reassembler.feed(fragment(IN_PROGRESS_MAX, 0, 2), NOW)
    assert fed(reassembler, [fragment(0, 1, 2, b"b"), fragment(99, 0, 2)]) == [b"ab"]


def test_the_most_bytes() -> None:
    reassembler = Reassembler()
    part = bytes(BYTES_MAX // 2)
    assert fed(reassembler, [fragment(1, 0, 3, part), fragment(2, 0, 2, part)]) == []
    rest = BYTES_MAX - 2 * len(part)
    assert fed(reassembler, [fragment(1, 1, 3, bytes(rest))]) == []
    assert reassembler.held == BYTES_MAX
    with pytest.raises(FragmentError, match="incomplete messages have more than 16777233 bytes"):
        reassembler.feed(fragment(2, 1, 2, b"x"), NOW)
    assert reassembler.held == len(part) + rest
    assert len(fed(reassembler, [fragment(1, 2, 3, b"x")])) == 1


def test_a_message_that_is_not_complete_in_time() -> None:
    reassembler = Reassembler()
    fed(reassembler, [fragment(1, 0, 2, b"late ")])
    fed(reassembler, [fragment(2, 0, 2, b"in ")], NOW + 1)
    assert reassembler.deadline == NOW + AGE_MAX
    reassembler.expire(NOW + AGE_MAX - 0.001)
    assert reassembler.expired == 0
    assert fed(reassembler, [fragment(2, 1, 2, b"time")], NOW + AGE_MAX) == [b"in time"]
    assert (reassembler.expired, reassembler.held) == (1, 0)


def test_a_fragment_does_not_prolong_its_message() -> None:
    reassembler = Reassembler()
    fed(reassembler, [fragment(1, 0, 3)])
    fed(reassembler, [fragment(1, 1, 3)], NOW + AGE_MAX - 1)
    reassembler.expire(NOW + AGE_MAX)
    assert reassembler.expired == 1
