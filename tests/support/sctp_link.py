"""Two associations with a link between them, in a time of their own."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

from guacr.tubes.sctp import Association, Channel, Limits
from guacr.tubes.sctp.crc32c import extend

Fate = Callable[[random.Random, float], float | None]
"""The delay of a packet in seconds, None if it is lost; called with the random numbers of the link
and the time."""


def steady(delay: float = 0.01) -> Fate:
    """Nothing is lost or overtaken."""
    return lambda numbers, now: delay


def lossy(delay: float, loss: float, jitter: float = 0.0) -> Fate:
    """A share of the packets is lost; the others are late by up to `jitter`, out of order."""

    def fate(numbers: random.Random, now: float) -> float | None:
        return None if numbers.random() < loss else delay + numbers.random() * jitter

    return fate


class Pair:
    """Two associations; `clock` is the time in seconds.

    Args:
        fate: what happens to each packet.
        rate: bytes a second that each direction of the link carries.
    """

    def __init__(
        self,
        fate: Fate | None = None,
        *,
        seed: int = 1,
        limits: Limits | None = None,
        rate: float = 1e9,
    ) -> None:
        self.fate = fate or steady()
        self.clock = 100.0
        self.ends = [
            Association(is_client=client, limits=limits or Limits()) for client in (True, False)
        ]
        self.channels: list[list[Channel]] = [[], []]
        """Those that the other end has opened."""
        self.ended: list[str | None] = [None, None]
        self.sent_packets = [0, 0]
        self.sent_bytes = [0, 0]
        self._rate = rate
        self._free_at = [0.0, 0.0]
        self._numbers = random.Random(seed)
        self._order = itertools.count()
        self._flying: list[tuple[float, int, int, bytes]] = []
        for end, association in enumerate(self.ends):
            association.on_channel = self.channels[end].append
            association.on_closed = lambda reason, end=end: self.ended.__setitem__(end, reason)

    def start(self) -> None:
        """Begin at both ends, as WebRTC does, and run until both are established."""
        for association in self.ends:
            association.start(self.clock)
        self.run_until(lambda: all(end.is_established for end in self.ends))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock + seconds
        self.run_until(lambda: self.clock >= end, seconds + 1, end)

    def run_until(
        self, condition: Callable[[], bool], seconds: float = 60.0, stop: float | None = None
    ) -> None:
        """Run until the condition is true.

        Raises:
            AssertionError: that takes more than `seconds` of the link's time.
        """
        limit = self.clock + seconds
        while True:
            self._send()
            if condition():
                return
            at = self._next()
            if stop is not None and (at is None or at > stop):
                self.clock = stop
                return
            assert at is not None, "nothing happens any more"
            assert at <= limit, "waited in vain"
            self.clock = max(self.clock, at)
            self._deliver()

    def inject(self, end: int, packet: bytes) -> None:
        """Deliver a packet that nobody has sent."""
        self.ends[end].receive(packet, self.clock)

    def _next(self) -> float | None:
        times = [end.deadline() for end in self.ends]
        times += [self._flying[0][0]] if self._flying else []
        return min((at for at in times if at is not None), default=None)

    def _deliver(self) -> None:
        while self._flying and self._flying[0][0] <= self.clock:
            _, _, end, packet = heapq.heappop(self._flying)
            self.ends[end].receive(packet, self.clock)
            self._send()
        for association in self.ends:
            at = association.deadline()
            if at is not None and at <= self.clock:
                association.handle_deadline(self.clock)

    def _send(self) -> None:
        for end, association in enumerate(self.ends):
            while packets := association.take_packets(self.clock):
                for packet in packets:
                    self._fly(end, packet)

    def _fly(self, end: int, packet: bytes) -> None:
        self.sent_packets[end] += 1
        self.sent_bytes[end] += len(packet)
        leaves = max(self.clock, self._free_at[end]) + len(packet) / self._rate
        self._free_at[end] = leaves
        delay = self.fate(self._numbers, self.clock)
        if delay is not None:
            heapq.heappush(self._flying, (leaves + delay, next(self._order), 1 - end, packet))


def started(
    fate: Fate | None = None, *, seed: int = 1, limits: Limits | None = None, rate: float = 1e9
) -> Pair:
    """An established pair."""
    pair = Pair(fate, seed=seed, limits=limits, rate=rate)
    pair.start()
    return pair


def opened(pair: Pair, label: str = "c", end: int = 0) -> tuple[Channel, Channel]:
    """A channel of an established pair: both of its ends."""
    number = len(pair.channels[1 - end])
    channel = pair.ends[end].open_channel(label)
    pair.run_until(lambda: len(pair.channels[1 - end]) > number)
    return channel, pair.channels[1 - end][number]


def with_checksum(packet: bytes) -> bytes:
    """The packet with the checksum that its bytes need."""
    crc: int = extend(0, packet[:8] + bytes(4) + packet[12:])
    return packet[:8] + crc.to_bytes(4, "little") + packet[12:]
