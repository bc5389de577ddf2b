"""The frames of a gateway's WebSocket."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.gateway import frames
from handlers.rdp.gateway.frames import BINARY, Closed, FrameError, Parser, Ping

SERVED = (
    b"\x02\x03abc" b"\x89\x01p" b"\x80\x7e\x01\x00" + bytes(256) + b"\x8a\x00" b"\x82\x00"
    b"\x82\x7f\0\0\0\0\0\0\0\x02yz" b"\x88\x02\x03\xe8"
)  # fmt: skip
"""A message in two frames with a ping between them, a pong, two messages, and a close."""


def fed(*parts: bytes) -> list[frames.Event]:
    """The events, with what follows each other put together."""
    parser, found = Parser(), list[frames.Event]()
    for part in parts:
        for event in parser.feed(part):
            if found and isinstance(event, bytes) and isinstance(found[-1], bytes):
                found[-1] += event
            elif event != b"":
                found.append(event)
    return found


def test_events() -> None:
    whole = [b"abc", Ping(b"p"), bytes(256) + b"yz", Closed()]
    assert fed(SERVED) == whole
    assert fed(*(SERVED[at : at + 1] for at in range(len(SERVED)))) == whole


@given(st.lists(st.binary(min_size=1), max_size=9))
def test_any_bytes(parts: list[bytes]) -> None:
    try:
        whole = fed(*parts)
    except FrameError:
        with pytest.raises(FrameError):
            fed(b"".join(parts))
    else:
        assert whole == fed(b"".join(parts))


@pytest.mark.parametrize(
    "frame",
    [
        b"\x82\x81abcd", b"\xc2\x01a", b"\x81\x01a", b"\x80\x01a", b"\x83\x00", b"\x8b\x00",
        b"\x89\x7e\x00\x7e", b"\x09\x00", b"\x02\x00\x82\x00",
    ],
    ids=[
        "masked", "with an extension", "text", "goes on with nothing", "unknown", "unknown control",
        "a long ping", "half a ping", "a message in a message",
    ],
)  # fmt: skip
def test_frames_that_are_invalid(frame: bytes) -> None:
    with pytest.raises(FrameError):
        list(Parser().feed(frame))


def test_a_frame_without_end_is_not_collected() -> None:
    parser = Parser()
    assert list(parser.feed(b"\x82\x7f" + b"\xff" * 8)) == [b""]
    for _ in range(9):
        assert list(parser.feed(bytes(1000))) == [bytes(1000)]
    assert len(parser._buffer) == 1000


@given(
    st.binary(max_size=300)
    | st.binary(min_size=1, max_size=300).map(lambda part: (part * (1 << 16))[: 1 << 16])
)
def test_frames_of_clients_are_masked(data: bytes) -> None:
    encoded = frames.encode(BINARY, data)
    assert encoded[0] == 0x82
    size = {126: 2, 127: 8}.get(encoded[1] & 0x7F, 0)
    assert encoded[1] & 0x80
    mask, masked = encoded[2 + size : 6 + size], encoded[6 + size :]
    key = np.resize(np.frombuffer(mask, np.uint8), len(masked))
    assert (np.frombuffer(masked, np.uint8) ^ key).tobytes() == data
    if size:
        assert int.from_bytes(encoded[2 : 2 + size], "big") == len(data)
