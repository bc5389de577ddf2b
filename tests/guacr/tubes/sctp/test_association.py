from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guacr.tubes.sctp import ChannelState, Limits
from tests.support.sctp_link import Pair, lossy, opened, started, steady, with_checksum


def losing(*numbers: int) -> Callable[[random.Random, float], float | None]:
    """Lose the packets with these numbers, of both directions together."""
    sent = count()
    return lambda _, now: None if next(sent) in numbers else 0.01


class TestHandshake:
    def test_takes_two_round_trips_when_both_begin(self) -> None:
        pair = started(fate=steady(0.01))

        assert pair.clock <= 100.0 + 0.04

    def test_one_end_may_begin_alone(self) -> None:
        pair = Pair()
        pair.ends[0].start(pair.clock)
        pair.ends[1].start(pair.clock + 0)  # both are known; the second INIT is lost below
        pair.ends[1].take_packets(pair.clock)

        pair.run_until(lambda: all(end.is_established for end in pair.ends))

    @pytest.mark.parametrize("first", range(8))
    @pytest.mark.parametrize("second", range(8, 12))
    def test_survives_the_loss_of_any_packets(self, first: int, second: int) -> None:
        pair = started(fate=losing(first, second))

        channel, other = opened(pair)
        got: list[bytes] = []
        other.on_message = got.append
        channel.send(b"hello")
        pair.run_until(lambda: got == [b"hello"])

    def test_an_end_that_nobody_answers_gives_up(self) -> None:
        pair = Pair(lambda numbers, now: None)
        pair.ends[0].start(pair.clock)

        pair.run_until(lambda: pair.ended[0] is not None, 60)

        assert pair.ended[0] == "The peer does not answer the handshake."

    def test_a_cookie_that_was_not_given_is_ignored(self) -> None:
        pair = Pair()
        for end in pair.ends:
            end.start(pair.clock)
        (init,) = pair.ends[0].take_packets(pair.clock)
        pair.inject(1, init)
        (init_ack, _) = pair.ends[1].take_packets(pair.clock)
        pair.inject(0, init_ack)
        (cookie_echo,) = pair.ends[0].take_packets(pair.clock)
        forged = with_checksum(cookie_echo[:-16] + bytes(16))

        pair.inject(1, forged)
        assert not pair.ends[1].is_established
        pair.inject(1, cookie_echo)
        assert pair.ends[1].is_established


class TestMessages:
    @pytest.mark.parametrize("size", [0, 1, 1151, 1152, 1153, 1164, 1165, 16384, 65535])
    @pytest.mark.parametrize("end", [0, 1])
    def test_arrive_whole(self, size: int, end: int) -> None:
        pair = started()
        channel, other = opened(pair, end=end)
        got: list[bytes] = []
        other.on_message = got.append
        data = random.Random(size).randbytes(size)

        channel.send(data)
        channel.send(b"next")
        pair.run_until(lambda: len(got) == 2)

        assert got == [data, b"next"]

    def test_go_both_ways_on_channels_of_both_ends(self) -> None:
        pair = started()
        pairs = [opened(pair, f"channel {n}", n % 2) for n in range(6)]
        got: dict[tuple[int, int], list[bytes]] = {}
        for n, ends in enumerate(pairs):
            for end, channel in enumerate(ends):
                channel.on_message = got.setdefault((n, end), []).append
                channel.send(f"{n} from {end}".encode())

        pair.run_until(lambda: all(got.values()))

        assert {channel.label for pair_ in pairs for channel in pair_} == {
            f"channel {n}" for n in range(6)
        }
        assert got == {
            (n, end): [f"{n} from {1 - end}".encode()] for n in range(6) for end in (0, 1)
        }

    @settings(max_examples=25, deadline=None)
    @given(
        seed=st.integers(0, 2**32),
        loss=st.sampled_from([0.0, 0.02, 0.2]),
        jitter=st.sampled_from([0.0, 0.03]),
        sizes=st.lists(st.integers(1, 20000), min_size=1, max_size=12),
    )
    def test_all_arrive_once_and_in_order(
        self, seed: int, loss: float, jitter: float, sizes: list[int]
    ) -> None:
        pair = Pair(lossy(0.02, loss, jitter), seed=seed)
        pair.start()
        channels = [opened(pair, str(n)) for n in range(3)]
        numbers = random.Random(seed)
        sent: list[list[bytes]] = [[], [], []]
        got: list[list[bytes]] = [[], [], []]
        for (_, other), received in zip(channels, got, strict=True):
            other.on_message = received.append
        for size in sizes:
            n = numbers.randrange(3)
            data = numbers.randbytes(size)
            sent[n].append(data)
            channels[n][0].send(data)

        pair.run_until(lambda: sum(map(len, got)) >= len(sizes), 200)
        pair.run(1)

        assert got == sent

    def test_larger_ones_than_the_peer_accepts_are_refused(self) -> None:
        pair = started()
        channel, _ = opened(pair)

        with pytest.raises(ValueError, match="65536"):
            channel.send(bytes(65537))

    def test_small_ones_share_packets(self) -> None:
        pair = started()
        channel, other = opened(pair)
        pair.run(1)
        got: list[bytes] = []
        other.on_message = got.append
        before = pair.sent_packets[0]

        for _ in range(20):
            channel.send(b"key")
        pair.run_until(lambda: len(got) == 20)

        assert pair.sent_packets[0] == before + 1

    def test_streams_take_turns(self) -> None:
        pair = started(fate=steady(0.02), rate=1e6)
        bulk, _ = opened(pair, "bulk")
        keys, other = opened(pair, "keys")
        got: list[bytes] = []
        other.on_message = got.append
        for _ in range(100):
            bulk.send(bytes(30000))
        pair.run(0.1)

        keys.send(b"key")
        start = pair.clock
        pair.run_until(lambda: got == [b"key"])

        assert pair.clock - start < 1.0, "the key waits behind 3 MB"

    def test_a_lost_packet_of_one_channel_does_not_delay_another(self) -> None:
        pair = started(fate=steady(0.05))
        first, first_other = opened(pair, "first")
        second, second_other = opened(pair, "second")
        pair.run(1)
        got: list[tuple[str, float]] = []
        first_other.on_message = lambda data: got.append(("first", pair.clock))
        second_other.on_message = lambda data: got.append(("second", pair.clock))
        start = pair.clock

        first.send(b"lost")
        pair.ends[0].take_packets(pair.clock)  # this one never arrives
        second.send(bytes(3000))
        second.send(b"more")
        pair.run_until(lambda: len(got) == 3)

        assert [name for name, _ in got] == ["second", "second", "first"]
        assert got[1][1] - start < 0.06
        assert got[2][1] - start > 0.06


class TestReading:
    def test_a_reader_that_pauses_stops_the_sender(self) -> None:
        pair = started(limits=Limits(window=200_000))
        channel, other = opened(pair)
        got: list[bytes] = []
        other.on_message = got.append
        other.pause_reading()

        for _ in range(100):
            channel.send(bytes(10_000))
        pair.run(10)
        assert not got
        assert channel.buffered >= 1_000_000 - 270_000

        other.resume_reading()
        pair.run_until(lambda: len(got) == 100, 10)
        assert channel.buffered == 0

    def test_pausing_again_while_messages_are_delivered(self) -> None:
        pair = started()
        channel, other = opened(pair)
        got: list[bytes] = []

        def one(data: bytes) -> None:
            got.append(data)
            other.pause_reading()

        other.on_message = one
        other.pause_reading()
        for n in range(5):
            channel.send(str(n).encode())
        pair.run(1)

        for n in range(5):
            assert len(got) == n
            other.resume_reading()
        assert got == [b"0", b"1", b"2", b"3", b"4"]

    def test_a_flood_of_single_bytes_is_bounded(self) -> None:
        pair = started(limits=Limits(window=200_000))
        channel, other = opened(pair)
        other.pause_reading()

        for _ in range(50_000):
            channel.send(b"x")
        pair.run(10)

        assert len(other._held) < 3000

    def test_a_reader_may_close_with_messages_held(self) -> None:
        pair = started(limits=Limits(window=200_000))
        channel, other = opened(pair)
        rest, rest_other = opened(pair)
        other.pause_reading()
        for _ in range(30):
            channel.send(bytes(10_000))
        pair.run(3)
        got: list[bytes] = []
        rest_other.on_message = got.append

        other.close()
        rest.send(b"still here")
        pair.run_until(lambda: other.state is ChannelState.CLOSED and got == [b"still here"])

    def test_the_peer_may_close_with_messages_held(self) -> None:
        pair = started()
        channel, other = opened(pair)
        other.pause_reading()
        got: list[bytes] = []
        other.on_message = got.append
        other.on_close = lambda: got.append(b"closed")
        for n in range(3):
            channel.send(str(n).encode())
        channel.close()
        pair.run_until(lambda: channel.state is ChannelState.CLOSED)
        pair.run(1)
        assert not got

        other.resume_reading()
        assert got == [b"0", b"1", b"2", b"closed"]


class TestLowWater:
    def test_is_reported_once_for_each_time_above_it(self) -> None:
        pair = started(fate=steady(0.02))
        channel, _ = opened(pair)
        lows: list[int] = []
        channel.low_water = 50_000
        channel.on_low = lambda: lows.append(channel.buffered)

        for _ in range(2):
            for _ in range(20):
                channel.send(bytes(10_000))
            pair.run(2)

        assert len(lows) == 2
        assert all(low <= 50_000 for low in lows)


class TestClosing:
    @pytest.mark.parametrize("end", [0, 1])
    @pytest.mark.parametrize("loss", [0.0, 0.3])
    def test_after_everything_was_delivered(self, end: int, loss: float) -> None:
        pair = started(fate=lossy(0.02, loss))
        channel, other = opened(pair, end=end)
        got: list[bytes] = []
        events: list[str] = []
        other.on_message = got.append
        channel.on_close = lambda: events.append("here")
        other.on_close = lambda: events.append(f"there after {len(got)}")

        for _ in range(30):
            channel.send(bytes(5000))
        channel.close()
        with pytest.raises(ConnectionError, match="closing"):
            channel.send(b"late")
        pair.run_until(lambda: len(events) == 2, 60)

        assert "there after 30" in events
        assert not any(association.channels for association in pair.ends)

    def test_numbers_are_used_again(self) -> None:
        pair = started(limits=Limits(channels=3))
        for _ in range(10):
            channel, other = opened(pair)
            got: list[bytes] = []
            other.on_message = got.append
            channel.send(b"first")
            channel.send(b"second")
            pair.run_until(lambda: len(got) == 2)  # noqa: B023
            assert channel.number == 0
            channel.close()
            pair.run_until(lambda: other.state is ChannelState.CLOSED)  # noqa: B023
            pair.run(0.1)

    def test_both_ends_at_once(self) -> None:
        pair = started()
        channel, other = opened(pair)

        channel.close()
        other.close()
        pair.run_until(lambda: channel.state is other.state is ChannelState.CLOSED)

    def test_the_association_closes_all(self) -> None:
        pair = started()
        closed: list[int] = []
        for n in range(3):
            channel, other = opened(pair)
            channel.on_close = lambda n=n: closed.append(n)
            other.on_close = lambda n=n: closed.append(10 + n)

        pair.ends[0].abort("Enough.")
        pair.run_until(lambda: pair.ended[1] is not None)

        assert pair.ended == ["Enough.", "The peer has aborted the association."]
        assert sorted(closed) == [0, 1, 2, 10, 11, 12]
        assert pair.ends[0].deadline() is None
        with pytest.raises(ConnectionError):
            pair.ends[0].open_channel("late")


class TestLimits:
    def test_of_channels_for_the_peer(self) -> None:
        pair = Pair(limits=Limits(channels=4))
        pair.ends[0]._table._channels_max = 100  # the peer has no such limit
        pair.start()
        closed: list[str] = []
        channels = [pair.ends[0].open_channel(str(n)) for n in range(6)]
        for channel in channels:
            channel.on_close = lambda label=channel.label: closed.append(label)

        pair.run(5)

        assert [channel.label for channel in pair.channels[1]] == ["0", "1", "2", "3"]
        assert pair.ends[1].is_established

    def test_of_channels_here(self) -> None:
        pair = started(limits=Limits(channels=2))
        pair.ends[0].open_channel("1")
        pair.ends[0].open_channel("2")

        with pytest.raises(ConnectionError, match="limit of 2"):
            pair.ends[0].open_channel("3")

    def test_of_a_received_message(self) -> None:
        pair = started(limits=Limits(message=20_000))
        channel, _ = opened(pair)

        channel.send(bytes(30_000))
        pair.run_until(lambda: pair.ended[1] is not None)

        assert pair.ended[1] == (
            "The peer broke the protocol: a message has more than 20000 bytes."
        )
