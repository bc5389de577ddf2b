"""The data channels of an association by number: opened, filled and closed."""

from __future__ import annotations

from collections.abc import Callable

from guacr.tubes.sctp import channels as dcep
from guacr.tubes.sctp.channels import Channel
from guacr.tubes.sctp.handshake import STREAMS
from guacr.tubes.sctp.inbound import Inbound
from guacr.tubes.sctp.outbound import Outbound
from guacr.tubes.sctp.resets import Resets

REFUSED_MAX = 4096
"""Channels beyond the limit whose refusal waits for the peer's answers to earlier refusals; further
ones are refused in silence."""


class ChannelTable:
    """Has the channels, and is their `ChannelOwner`.

    Args:
        outbound: what channels send goes there.
        has_output: called when a channel has made something to send.
        first_number: of the channels that this end opens: 0 or 1.
        message_max: bytes of a message that the peer accepts.
        channels_max: channels of both ends.

    Attributes:
        channels: by number.
        on_channel: called with each channel that the peer opens.
    """

    def __init__(
        self,
        outbound: Outbound,
        has_output: Callable[[], None],
        *,
        first_number: int,
        message_max: int,
        channels_max: int,
    ) -> None:
        self.message_max = message_max
        self.channels: dict[int, Channel] = {}
        self.on_channel: Callable[[Channel], None] | None = None
        self._out = outbound
        self._in: Inbound
        self._resets: Resets
        self._has_output = has_output
        self._next_number = first_number
        self._channels_max = channels_max
        self._above_low_water: set[Channel] = set()
        self._closing: list[Channel] = []
        """Channels that are closed once what they have queued was sent."""

    def attach(self, inbound: Inbound, resets: Resets) -> None:
        """Set the halves that call this table."""
        self._in, self._resets = inbound, resets

    @property
    def is_closing(self) -> bool:
        """True while a channel closes that has something to send."""
        return bool(self._closing)

    def open(self, label: str, protocol: str) -> Channel:
        """Open a channel.

        Raises:
            ConnectionError: there are too many.
            ValueError: the label is too long.
        """
        message = dcep.open_message(label, protocol)
        while self._next_number in self.channels:
            self._next_number += 2
        if len(self.channels) >= self._channels_max or self._next_number >= STREAMS:
            raise ConnectionError(f"the limit of {self._channels_max} channels is reached")
        channel = self._add(self._next_number, label, protocol)
        self._out.push(channel.stream, dcep.PPID_CONTROL, message)
        self._has_output()
        return channel

    def _add(self, number: int, label: str, protocol: str) -> Channel:
        channel = self.channels[number] = Channel(self, number, label, protocol)
        return channel

    # --- the peer

    def receive(self, stream: int, protocol: int, data: bytes) -> None:
        """Process a message."""
        channel = self.channels.get(stream)
        if protocol == dcep.PPID_CONTROL:
            self._on_control(stream, channel, data)
        elif channel is not None:
            if protocol in (dcep.PPID_BINARY_EMPTY, dcep.PPID_TEXT_EMPTY):
                data = b""
            self._in.held += channel.deliver(data)

    def _on_control(self, stream: int, channel: Channel | None, data: bytes) -> None:
        opening = dcep.parse_open(data)
        if opening is None:
            if channel is not None:
                channel.opened()
        elif channel is None and len(self.channels) < self._channels_max:
            channel = self._add(stream, *opening)
            self._out.push(channel.stream, dcep.PPID_CONTROL, dcep.ACKNOWLEDGEMENT)
            channel.opened()
            if self.on_channel is not None:
                self.on_channel(channel)
        elif channel is None and self._resets.waiting < REFUSED_MAX:
            self._resets.request(stream)

    def sent_reset(self, stream: int) -> None:
        """The peer has learnt that this end has closed a channel."""
        channel = self.channels.get(stream)
        if channel is not None:
            channel.has_sent_reset = True
            self._close_if_reset(channel)

    def received_reset(self, streams: list[int]) -> None:
        """The peer has closed these channels, all if there are none."""
        self._in.reset(streams)
        for number in streams or list(self.channels):
            channel = self.channels.get(number)
            if channel is not None:
                self._out.forget(channel.stream)
                channel.peer_closed()
                self._close_if_reset(channel)

    def _close_if_reset(self, channel: Channel) -> None:
        if channel.has_sent_reset and channel.has_received_reset:
            del self.channels[channel.number]
            self._above_low_water.discard(channel)
            channel.closed()

    # --- for the channels

    def channel_send(self, channel: Channel, protocol: int, data: bytes | memoryview) -> None:
        """As `ChannelOwner.channel_send`."""
        self._out.push(channel.stream, protocol, data)
        if channel.buffered > channel.low_water:
            self._above_low_water.add(channel)
        self._has_output()

    def channel_close(self, channel: Channel) -> None:
        """As `ChannelOwner.channel_close`."""
        self._closing.append(channel)
        self._has_output()

    def channel_consumed(self, count: int) -> None:
        """As `ChannelOwner.channel_consumed`."""
        self._in.held -= count
        if self._in.on_consumed():
            self._has_output()

    # --- for the association

    def after_sending(self) -> None:
        """Tell channels that have room again, and close those that have sent all."""
        for channel in [c for c in self._above_low_water if c.buffered <= c.low_water]:
            self._above_low_water.discard(channel)
            if channel.on_low is not None:
                channel.on_low()
        for channel in [c for c in self._closing if not c.stream.messages]:
            self._closing.remove(channel)
            self._resets.request(channel.number)

    def end(self) -> None:
        """The association has ended: so have all channels."""
        channels, self.channels = list(self.channels.values()), {}
        self._above_low_water.clear()
        self._closing.clear()
        for channel in channels:
            channel.closed()
