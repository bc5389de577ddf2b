"""Receives user data: order, reassembly, and what is reported to the peer.

Chunks are processed in the order of their TSNs. The fragments of a message have consecutive TSNs
(RFC 9260 section 6.9), so one message at a time is incomplete. A message of one stream does not
wait for the repair of another stream's: see `_take_early`.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass

from guacr.tubes.sctp.packets import (
    FIRST,
    IMMEDIATE,
    LAST,
    UNORDERED,
    MalformedError,
    data_fields,
    sack_chunk,
)

GAPS_MAX = 200
"""Gaps in a SACK; the rest is reported once these are filled."""
AHEAD_MAX = 8192
"""Chunks beyond the first missing one that are kept."""
STREAMS_MAX = 4096
"""Streams whose next sequence number is known. Messages of further streams are never early."""
EARLY_FRAGMENTS_MAX = 256
"""Fragments of a message that is delivered before an earlier one of another stream."""
EARLY_STEPS_MAX = 1024
"""Chunks that are looked at for this in a packet. A packet of many tiny fragments would take long
otherwise; then the messages wait for the missing chunk."""
DUPLICATES_MAX = 20
SACK_DELAY = 0.02
"""Seconds until an acknowledgement that nothing else carries. RFC 9260 allows 0.5, but a sender
measures the round trip with it."""
SACK_EVERY = 2
"""Packets with data until a SACK is sent at once (RFC 9260 section 6.2)."""
OVERHEAD = 128
"""Bytes that a chunk or a message is counted as, besides its data: a peer may send single bytes."""
SLACK = 64 * 1024
"""Bytes beyond the window that are accepted when they fill a gap."""


@dataclass(slots=True)
class Fragment:
    """A chunk that arrived before an earlier one. `data` is None once it was delivered."""

    flags: int
    stream: int
    sequence: int
    protocol: int
    data: bytes | None


class Inbound:
    """The receiving half of an association.

    Args:
        on_message: called with the stream, the payload protocol and the data of each message.
        window: bytes that may wait, in messages that are incomplete or that nobody has consumed.
        message_max: bytes of a message.
    """

    def __init__(
        self, on_message: Callable[[int, int, bytes], None], window: int, message_max: int
    ) -> None:
        self._on_message = on_message
        self._window = window
        self._message_max = message_max
        self.cumulative = -1
        """The TSN up to which everything has arrived."""
        self.held = 0
        """Bytes that somebody has received and not consumed yet; set by the association."""
        self._waiting: dict[int, Fragment] = {}
        """By TSN."""
        self._runs: list[list[int]] = []
        """The first and last TSN of each gapless part of `_waiting`, sorted."""
        self._beginnings: dict[tuple[int, int], int] = {}
        """The TSN of the first fragment of messages in `_waiting`, by stream and sequence."""
        self._waiting_bytes = 0
        self._partial: list[bytes] = []
        self._partial_bytes = 0
        self._sequences: dict[int, int] = {}
        """The sequence number of the next message of each stream."""
        self._duplicates: list[int] = []
        self._unreported = 0
        self._early_steps = 0
        self._packet_has_data = False
        self._report_now = False
        self._report_at: float | None = None
        self._reported_window = window

    def begin(self, first_tsn: int) -> None:
        """Expect `first_tsn` as the first chunk's TSN."""
        self.cumulative = first_tsn - 1

    def reset(self, streams: list[int]) -> None:
        """Begin these streams anew, all if there are none (RFC 6525 section 5.2.2)."""
        if not streams:
            self._sequences.clear()
        for stream in streams:
            self._sequences.pop(stream, None)

    def reached(self, tsn: int) -> bool:
        """Return True once everything up to a TSN of 32 bits has arrived."""
        return self._absolute(tsn) <= self.cumulative

    def take(self, packet: bytes, start: int, end: int, flags: int) -> None:
        """Process a DATA chunk's value.

        Raises:
            MalformedError: it has no data, or its message is too large or inconsistent.
        """
        if end - start <= 12:
            raise MalformedError("a DATA chunk without data")
        number, stream, sequence, protocol = data_fields(packet, start)
        tsn = self._absolute(number)
        data = packet[start + 12 : end]
        self._packet_has_data = True
        if flags & IMMEDIATE:
            self._report_now = True
        if tsn == self.cumulative + 1:
            if self._room() + SLACK < len(data):
                return
            self.cumulative = tsn
            self._take_next(flags, stream, sequence, protocol, data)
            if self._runs:
                self._report_now = True
                if self._runs[0][0] == tsn + 1:
                    self._take_run(*self._runs.pop(0))
        elif tsn <= self.cumulative or tsn in self._waiting:
            self._report_now = True
            if len(self._duplicates) < DUPLICATES_MAX:
                self._duplicates.append(number)
        elif self._room() >= len(data) and tsn - self.cumulative <= AHEAD_MAX:
            self._report_now = True
            self._keep(tsn, Fragment(flags, stream, sequence, protocol, data))
            self._take_early(tsn)

    def _keep(self, tsn: int, fragment: Fragment) -> None:
        """Keep a chunk that arrived before an earlier one."""
        self._waiting[tsn] = fragment
        self._waiting_bytes += len(fragment.data or b"") + OVERHEAD
        if fragment.flags & FIRST:
            self._beginnings[fragment.stream, fragment.sequence] = tsn
        at = bisect(self._runs, [tsn])
        before = self._runs[at - 1] if at else None
        after = self._runs[at] if at < len(self._runs) else None
        if before is not None and before[1] + 1 == tsn:
            before[1] = tsn
            if after is not None and after[0] == tsn + 1:
                before[1] = after[1]
                del self._runs[at]
        elif after is not None and after[0] == tsn + 1:
            after[0] = tsn
        else:
            self._runs.insert(at, [tsn, tsn])

    def _take_run(self, first: int, last: int) -> None:
        """Process kept chunks, which are the next."""
        for tsn in range(first, last + 1):
            self.cumulative = tsn
            fragment = self._waiting.pop(tsn)
            if fragment.flags & FIRST:
                self._beginnings.pop((fragment.stream, fragment.sequence), None)
            self._take_waiting(fragment)

    def _absolute(self, number: int) -> int:
        return self.cumulative + ((number - self.cumulative + 2**31) & 0xFFFFFFFF) - 2**31

    def _room(self) -> int:
        return self._window - self.held - self._waiting_bytes - self._partial_bytes

    def _take_next(
        self, flags: int, stream: int, sequence: int, protocol: int, data: bytes
    ) -> None:
        first, last = flags & FIRST, flags & LAST
        if bool(first) == bool(self._partial):
            raise MalformedError("the fragments of a message are inconsistent")
        if not first or not last:
            self._partial.append(data)
            self._partial_bytes += len(data) + OVERHEAD
            if self._partial_bytes - OVERHEAD * len(self._partial) > self._message_max:
                raise MalformedError(f"a message has more than {self._message_max} bytes")
            if not last:
                return
            data = b"".join(self._partial)
            self._partial = []
            self._partial_bytes = 0
        if not flags & UNORDERED and self._next_sequence(stream) is not None:
            self._sequences[stream] = sequence + 1 & 0xFFFF
        self._on_message(stream, protocol, data)

    def _take_waiting(self, fragment: Fragment) -> None:
        if fragment.data is None:
            return  # it was delivered early
        self._waiting_bytes -= len(fragment.data) + OVERHEAD
        self._take_next(
            fragment.flags, fragment.stream, fragment.sequence, fragment.protocol, fragment.data
        )

    def _take_early(self, tsn: int) -> None:
        """Deliver messages of this chunk's stream that are complete and the next, although an
        earlier chunk, of another stream, is missing."""
        following: int | None = tsn
        while following is not None and (run := self._run(following)):
            first = self._waiting[run[0]]
            unordered = first.flags & UNORDERED
            if not unordered and self._next_sequence(first.stream) != first.sequence:
                return
            self._beginnings.pop((first.stream, first.sequence), None)
            data = b"".join([self._take_data(number) for number in run])
            if len(data) > self._message_max:
                raise MalformedError(f"a message has more than {self._message_max} bytes")
            if unordered:
                self._on_message(first.stream, first.protocol, data)
                return
            following_sequence = self._sequences[first.stream] = first.sequence + 1 & 0xFFFF
            self._on_message(first.stream, first.protocol, data)
            following = self._beginnings.get((first.stream, following_sequence))

    def _next_sequence(self, stream: int) -> int | None:
        """The sequence number of a stream's next message; None if too many streams are known."""
        sequence = self._sequences.get(stream)
        if sequence is None and len(self._sequences) < STREAMS_MAX:
            return 0
        return sequence

    def _take_data(self, tsn: int) -> bytes:
        """The data of a kept chunk, which is delivered early."""
        fragment = self._waiting[tsn]
        data = fragment.data or b""
        fragment.data = None
        self._waiting_bytes -= len(data) + OVERHEAD
        return data

    def _run(self, tsn: int) -> range:
        """The TSNs of the message that this chunk belongs to; empty while it is incomplete."""
        most = min(EARLY_FRAGMENTS_MAX, EARLY_STEPS_MAX - self._early_steps)
        first = last = tsn
        is_complete = True
        while is_complete and not self._waiting[first].flags & FIRST:
            first -= 1
            is_complete = first in self._waiting and tsn - first <= most
        while is_complete and not self._waiting[last].flags & LAST:
            last += 1
            is_complete = last in self._waiting and last - tsn <= most
        self._early_steps += last - first
        return range(first, last + 1) if is_complete else range(0)

    def on_packet_end(self, now: float) -> None:
        """Decide when what a packet brought is reported."""
        if not self._packet_has_data:
            return
        self._packet_has_data = False
        self._early_steps = 0
        self._unreported += 1
        if self._unreported >= SACK_EVERY:
            self._report_now = True
        elif self._report_at is None:
            self._report_at = now + SACK_DELAY

    def on_consumed(self) -> bool:
        """The application has taken something: True if the peer has to be told of the window."""
        grown = max(self._room(), 0) - self._reported_window
        if grown >= self._window // 4:
            self._report_now = True
        return self._report_now

    def deadline(self) -> float | None:
        """When a report is due, as seconds of the clock; 0.0 for at once."""
        return 0.0 if self._report_now else self._report_at

    def has_report(self, now: float) -> bool:
        """Return True if a report is due."""
        return self._report_now or (self._report_at is not None and self._report_at <= now)

    @property
    def is_unreported(self) -> bool:
        """True if a packet that is sent anyway should carry a report."""
        return self._report_now or self._unreported > 0

    def report(self) -> bytes:
        """A SACK chunk of what has arrived."""
        self._reported_window = max(self._room(), 0)
        chunk = sack_chunk(self.cumulative, self._reported_window, self._gaps(), self._duplicates)
        self._duplicates = []
        self._unreported = 0
        self._report_now = False
        self._report_at = None
        return chunk

    def _gaps(self) -> list[tuple[int, int]]:
        """The kept chunks, as offsets from the cumulative TSN."""
        return [
            (first - self.cumulative, last - self.cumulative)
            for first, last in self._runs[:GAPS_MAX]
        ]
