"""A peer that breaks the rules of SCTP, at whose packets an association must not break."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from guacr.tubes.sctp import Association, Limits
from guacr.tubes.sctp.channels import open_message
from guacr.tubes.sctp.inbound import EARLY_STEPS_MAX
from guacr.tubes.sctp.packets import (
    FIRST,
    LAST,
    ChunkType,
    PacketWriter,
    chunk,
    chunks,
    data_chunk,
    init_chunk,
    init_fields,
    outgoing_reset_request,
    parameters,
    sack_chunk,
)
from guacr.tubes.sctp.resets import ANSWERS_MAX

WHOLE = FIRST | LAST
RECORD_MAX = 16 * 1024
"""Bytes of a packet that a peer may send: those of a record of DTLS."""


class HostilePeer:
    """An association, and a peer that sends it what a test makes up.

    Attributes:
        end: the association.
        tsn: of the next chunk to send it.
        first_tsn: of the association's first chunk.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.end = Association(is_client=True, limits=limits)
        self.reason = ""
        self.end.on_closed = lambda reason: setattr(self, "reason", reason)
        self.end.start(0.0)
        self.tsn = 1
        (init,) = self.end.take_packets(0.0)
        (_, _, start, end) = next(chunks(init))
        tag, _, _, _, self.first_tsn = init_fields(init[start:end])
        self._writer = PacketWriter(5000, 5000, tag)
        hello = PacketWriter(5000, 5000, 0)
        self.end.receive(
            hello.packet(init_chunk(ChunkType.INIT, 7, 1 << 20, 65535, self.tsn, b"")), 0.0
        )
        for packet in self.end.take_packets(0.0):
            for kind, _, start, end in chunks(packet):
                if kind == ChunkType.INIT_ACK:
                    cookies = dict(parameters(packet[start + 16 : end]))
                    self.send(chunk(ChunkType.COOKIE_ECHO, cookies[7]))
        assert self.end.is_established
        self.take()

    def send(self, *parts: bytes) -> None:
        """Send a packet of these chunks."""
        packet = self._writer.packet(b"".join(parts))
        assert len(packet) <= RECORD_MAX
        self.end.receive(packet, 0.0)

    def data(self, stream: int, protocol: int, data: bytes) -> bytes:
        """The next chunk with a whole message."""
        self.tsn += 1
        return data_chunk(WHOLE, self.tsn - 1, stream, 0, protocol, data)

    def take(self) -> list[bytes]:
        """All packets that are due now."""
        packets = self.end.take_packets(0.0)
        while self.end.has_more:
            packets += self.end.take_packets(0.0)
        return packets


def test_gaps_beyond_what_was_sent_end_the_association() -> None:
    peer = HostilePeer()
    peer.end.open_channel("c").send(bytes(5000))
    peer.take()

    peer.send(sack_chunk(peer.first_tsn - 1, 1000, [(60000, 65000), (1, 1)], []))

    assert peer.reason == "The peer broke the protocol: it acknowledges what was not sent."


def test_gaps_that_overlap_cost_no_more_than_others() -> None:
    peer = HostilePeer()
    channel = peer.end.open_channel("c")
    acknowledged, sent = peer.first_tsn - 1, len(peer.take())
    while sent < 640:  # in flight
        acknowledged += sent
        for _ in range(16):
            channel.send(bytes(65536))
        peer.send(sack_chunk(acknowledged, 1 << 24, [], []))
        sent = sum(kind == ChunkType.DATA for one in peer.take() for kind, *_ in chunks(one))

    began = perf_counter()
    for n in range(10):
        peer.send(sack_chunk(acknowledged, 1 << 24, [(2 + n, sent)] * 4000, []))

    assert perf_counter() - began < 0.5
    assert not peer.reason


def test_only_the_first_report_of_a_packet_is_read() -> None:
    peer = HostilePeer()
    peer.end.open_channel("c")
    peer.take()

    peer.send(
        sack_chunk(peer.first_tsn - 1, 1000, [], []), sack_chunk(peer.first_tsn, 1000, [], [])
    )

    assert not peer.end.is_idle


@pytest.mark.parametrize("size", [1, 1000, 1024])
def test_answers_to_many_heartbeats_fit_into_packets(size: int) -> None:
    peer = HostilePeer()
    heartbeat = chunk(ChunkType.HEARTBEAT, bytes(size))

    for _ in range(3):
        peer.send(heartbeat * min(12, RECORD_MAX // len(heartbeat) - 1))

    answers = peer.take()
    assert answers
    assert max(map(len, answers)) <= peer.end.limits.packet
    assert sum(kind == ChunkType.HEARTBEAT_ACK for one in answers for kind, *_ in chunks(one)) == 16


def test_a_reset_that_is_repeated_is_answered_within_limits() -> None:
    peer = HostilePeer()
    request = chunk(ChunkType.RECONFIG, outgoing_reset_request(5, 4, 0, [9]))

    for _ in range(3):
        peer.send(request * 650)
    answers = peer.take()

    kinds = [kind for one in answers for kind, *_ in chunks(one)]
    assert kinds == [ChunkType.RECONFIG] * ANSWERS_MAX
    assert max(map(len, answers)) <= peer.end.limits.packet


def test_refusals_of_channels_are_bounded() -> None:
    peer = HostilePeer(Limits(channels=2))

    for stream in range(0, 60000, 100):
        opening = open_message("c")
        peer.send(*[peer.data(stream + n, 50, opening) for n in range(100)])
        peer.take()

    assert len(peer.end.channels) == 2
    assert peer.end._resets.waiting <= 4096


@pytest.mark.parametrize(("label", "protocol"), [("l" * 1025, ""), ("l", "p" * 1025)])
def test_long_names_of_channels_end_the_association(label: str, protocol: str) -> None:
    peer = HostilePeer()
    sizes = len(label).to_bytes(2) + len(protocol).to_bytes(2)
    message = bytes((3, 0, 1, 0, 0, 0, 0, 0)) + sizes + f"{label}{protocol}".encode()

    peer.send(peer.data(1, 50, message))

    assert peer.reason == "The peer broke the protocol: the label of a data channel is too long."


def test_data_of_all_streams_takes_little_memory() -> None:
    peer = HostilePeer()

    for stream in range(0, 65000, 500):
        peer.send(*[peer.data(stream + n, 53, b"d") for n in range(500)])
        peer.take()

    assert not peer.reason
    assert len(peer.end._in._sequences) <= 4096


class Counting(dict[int, Any]):
    """A dictionary that counts its look-ups."""

    count = 0

    def __contains__(self, key: object) -> bool:
        self.count += 1
        return super().__contains__(key)


@pytest.mark.parametrize(("flags", "step"), [(0, 1), (LAST, 1), (FIRST, -1)])
def test_fragments_of_incomplete_messages_are_not_searched_without_end(
    flags: int, step: int
) -> None:
    peer = HostilePeer()
    waiting = peer.end._in._waiting = Counting()
    order = range(peer.tsn + 1, peer.tsn + 1561)[::step]  # the first chunk is missing

    for at in (0, 780):
        peer.send(*[data_chunk(flags, tsn, 5, 0, 53, b"x") for tsn in order[at : at + 780]])

    assert len(waiting) == 1560
    assert waiting.count < 3 * 1560 + 2 * EARLY_STEPS_MAX
    assert not peer.reason
