from __future__ import annotations

from guacr.tubes.sctp.inbound import AHEAD_MAX, Inbound
from guacr.tubes.sctp.packets import FIRST, LAST, UNORDERED, data_chunk, sack_fields

WHOLE = FIRST | LAST


class Receiver:
    """An `Inbound` that expects the TSN 1, and what it has delivered."""

    def __init__(self, window: int = 1_000_000) -> None:
        self.messages: list[tuple[int, bytes]] = []
        self.inbound = Inbound(
            lambda stream, protocol, data: self.messages.append((stream, data)), window, 100_000
        )
        self.inbound.begin(1)

    def take(
        self, tsn: int, data: bytes, *, stream: int = 0, sequence: int = 0, flags: int = WHOLE
    ) -> None:
        wire = data_chunk(flags, tsn, stream, sequence, 53, data)
        self.inbound.take(wire, 4, 16 + len(data), flags)

    def gaps(self) -> list[tuple[int, int]]:
        report = self.inbound.report()
        return sack_fields(report, 4, len(report))[2]


class TestOrder:
    def test_chunks_wait_for_earlier_ones_of_their_stream(self) -> None:
        receiver = Receiver()

        receiver.take(3, b"c", sequence=2)
        receiver.take(2, b"b", sequence=1)
        assert receiver.messages == []
        receiver.take(1, b"a", sequence=0)

        assert receiver.messages == [(0, b"a"), (0, b"b"), (0, b"c")]
        assert receiver.inbound.cumulative == 3

    def test_messages_of_other_streams_do_not(self) -> None:
        receiver = Receiver()

        receiver.take(3, b"2", stream=7, sequence=0, flags=FIRST)
        receiver.take(5, b"5", stream=7, sequence=1)
        receiver.take(4, b"3", stream=7, sequence=0, flags=LAST)
        assert receiver.messages == [(7, b"23"), (7, b"5")]
        receiver.take(2, b"b", sequence=1)
        receiver.take(1, b"a", sequence=0)

        assert receiver.messages == [(7, b"23"), (7, b"5"), (0, b"a"), (0, b"b")]
        assert receiver.inbound.cumulative == 5

    def test_unordered_messages_do_not(self) -> None:
        receiver = Receiver()

        receiver.take(2, b"b", flags=WHOLE | UNORDERED)

        assert receiver.messages == [(0, b"b")]

    def test_a_long_chain_that_one_chunk_completes(self) -> None:
        receiver = Receiver(10_000_000)
        for n in range(5000):
            receiver.take(3 + n, b"x", stream=1, sequence=1 + n)
        assert receiver.messages == []

        receiver.take(2, b"x", stream=1, sequence=0)

        assert len(receiver.messages) == 5001

    def test_sequence_numbers_wrap_around(self) -> None:
        receiver = Receiver()
        receiver.inbound._sequences[1] = 0xFFFF

        receiver.take(2, b"last", stream=1, sequence=0xFFFF)
        receiver.take(3, b"first", stream=1, sequence=0)

        assert receiver.messages == [(1, b"last"), (1, b"first")]


class TestReports:
    def test_name_the_gaps(self) -> None:
        receiver = Receiver()
        for tsn in (3, 5, 9, 4, 12, 11, 2000):
            receiver.take(tsn, b"x", sequence=tsn)

        assert receiver.gaps() == [(3, 5), (9, 9), (11, 12), (2000, 2000)]
        receiver.take(1, b"x", sequence=0)
        receiver.take(2, b"x", sequence=1)
        assert receiver.gaps() == [(4, 4), (6, 7), (1995, 1995)]

    def test_a_second_copy_is_reported_at_once_and_not_delivered(self) -> None:
        receiver = Receiver()
        receiver.take(1, b"a")
        receiver.inbound.report()

        receiver.take(1, b"a")

        assert receiver.inbound.has_report(0.0)
        report = receiver.inbound.report()
        assert report[-4:] == (1).to_bytes(4)
        assert receiver.messages == [(0, b"a")]

    def test_of_one_packet_waits_for_a_second(self) -> None:
        receiver = Receiver()
        receiver.take(1, b"a", sequence=0)
        receiver.inbound.on_packet_end(5.0)
        assert not receiver.inbound.has_report(5.0)
        assert receiver.inbound.deadline() == 5.02

        receiver.take(2, b"b", sequence=1)
        receiver.inbound.on_packet_end(5.0)
        assert receiver.inbound.has_report(5.0)


class TestLimits:
    def test_what_waits_counts_against_the_window(self) -> None:
        receiver = Receiver(window=10_000)

        for tsn in range(2, 200):
            receiver.take(tsn, bytes(100), sequence=tsn)

        assert receiver.inbound._waiting_bytes < 10_100
        assert receiver.gaps() == [(2, 45)]

    def test_a_chunk_far_ahead_is_dropped(self) -> None:
        receiver = Receiver()

        receiver.take(1 + AHEAD_MAX, b"x", sequence=9)
        receiver.take(AHEAD_MAX, b"x", sequence=8)

        assert receiver.gaps() == [(AHEAD_MAX, AHEAD_MAX)]

    def test_what_was_delivered_early_does_not_count(self) -> None:
        receiver = Receiver(window=10_000)

        for n in range(1000):
            receiver.take(2 + n, bytes(1000), stream=1, sequence=n)

        assert len(receiver.messages) == 1000
        assert receiver.inbound._waiting_bytes == 0
