"""Fuzzes an SCTP association: nothing that a peer sends raises an error or uses much memory."""

from __future__ import annotations

import struct

from guacr.tubes.sctp import Association, Limits
from guacr.tubes.sctp.packets import (
    ChunkType,
    PacketWriter,
    chunk,
    data_chunk,
    outgoing_reset_request,
    reconfig_response,
    sack_chunk,
)
from tests.fuzz.driver import main
from tests.support.sctp_link import opened, started

_LIMITS = Limits(window=50_000, message=20_000, channels=8)
_OPEN = struct.pack("!BBHIHH", 3, 0, 256, 0, 3, 0) + b"new"


def _data(offset: int, flags: int, stream: int, protocol: int, data: bytes) -> bytes:
    return data_chunk(flags, 0xFFFFFF00 + offset, stream, 0, protocol, data)


SAMPLES = [
    _data(0, 3, 0, 53, b"hello") + _data(1, 2, 0, 53, b"begin") + _data(2, 1, 0, 53, b"end"),
    _data(3, 3, 0, 53, b"early") + _data(1, 7, 2, 53, b"unordered"),
    _data(0, 3, 4, 50, _OPEN) + _data(1, 3, 4, 53, b"data") + _data(2, 3, 0, 57, b"\0"),
    sack_chunk(0xFFFFFF00, 1000, [(2, 3), (5, 5)], [7]),
    chunk(ChunkType.HEARTBEAT, b"\0\1\0\10beat")
    + chunk(ChunkType.RECONFIG, reconfig_response(1, 1)),
    chunk(ChunkType.RECONFIG, outgoing_reset_request(1, 2, 0xFFFFFF00, [0, 2])),
    chunk(ChunkType.INIT, struct.pack("!IIHHI", 1, 2000, 3, 3, 5)),
    chunk(ChunkType.COOKIE_ECHO, bytes(16)) + chunk(ChunkType.ABORT) + chunk(ChunkType.SHUTDOWN),
]
"""Chunks of a packet; TSNs from 0xffffff00 on count from the next that is expected."""


def one_input(data: bytes) -> None:
    """Send `data` as the chunks of packets of different lengths to an association in use."""
    pair = started(limits=_LIMITS)
    channel, other = opened(pair)
    other.send(b"something that is not acknowledged")
    other.pause_reading()
    end = pair.ends[1]
    writer = PacketWriter(5000, 5000, end._tag)
    body = _with_tsn(data, end._in.cumulative + 1)
    for step in (len(body) or 1, 64, 1000):
        for at in range(0, len(body), step):
            pair.inject(1, writer.packet(body[at : at + step]))
            end.take_packets(pair.clock)
    _check(end)
    channel.close()
    end.handle_deadline(pair.clock + 100)
    end.take_packets(pair.clock + 100)


def _with_tsn(data: bytes, first: int) -> bytes:
    """Put real TSNs into DATA chunks, as far as they are intact."""
    out, at = bytearray(data), 0
    while at + 16 <= len(out):
        kind, length = out[at], int.from_bytes(out[at + 2 : at + 4])
        if kind == ChunkType.DATA and out[at + 4 : at + 7] == b"\xff\xff\xff":
            out[at + 4 : at + 8] = (first + out[at + 7] & 0xFFFFFFFF).to_bytes(4)
        at += max((length + 3) & ~3, 4)
    return bytes(out)


def _check(end: Association) -> None:
    assert len(end.channels) <= _LIMITS.channels
    assert end._in.held >= 0
    assert end._in._waiting_bytes + end._in._partial_bytes + end._in.held < 150_000
    assert end._out.in_flight >= 0
    assert sum(map(len, end._control)) < 20_000


if __name__ == "__main__":
    main(one_input, SAMPLES)
