"""Fuzzes the wire format of tubes: cuts make no difference to whole frames, what was read can be
written, nothing is held that was not received, and the errors are those that are documented."""

from __future__ import annotations

import contextlib
import struct

from guacr.tubes.errors import FragmentError, FrameTooLongError, TargetError
from guacr.tubes.wire import control
from guacr.tubes.wire.control import OpenConnection, UdpPacket
from guacr.tubes.wire.fragments import AGE_MAX, IN_PROGRESS_MAX, Fragmenter, Reassembler
from guacr.tubes.wire.frames import OVERHEAD, Frame, FrameParser, encode
from guacr.tubes.wire.socks_target import read_target
from tests.fuzz.driver import main
from tests.guacr.tubes.wire.captured import FRAGMENTS, FRAMES

_SIZE = struct.Struct(">H")
_FRAGMENTED = Fragmenter().cut(encode(3, bytes(40_000), 0))

SAMPLES = [
    *(one.data for one in FRAMES if len(one.data) < 2000),
    b"".join(one.data for one in FRAMES if len(one.data) < 200),
    encode(1, b"a", 0)[:-1] + b"!" + encode(2, b"b", 0),
    b"".join(_SIZE.pack(len(one)) + one for one in _FRAGMENTED),
    b"".join(_SIZE.pack(len(one.data)) + one.data for one in FRAGMENTS[-5:]),
]


def one_input(data: bytes) -> None:
    """Receive `data` as a stream of frames, as a control message, and as messages with sizes."""
    whole = _parse([data])
    step = 1 + sum(data[:2]) % 97
    parts = _parse([data[at : at + step] for at in range(0, len(data), step)])
    if whole is not None and parts is not None and not (whole[1] or parts[1]):
        assert whole[0] == parts[0]
        _parse_controls(whole[0])
    _parse_controls([(0, data)])
    _reassemble(data)


def _parse(messages: list[bytes]) -> tuple[list[Frame], int] | None:
    """Return the frames, and how many were damaged; None if one is too long."""
    parser = FrameParser()
    frames: list[Frame] = []
    damaged = received = 0
    for message in messages:
        received += len(message)
        try:
            frames += parser.feed(message)
        except FrameTooLongError:
            return None
        damaged += len(parser.damaged)
        used = sum(len(payload) + OVERHEAD for _, payload in frames)
        assert used + parser.held + damaged * OVERHEAD <= received
    return frames, damaged


def _parse_controls(frames: list[Frame]) -> None:
    for conn_no, payload in frames:
        message = None if conn_no else control.parse(payload)
        if message is None:
            continue
        assert control.parse(message.encode()) == message
        if isinstance(message, OpenConnection | UdpPacket):
            found = message.target if isinstance(message, OpenConnection) else message.data
            with contextlib.suppress(TargetError):
                target, rest = read_target(found)
                assert target.encode() + rest == found


def _reassemble(data: bytes) -> None:
    """Receive messages with sizes, two a second."""
    reassembler = Reassembler()
    now, received = 0.0, len(data)
    while data:
        size = _SIZE.unpack(data[:2].ljust(2, b"\0"))[0]
        message, data = data[2 : 2 + size], data[2 + size :]
        now += 0.5
        with contextlib.suppress(FragmentError):
            reassembler.feed(message, now)
        assert reassembler.held <= received
        assert len(reassembler._incomplete) <= IN_PROGRESS_MAX
    reassembler.expire(now + AGE_MAX)
    assert (reassembler.held, reassembler.deadline) == (0, None)


if __name__ == "__main__":
    main(one_input, SAMPLES)
