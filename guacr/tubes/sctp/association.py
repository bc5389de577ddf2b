"""An SCTP association over DTLS, with its data channels (RFC 9260, RFC 8261)."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from guacr.tubes.sctp.channel_table import ChannelTable
from guacr.tubes.sctp.channels import Channel
from guacr.tubes.sctp.handshake import Handshake, State
from guacr.tubes.sctp.inbound import Inbound
from guacr.tubes.sctp.outbound import Outbound
from guacr.tubes.sctp.packets import (
    COMMON_HEADER,
    ChunkType,
    MalformedError,
    PacketWriter,
    check_packet,
    chunk,
    chunks,
    sack_fields,
)
from guacr.tubes.sctp.resets import Resets

CONTROL_MAX = 16
"""Answers that wait to be sent; further ones are dropped, as if lost."""
PACKETS_MAX = 64
"""Packets that one call of `take_packets` returns."""
HEARTBEAT_MAX = 1024
"""Bytes of a heartbeat that is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what a peer may use."""

    packet: int = 1192
    """Bytes of a packet that is sent: with DTLS and UDP it passes every link (IPv6's 1280)."""
    window: int = 2 * 1024 * 1024
    """Bytes received and not consumed."""
    flight: int = 8 * 1024 * 1024
    """Bytes sent and not acknowledged."""
    message: int = 256 * 1024
    """Bytes of a received message."""
    channels: int = 256


class Association:
    """One association.

    Nothing is sent by itself: after `start`, `receive`, `open_channel`, `handle_deadline`, and
    what is done with channels, callers send what `take_packets` returns.

    Args:
        is_client: whether this end is the DTLS client; it opens the channels with even numbers.
        message_max: bytes of a message that the peer accepts.
        port, remote_port: SCTP ports.

    Attributes:
        on_established: called once data can be sent.
        on_closed: called once with the reason, a sentence, when the association ends.
        on_output: called when the application has made something to send.
        on_idle: called whenever the peer has acknowledged the last of what was sent.
        has_more: whether `take_packets` has more to return now.
    """

    def __init__(
        self,
        *,
        is_client: bool,
        message_max: int = 65536,
        port: int = 5000,
        remote_port: int = 5000,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.on_established: Callable[[], None] | None = None
        self.on_closed: Callable[[str], None] | None = None
        self.on_output: Callable[[], None] | None = None
        self.on_idle: Callable[[], None] | None = None
        self.is_closed = False
        self._ports = (port, remote_port)
        self._tag = secrets.randbelow(2**32 - 1) + 1
        first_tsn = secrets.randbits(31)
        self._room = (self.limits.packet - COMMON_HEADER) & ~3
        self._handshake = Handshake(self._tag, self.limits.window, first_tsn)
        self._out = Outbound(first_tsn, self._room, self.limits.flight)
        self._table = ChannelTable(
            self._out,
            self._has_output,
            first_number=0 if is_client else 1,
            message_max=message_max,
            channels_max=self.limits.channels,
        )
        self._in = Inbound(self._table.receive, self.limits.window, self.limits.message)
        self._resets = Resets(
            first_tsn, self._table.sent_reset, self._table.received_reset, self._in.reached
        )
        self._table.attach(self._in, self._resets)
        self._init_writer = PacketWriter(*self._ports, 0)
        self._writer: PacketWriter | None = None
        """Makes packets for the peer, once its tag is known."""
        self._control: deque[bytes] = deque()
        self._last_packet: bytes | None = None
        """The ABORT that is sent when the association has ended."""
        self.has_more = False

    def start(self, now: float) -> None:
        """Begin the handshake.

        Args:
            now: seconds of a monotonic clock, here and below.
        """
        self._handshake.start(now)

    @property
    def is_established(self) -> bool:
        """True while data can be sent and received."""
        return self._handshake.state is State.ESTABLISHED and not self.is_closed

    @property
    def channels(self) -> dict[int, Channel]:
        """The channels by number."""
        return self._table.channels

    @property
    def on_channel(self) -> Callable[[Channel], None] | None:
        """Called with each channel that the peer opens."""
        return self._table.on_channel

    @on_channel.setter
    def on_channel(self, callback: Callable[[Channel], None] | None) -> None:
        self._table.on_channel = callback

    @property
    def buffered(self) -> int:
        """Bytes of all channels that have not been sent for the first time."""
        return self._out.queued

    @property
    def is_idle(self) -> bool:
        """True if nothing waits to be sent or to be acknowledged."""
        return not self._out.outstanding and not self._out.is_waiting and not self._table.is_closing

    @property
    def round_trip(self) -> float | None:
        """Seconds, smoothed; None before the first measurement."""
        return self._out.round_trip

    @property
    def retransmissions(self) -> int:
        """Chunks that were sent again."""
        return self._out.retransmissions

    @property
    def loss(self) -> float:
        """The share of the chunks that were sent again."""
        return self._out.retransmissions / max(self._out.chunks_sent, 1)

    def open_channel(self, label: str, protocol: str = "") -> Channel:
        """Open a channel; data may be sent at once.

        Raises:
            ConnectionError: the association has ended, or has reached its limit of channels.
            ValueError: the label is too long.
        """
        if self.is_closed:
            raise ConnectionError("the association has ended")
        return self._table.open(label, protocol)

    def abort(self, reason: str) -> None:
        """End the association at once.

        Args:
            reason: a sentence for `on_closed`.
        """
        if self._writer is not None and not self.is_closed:
            self._last_packet = self._writer.packet(chunk(ChunkType.ABORT))
        self._end(reason)
        self._has_output()

    def probe(self, now: float) -> None:
        """The link has returned: send what is not acknowledged without waiting any longer."""
        if self._out.outstanding:
            self._out.probe(now)

    # --- received packets

    def receive(self, packet: bytes, now: float) -> None:
        """Process a packet. What does not belong to this association is ignored; what breaks the
        protocol ends it."""
        try:
            tag = check_packet(packet)
        except MalformedError:
            return
        has_report = False
        try:
            for kind, flags, start, end in chunks(packet):
                if self.is_closed:
                    return
                if not kind and tag == self._tag and self._writer is not None:
                    self._in.take(packet, start, end, flags)
                elif kind == ChunkType.SACK:
                    # a second one could tell nothing new (RFC 9260 section 6.2)
                    if tag == self._tag and not has_report:
                        has_report = True
                        self._on_sack(packet, start, end, now)
                else:
                    self._on_chunk(kind, flags, tag, packet, start, end, now)
            self._resets.on_data()
            self._in.on_packet_end(now)
        except MalformedError as error:
            self.abort(f"The peer broke the protocol: {error}.")

    def _on_chunk(
        self, kind: int, flags: int, tag: int, packet: bytes, start: int, end: int, now: float
    ) -> None:
        if kind == ChunkType.INIT:
            if tag == 0:
                self._handshake.on_init(packet[start:end])
                self._meet()
        elif kind == ChunkType.ABORT:
            if tag == self._tag or flags & 1:
                self._end("The peer has aborted the association.")
        elif tag == self._tag:
            self._on_rare_chunk(kind, packet[start:end], now)

    def _on_rare_chunk(self, kind: int, value: bytes, now: float) -> None:
        if kind == ChunkType.HEARTBEAT:
            if len(value) <= HEARTBEAT_MAX:
                self._answer(chunk(ChunkType.HEARTBEAT_ACK, value))
        elif kind == ChunkType.RECONFIG:
            self._resets.receive(value)
        elif kind == ChunkType.INIT_ACK:
            self._handshake.on_init_ack(value, now)
            self._meet()
        elif kind == ChunkType.COOKIE_ECHO:
            self._handshake.on_cookie_echo(value)
            self._meet()
        elif kind == ChunkType.COOKIE_ACK:
            self._handshake.on_cookie_ack()
            self._meet()
        elif kind == ChunkType.SHUTDOWN:
            self._answer(chunk(ChunkType.SHUTDOWN_ACK))
        elif kind in (ChunkType.SHUTDOWN_ACK, ChunkType.SHUTDOWN_COMPLETE):
            self._end("The peer has ended the association.")

    def _answer(self, answer: bytes) -> None:
        if len(self._control) < CONTROL_MAX:
            self._control.append(answer)

    def _meet(self) -> None:
        """Note what the handshake has brought."""
        peer = self._handshake.peer
        if peer is not None and self._writer is None:
            self._writer = PacketWriter(*self._ports, peer.tag)
            self._out.peer_window = peer.window
            self._in.begin(peer.first_tsn)
        if self.is_established and self.on_established is not None:
            callback, self.on_established = self.on_established, None
            callback()

    def _on_sack(self, packet: bytes, start: int, end: int, now: float) -> None:
        if not self._out.acknowledge(*sack_fields(packet, start, end), now):
            raise MalformedError("it acknowledges what was not sent")
        if self.on_idle is not None and self.is_idle:
            self.on_idle()

    # --- sent packets

    def take_packets(self, now: float) -> list[bytes]:
        """The packets that are due, at most 64: then call it again."""
        self.has_more = False
        if self.is_closed:
            last, self._last_packet = self._last_packet, None
            return [] if last is None else [last]
        packets = []
        if self._handshake.deadline() is not None:
            packets += self._handshake_packets(now)
        if self.is_established and self._writer is not None:
            while len(packets) < PACKETS_MAX and (body := self._next_body(now)):
                packets.append(self._writer.packet(b"".join(body)))
            self.has_more = len(packets) == PACKETS_MAX
            self._table.after_sending()
        return packets

    def _handshake_packets(self, now: float) -> list[bytes]:
        packets = []
        for message in self._handshake.take(now):
            known = None if message[0] == ChunkType.INIT else self._writer
            packets.append((known or self._init_writer).packet(message))
        if self._handshake.state is State.FAILED:
            self._end("The peer does not answer the handshake.")
        return packets

    def _next_body(self, now: float) -> list[bytes]:
        """The chunks of the next packet. Each fits into one; what is left goes into the next."""
        body, room = [], self._room
        if self._in.has_report(now) or (self._in.is_unreported and self._out.is_waiting):
            body.append(self._in.report())
            room -= len(body[0])
        while self._control and len(self._control[0]) <= room:
            body.append(self._control.popleft())
            room -= len(body[-1])
        resets = self._resets.take(self._out.last_tsn, room, now)
        if resets:
            body += resets
            room -= sum(map(len, resets))
        return body + self._out.fill(room, now)

    def _has_output(self) -> None:
        if self.on_output is not None:
            self.on_output()

    # --- time

    def deadline(self) -> float | None:
        """When `handle_deadline` is due, as seconds of the clock; None for never."""
        if self.is_closed:
            return None
        if not self.is_established:
            return self._handshake.deadline()
        deadlines = (
            self._handshake.deadline(),  # answers to a peer that repeats itself
            self._in.deadline(),
            self._out.deadline(),
            self._resets.deadline(),
        )
        return min((at for at in deadlines if at is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Do what is due; call `take_packets` afterwards."""
        if not self.is_closed:
            self._out.on_deadline(now)

    def _end(self, reason: str) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self._table.end()
        if self.on_closed is not None:
            self.on_closed(reason)
