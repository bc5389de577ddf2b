from __future__ import annotations

import random

import pytest

from guacr.tubes.sctp import Channel
from tests.support.sctp_link import Fate, Pair, lossy, opened, started, steady


class Echo:
    """Sends small messages at a steady rate, which the other end returns at once."""

    def __init__(self, pair: Pair, rate: float, size: int = 35) -> None:
        self.latencies: list[float] = []
        """Seconds from sending to the return of each."""
        self.returned_at: list[float] = []
        self._pair = pair
        self._interval = 1 / rate
        self._size = size
        self._sent_at: list[float] = []
        self.channel, other = opened(pair)
        other.on_message = other.send
        self.channel.on_message = self._returned

    def _returned(self, data: bytes) -> None:
        self.latencies.append(self._pair.clock - self._sent_at[len(self.latencies)])
        self.returned_at.append(self._pair.clock)

    def run(self, seconds: float) -> None:
        """Send for some time, and wait for the last to return."""
        end = self._pair.clock + seconds
        while self._pair.clock < end:
            self._sent_at.append(self._pair.clock)
            self.channel.send(bytes(self._size))
            self._pair.run(self._interval)
        self._pair.run_until(lambda: len(self.latencies) == len(self._sent_at))


def transfer(pair: Pair, size: int) -> float:
    """Bytes a second of one large transfer."""
    channel, other = opened(pair)
    got = [0]

    def count(data: bytes) -> None:
        got[0] += len(data)

    other.on_message = count
    sent = [0]
    channel.low_water = 200_000

    def fill() -> None:
        while channel.buffered < 400_000 and sent[0] < size:
            channel.send(bytes(30_000))
            sent[0] += 30_000

    channel.on_low = fill
    start = pair.clock
    fill()
    pair.run_until(lambda: got[0] >= size, 1000)
    return size / (pair.clock - start)


class TestInteractive:
    @pytest.mark.parametrize(("rate", "seconds"), [(10, 60), (50, 20)])
    @pytest.mark.parametrize("seed", range(4))
    def test_losses_build_no_queue(self, rate: float, seconds: float, seed: int) -> None:
        echo = Echo(started(lossy(0.015, 0.02), seed=seed), rate)

        echo.run(seconds)

        ordered = sorted(echo.latencies)
        assert ordered[len(ordered) // 2] < 0.035, "the median is the round trip of 30 ms"
        assert ordered[int(len(ordered) * 0.95)] < 0.2
        assert ordered[-1] < 1.0
        assert echo.latencies[-1] < 0.5

    @pytest.mark.parametrize("outage", [1.0, 5.0, 20.0])
    def test_the_echo_returns_soon_after_the_link(self, outage: float) -> None:
        down = [0.0, 0.0]

        def fate(numbers: random.Random, now: float) -> float | None:
            return None if down[0] <= now < down[1] else 0.015

        pair = started(fate)
        echo = Echo(pair, 20)
        echo.run(2)
        down[:] = [pair.clock, pair.clock + outage]

        echo.run(outage + 3)

        first = min(at for at in echo.returned_at if at > down[1])
        assert first < down[1] + 1.1
        settled = [
            latency
            for at, latency in zip(echo.returned_at, echo.latencies, strict=True)
            if at > down[1] + 2
        ]
        assert settled
        assert max(settled) < 0.1

    @pytest.mark.parametrize("outage", [1.0, 5.0, 20.0])
    def test_all_of_an_outage_returns_soon_after_the_link(self, outage: float) -> None:
        """Nothing that is sent afterwards shows that it was lost."""
        down = [False]
        pair = started(lambda numbers, now: None if down[0] else 0.03)
        echo = Echo(pair, 10)
        echo.run(1)
        down[0] = True
        for _ in range(int(outage * 10)):
            echo._sent_at.append(pair.clock)
            echo.channel.send(bytes(35))
            pair.run(0.1)
        down[0] = False
        back = pair.clock
        pair.run_until(lambda: len(echo.latencies) == len(echo._sent_at))

        assert pair.clock < back + 1.4

    def test_a_probe_answers_a_link_that_returns(self) -> None:
        down = [False]
        pair = started(lambda numbers, now: None if down[0] else 0.015)
        echo = Echo(pair, 20)
        echo.run(1)
        down[0] = True
        echo.channel.send(bytes(10))
        pair.run(20)
        down[0] = False
        start = pair.clock
        echo._sent_at.append(start)

        for end in pair.ends:
            end.probe(pair.clock)
        pair.run_until(lambda: len(echo.latencies) == len(echo._sent_at))

        assert pair.clock - start < 0.05

    def test_a_lost_last_packet_is_sent_again_within_some_round_trips(self) -> None:
        lose = [False]

        def fate(numbers: random.Random, now: float) -> float | None:
            if lose[0]:
                lose[0] = False
                return None
            return 0.01

        pair = started(fate)
        echo = Echo(pair, 20)
        echo.run(2)
        lose[0] = True

        echo.run(0.01)

        assert 0.02 < echo.latencies[-1] < 0.2


class TestTransfer:
    @pytest.mark.parametrize(
        ("fate", "rate", "least"),
        [
            (steady(0.025), 5e6, 4.2e6),  # the link is used
            (steady(0.001), 5e7, 4.5e7),
            (lossy(0.025, 0.01), 1e7, 6e5),  # what the link loses does not mean congestion
            (lossy(0.025, 0.0, 0.004), 5e6, 2.0e6),  # what is only late is not lost
        ],
    )
    def test_is_as_fast_as_the_link(self, fate: Fate, rate: float, least: float) -> None:
        size = 8_000_000 if least > 1e6 else 2_000_000

        assert transfer(started(fate, rate=rate), size) > least

    def test_little_is_sent_twice(self) -> None:
        pair = started(lossy(0.025, 0.01))

        transfer(pair, 2_000_000)

        packets = 2_000_000 / 1164
        assert pair.ends[0].retransmissions < 0.03 * packets

    def test_a_burst_of_losses(self) -> None:
        bad = [0.0]

        def fate(numbers: random.Random, now: float) -> float | None:
            lost = bad[0] <= now < bad[0] + 0.2 and numbers.random() < 0.7
            return None if lost else 0.02

        pair = started(fate, rate=1e7)
        bad[0] = pair.clock + 0.5

        assert transfer(pair, 6_000_000) > 2e5

    def test_a_window_that_closes_and_opens(self) -> None:
        pair = started(steady(0.01))
        channel, other = opened(pair)
        got = [0]

        def count(data: bytes) -> None:
            got[0] += len(data)

        other.on_message = count
        for _ in range(200):
            channel.send(bytes(30_000))
        for _ in range(5):
            other.pause_reading()
            pair.run(2)
            other.resume_reading()
            pair.run(0.2)

        pair.run_until(lambda: got[0] == 6_000_000, 10)


def test_the_round_trip_is_measured() -> None:
    pair = started(steady(0.04))
    echo = Echo(pair, 10)

    echo.run(3)

    for end in pair.ends:
        assert end.round_trip == pytest.approx(0.08, abs=0.025)


def test_what_waits_is_counted() -> None:
    pair = started(steady(0.05), rate=1e5)
    channel: Channel
    channel, _ = opened(pair)

    for _ in range(10):
        channel.send(bytes(10_000))
    assert channel.buffered == pair.ends[0].buffered == 100_000
    pair.run(0.3)
    assert 0 < channel.buffered < 100_000
    pair.run(10)
    assert channel.buffered == 0
