"""Messages survive their bytes, and bytes that are no messages are refused."""

from __future__ import annotations

import dataclasses
import struct
from typing import Any, cast, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.channel import messages
from handlers.rdp.channel.codec import ChannelError, Message, Parser, size_max
from handlers.rdp.channel.messages import (
    FROM_WORKER,
    RECTS_MAX,
    TO_WORKER,
    CertificateVerdict,
    Painted,
    Setting,
    Sized,
)

ALL = TO_WORKER + FROM_WORKER
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(0, 255),
    str: st.text(max_size=60),
    bytes: st.binary(max_size=200),
}


def of(known: type[Message]) -> st.SearchStrategy[Message]:
    """Any message of a class."""
    hints, kind = get_type_hints(known), cast(Any, known)
    return st.builds(known, *(VALUES[hints[field.name]] for field in dataclasses.fields(kind)))


ANY = st.one_of([of(known) for known in ALL])


@given(st.lists(ANY, max_size=5), st.data())
def test_messages_survive_any_cut(sent: list[Message], data: st.DataObject) -> None:
    stream = b"".join(message.encode() for message in sent)
    received: list[Message] = []
    parser, at = Parser(ALL), 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        received += parser.feed(stream[at : at + size])
        at += size
    assert received == sent


def test_types_are_unique() -> None:
    numbers = [message.TYPE for message in ALL]
    assert len(set(numbers)) == len(numbers)
    assert {vars(messages)[known.__name__] for known in ALL} == set(ALL)


@given(st.binary(max_size=100))
def test_other_bytes_are_refused_or_waited_for(data: bytes) -> None:
    parser = Parser(FROM_WORKER)
    try:
        list(parser.feed(data))
    except ChannelError:
        return


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<IB", 1, Setting.TYPE),  # the daemon's
        struct.pack("<IB", 0, Sized.TYPE),
        struct.pack("<IB", 6, Sized.TYPE),  # too long, although nothing of it has arrived
        struct.pack("<IB", 10 + (1 << 20), Painted.TYPE),
        struct.pack("<IB", 3, Sized.TYPE) + b"ab",  # too short
        struct.pack("<IB", 6, Sized.TYPE) + b"abcde",  # too long
        struct.pack("<IBI", 5, messages.Remark.TYPE, 1),  # a text that is not there
        struct.pack("<IBIB", 6, messages.Remark.TYPE, 1, 0xFF),  # not UTF-8
        struct.pack("<IBI", 5 + 70000, messages.Remark.TYPE, 70000) + bytes(70000),
    ],
)
def test_what_a_worker_must_not_send(data: bytes) -> None:
    with pytest.raises(ChannelError):
        list(Parser(FROM_WORKER).feed(data))


@pytest.mark.parametrize(
    "message",
    [
        Sized(1, 2),
        Painted(1, bytes(1 << 20)),
        messages.Remark("x" * (1 << 16), is_error=True),
        messages.Ended("x" * 256, True, 1),
    ],
)
def test_the_largest_messages(message: Message) -> None:
    data = message.encode()
    assert len(data) == 4 + size_max(type(message))
    assert list(Parser(FROM_WORKER).feed(data)) == [message]


def test_a_flag_is_0_or_1() -> None:
    with pytest.raises(ChannelError):
        list(Parser(TO_WORKER).feed(struct.pack("<IBB", 2, CertificateVerdict.TYPE, 2)))


def test_rectangles() -> None:
    rects = [(0, 1, 2, 3), (65535, 0, 1, 8192)]
    assert Painted.of(7, rects).parts() == rects
    with pytest.raises(ChannelError):
        Painted(1, b"1234567").parts()
    many = [(0, 0, 1, 1)] * RECTS_MAX
    assert Painted.of(1, many).parts() == many
    with pytest.raises(ChannelError):
        Painted.of(1, [*many, (0, 0, 1, 1)]).parts()
