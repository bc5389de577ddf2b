"""Sends user data: queues, flight, loss and its repair.

Losses are found as QUIC does (RFC 9002 sections 6.1 and 6.2), which RFC 9260 leaves open to an
endpoint's implementation: a chunk is lost once later packets have arrived, or later ones by some
time; silence is answered with a probe and not with a collapsed window. Interactive traffic with a
few packets in flight recovers within about a round trip.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf

from guacr.tubes.sctp.congestion import CongestionWindow
from guacr.tubes.sctp.packets import DATA_HEADER, FIRST, IMMEDIATE, LAST, data_chunk

PACKET_THRESHOLD = 3
"""A packet is lost when one that was sent this many later has arrived (RFC 9002 section 6.1.1)."""
PACKET_THRESHOLD_MAX = 96
"""The threshold grows on links that deliver packets out of order, up to this."""
TIME_THRESHOLD = 9 / 8
"""… or one that was sent this share of a round trip later (RFC 9002 section 6.1.2)."""
INITIAL_ROUND_TRIP = 0.333
"""Seconds, before the first measurement (RFC 9002 section 6.2.2)."""
PROBE_MIN = 0.1
"""Seconds of silence, at least, before a probe."""
PROBE_MAX = 1.0
"""Seconds between probes, at most, where the round trip allows it. RFC 9260 allows 60 s, after
which a link that returns stays unused for up to a minute."""
QUEUED_SEGMENTS = 3
"""A link in which more wait is congested; otherwise, it loses packets by itself (TCP Veno)."""
PERSISTENT_PROBES = 3
"""So many in a row without an answer mean that the window is wrong (RFC 9002 section 7.6)."""


@dataclass(slots=True)
class Message:
    """A message that waits to be sent."""

    data: memoryview
    protocol: int
    sequence: int
    sent: int = 0


@dataclass(slots=True)
class Stream:
    """The outgoing half of a stream."""

    number: int
    messages: deque[Message] = field(default_factory=deque)
    sequence: int = 0
    queued: int = 0
    """Bytes that have not been sent for the first time."""


@dataclass(slots=True)
class Chunk:
    """A DATA chunk that was sent and is not yet acknowledged by the cumulative TSN."""

    wire: bytes
    size: int
    """Bytes of user data."""
    sent_at: float = 0.0
    order: int = 0
    """The number of the packet that carried it last."""
    sends: int = 0
    acknowledged: bool = False
    lost: bool = False
    """It waits to be sent again, and does not count as in flight."""


class Outbound:
    """The sending half of an association.

    Args:
        first_tsn: the TSN of the first chunk.
        packet_size: bytes of the chunks in a packet, at most.
        window_limit: bytes in flight, at most, whatever the peer offers.
    """

    def __init__(self, first_tsn: int, packet_size: int, window_limit: int) -> None:
        self.next_tsn = first_tsn
        self.queued = 0
        self.in_flight = 0
        self.peer_window = 0
        self.round_trip: float | None = None
        """Seconds, smoothed."""
        self._least_round_trip = 0.0
        """Seconds, of a link without queues; 0.0 before the first measurement."""
        self._round_least = inf
        self._round_end = 0
        """The least of the current round, which ends with this packet's arrival."""
        self._is_queued = False
        """In the last round, packets have waited in the link."""
        self.retransmissions = 0
        self.chunks_sent = 0
        self.probes = 0
        """In a row, without an answer."""
        self._packet_size = packet_size
        self._segment = (packet_size - DATA_HEADER) & ~3
        self.congestion = CongestionWindow(self._segment, window_limit)
        self._acknowledged = first_tsn - 1
        self._chunks: dict[int, Chunk] = {}
        self._ready: deque[Stream] = deque()
        self._lost: deque[Chunk] = deque()
        self._sent: deque[tuple[int, Chunk]] = deque()
        """The chunks with the numbers of their packets, in the order of sending; those at the
        beginning that cannot be lost any more are dropped."""
        self._gaps: dict[int, int] = {}
        """The first and last TSN of what the last SACK reported beyond its cumulative TSN."""
        self._order = 0
        self._newest_order = -1
        """The latest packet of which something has arrived, and when it was sent."""
        self._newest_sent_at = 0.0
        self._packet_threshold = PACKET_THRESHOLD
        self._recovery_order = -1
        """Losses of packets up to this one have already shrunk the window."""
        self._variation = 0.0
        self._probe_due = 0
        self._window_used = False
        self._loss_at: float | None = None
        self._last_progress = 0.0

    def push(self, stream: Stream, protocol: int, data: bytes | memoryview) -> None:
        """Queue a message; `data` must not change afterwards and is not empty."""
        if not stream.messages:
            self._ready.append(stream)
        stream.messages.append(Message(memoryview(data), protocol, stream.sequence))
        stream.sequence += 1
        stream.queued += len(data)
        self.queued += len(data)

    def forget(self, stream: Stream) -> None:
        """Drop what a stream has queued and not begun to send."""
        keep = 1 if stream.messages and stream.messages[0].sent else 0
        while len(stream.messages) > keep:
            size = len(stream.messages.pop().data)
            stream.queued -= size
            self.queued -= size
        if not stream.messages and stream in self._ready:
            self._ready.remove(stream)

    @property
    def is_waiting(self) -> bool:
        """True while something waits to be sent."""
        return bool(self._ready or self._lost)

    @property
    def outstanding(self) -> bool:
        """True while something was sent and is not acknowledged."""
        return bool(self._chunks)

    @property
    def last_tsn(self) -> int:
        """The TSN of the newest chunk."""
        return self.next_tsn - 1

    def fill(self, room: int, now: float) -> list[bytes]:
        """Chunks for one packet: lost ones first, then new ones as far as the windows allow.

        Args:
            room: bytes that are left in the packet.
            now: seconds of a monotonic clock, here and below.
        """
        parts: list[bytes] = []
        probing = self._probe_due > 0
        while self._lost:
            chunk = self._lost[0]
            if chunk.acknowledged:
                self._lost.popleft()
                continue
            if len(chunk.wire) > room or not (probing or self._fits(chunk.size)):
                break
            self._lost.popleft()
            chunk.lost = False
            self.retransmissions += 1
            room -= self._add(chunk, parts, now)
            probing = False
        if not self._lost:
            while self._ready and (room := self._add_new(parts, room, probing, now)):
                probing = False
        if parts:
            self._order += 1
            self._probe_due = max(self._probe_due - 1, 0)
        return parts

    def _fits(self, size: int) -> bool:
        """Return True if the windows have room for `size` bytes more."""
        if self.in_flight >= self.congestion.size:
            self._window_used = True
            return False
        # A chunk may be sent into a closed window if nothing is in flight (RFC 9260 6.1 A).
        return self.in_flight + size <= self.peer_window or not self.in_flight

    def _add(self, chunk: Chunk, parts: list[bytes], now: float) -> int:
        chunk.sent_at = now
        chunk.order = self._order
        chunk.sends += 1
        self.chunks_sent += 1
        if not self.in_flight:
            self._last_progress = now
        self.in_flight += chunk.size
        self._sent.append((self._order, chunk))
        parts.append(chunk.wire)
        return len(chunk.wire)

    def _add_new(self, parts: list[bytes], room: int, probing: bool, now: float) -> int:
        """Add the next chunk; the room that is left, 0 if none was added."""
        stream = self._ready[0]
        message = stream.messages[0]
        left = len(message.data) - message.sent
        size = min(left, self._segment)
        # What is small enough is not divided to fill a packet.
        if size + DATA_HEADER > room or not (probing or self._fits(size)):
            return 0
        flags = FIRST if not message.sent else 0
        data = message.data[message.sent : message.sent + size]
        message.sent += size
        stream.queued -= size
        self.queued -= size
        if size == left:
            flags |= LAST
            stream.messages.popleft()
            self._ready.popleft()
            if stream.messages:
                self._ready.append(stream)  # the next message is another stream's
        if not self._ready:
            flags |= IMMEDIATE
        wire = data_chunk(
            flags, self.next_tsn, stream.number, message.sequence, message.protocol, data
        )
        chunk = self._chunks[self.next_tsn] = Chunk(wire, size)
        self.next_tsn += 1
        return room - self._add(chunk, parts, now)

    def acknowledge(self, tsn: int, window: int, gaps: list[tuple[int, int]], now: float) -> bool:
        """Process a SACK.

        Args:
            tsn: the cumulative TSN, 32 bits.
            window: the bytes that the peer can still take.
            gaps: first and last TSN of what it has beyond, as offsets from `tsn`.
            now: seconds of the clock.

        Returns:
            False if it acknowledges what was never sent; then it is ignored.
        """
        through = self._acknowledged + ((tsn - self._acknowledged + 2**31) & 0xFFFFFFFF) - 2**31
        newest = through + max((last for _, last in gaps), default=0)
        if through > self.last_tsn or newest > self.last_tsn:
            return False
        if through < self._acknowledged:
            return True  # an old one that was overtaken
        arrived = self._take_through(through) + self._take_gaps(through, gaps)
        if arrived:
            self._on_progress(arrived, now)
        self.peer_window = window
        self._find_losses(now)
        return True

    def _take_through(self, through: int) -> list[Chunk]:
        pop = self._chunks.pop
        chunks = [pop(tsn) for tsn in range(self._acknowledged + 1, through + 1)]
        self._acknowledged = through
        return [chunk for chunk in chunks if not chunk.acknowledged]

    def _take_gaps(self, through: int, gaps: list[tuple[int, int]]) -> list[Chunk]:
        """Chunks that these gaps report for the first time. A gap that does not follow the one
        before (RFC 9260 section 3.3.4) is ignored: it could have the same chunks looked at again
        and again."""
        known, self._gaps = self._gaps, {}
        arrived = []
        end = through
        for first, last in gaps:
            start = through + first
            if start <= end or last < first:
                continue
            end = through + last
            self._gaps[start] = end
            for tsn in range(max(start, known.get(start, 0) + 1), end + 1):
                chunk = self._chunks.get(tsn)
                if chunk is not None and not chunk.acknowledged:
                    chunk.acknowledged = True
                    arrived.append(chunk)
        return arrived

    def _on_progress(self, arrived: list[Chunk], now: float) -> None:
        count = 0
        newest = None
        for chunk in arrived:
            chunk.acknowledged = True
            count += chunk.size
            if not chunk.lost:
                self.in_flight -= chunk.size
            if chunk.lost or chunk.sends > 1:
                self._check_spurious(chunk, now)
                if now - chunk.sent_at < self._least_round_trip:
                    continue  # an earlier copy has arrived (RFC 8985 section 6.2)
            if newest is None or chunk.order >= newest.order:
                newest = chunk
        if newest is not None and newest.order > self._newest_order:
            self._newest_order = newest.order
            self._newest_sent_at = newest.sent_at
            if newest.sends == 1:  # Karn's rule
                self._measure(now - newest.sent_at)
        self.probes = 0
        self._probe_due = 0
        self._last_progress = now
        if self._newest_order > self._recovery_order:
            if self._window_used:
                self.congestion.on_acknowledged(
                    count, self.round_trip or 0.0, now, is_queued=self._is_queued
                )
            else:
                self.congestion.on_idle()
        self._window_used = False

    def _check_spurious(self, chunk: Chunk, now: float) -> None:
        """Learn from a chunk that was taken for lost and was only late (RFC 8985 section 3.3.2)."""
        was_late = chunk.lost or now - chunk.sent_at < (self.round_trip or 0.0) / 2
        if was_late and not self.probes:
            self._packet_threshold = min(2 * self._packet_threshold, PACKET_THRESHOLD_MAX)
            self.congestion.undo_loss()

    def _measure(self, seconds: float) -> None:
        self._least_round_trip = min(self._least_round_trip or seconds, seconds)
        self._round_least = min(self._round_least, seconds)
        if self._newest_order >= self._round_end:
            delay = self._round_least - self._least_round_trip
            waiting = self.congestion.size * delay
            self._is_queued = waiting > QUEUED_SEGMENTS * self._segment * self._round_least
            self._round_least, self._round_end = inf, self._order
        if self.round_trip is None:
            self.round_trip, self._variation = seconds, seconds / 2
        else:
            self._variation += (abs(self.round_trip - seconds) - self._variation) / 4
            self.round_trip += (seconds - self.round_trip) / 8

    def _find_losses(self, now: float) -> None:
        """Mark chunks as lost that were sent before what has arrived last: what was sent again is
        as new as any other."""
        self._loss_at = None
        patience = TIME_THRESHOLD * (self.round_trip or INITIAL_ROUND_TRIP)
        sent, newest, lost_order = self._sent, self._newest_order, -1
        while sent:
            order, chunk = sent[0]
            if order >= newest:
                break
            if not chunk.acknowledged and not chunk.lost and chunk.order == order:
                due = chunk.sent_at + patience
                if order + self._packet_threshold > newest and due > now:
                    self._loss_at = due
                    break
                self._lose(chunk)
                lost_order = order
            sent.popleft()
        if lost_order > self._recovery_order:
            self._recovery_order = self._order
            self.congestion.on_loss(is_queued=self._is_queued)

    def _lose(self, chunk: Chunk) -> None:
        chunk.lost = True
        self.in_flight -= chunk.size
        self._lost.append(chunk)

    def deadline(self) -> float | None:
        """When `on_deadline` is due, as seconds of the clock."""
        if self._loss_at is not None:
            return self._loss_at
        if not self._chunks:
            return None
        return self._last_progress + self._probe_timeout()

    def _probe_timeout(self) -> float:
        round_trip = self.round_trip or INITIAL_ROUND_TRIP
        once = max(round_trip + 4 * self._variation, PROBE_MIN)
        return min(once * (1 << self.probes), max(once, PROBE_MAX))

    def on_deadline(self, now: float) -> None:
        """Losses by time, or silence: send the oldest chunk again."""
        if self._loss_at is not None:
            if self._loss_at <= now:
                self._find_losses(now)
            return
        if self._chunks and self._last_progress + self._probe_timeout() <= now:
            self.probes = min(self.probes + 1, 10)
            if self.probes == PERSISTENT_PROBES:
                self.congestion.on_silence()
            self.probe(now)

    def probe(self, now: float) -> None:
        """Send the oldest chunk again, whatever the windows say."""
        self._last_progress = now
        for chunk in self._chunks.values():
            if not chunk.acknowledged:
                if not chunk.lost:
                    chunk.lost = True
                    self.in_flight -= chunk.size
                    self._lost.appendleft(chunk)
                self._probe_due = 1
                return
