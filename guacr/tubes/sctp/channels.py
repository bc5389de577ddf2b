"""Data channels (RFC 8831), opened in band (RFC 8832) and closed by resets (RFC 6525)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from struct import Struct
from typing import Protocol

from guacr.tubes.sctp.inbound import OVERHEAD
from guacr.tubes.sctp.outbound import Stream
from guacr.tubes.sctp.packets import MalformedError

PPID_CONTROL = 50
PPID_TEXT = 51
PPID_BINARY = 53
PPID_TEXT_EMPTY = 56
PPID_BINARY_EMPTY = 57
"""Payload protocol identifiers (RFC 8831 section 8)."""
LABEL_MAX = 1024
"""Bytes of a channel's label, and of its protocol."""
_OPEN = Struct("!BBHIHH")
_OPEN_TYPE = 3
ACKNOWLEDGEMENT = b"\x02"
"""A DATA_CHANNEL_ACK message (RFC 8832 section 5.2)."""


class ChannelState(StrEnum):
    """As in the W3C's WebRTC."""

    OPENING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class ChannelOwner(Protocol):
    """The side of an association that its channels use."""

    message_max: int

    def channel_send(self, channel: Channel, protocol: int, data: bytes | memoryview) -> None:
        """Queue a message."""

    def channel_close(self, channel: Channel) -> None:
        """Close once what is queued has been sent."""

    def channel_consumed(self, count: int) -> None:
        """The application has taken `count` bytes that the window counted."""


class Channel:
    """A data channel: ordered, reliable messages.

    Attributes:
        on_open: called once it can be used; a channel that the peer opened is open at once.
        on_message: called with each message; a text is its UTF-8 bytes.
        on_low: called when `buffered` has fallen to `low_water` or below it.
        on_close: called once it is closed, by either side, after the last message.
        low_water: bytes.
    """

    def __init__(self, owner: ChannelOwner, number: int, label: str, protocol: str = "") -> None:
        self.number = number
        self.label = label
        self.protocol = protocol
        self.state = ChannelState.OPENING
        self.low_water = 0
        self.on_open: Callable[[], None] | None = None
        self.on_message: Callable[[bytes], None] | None = None
        self.on_low: Callable[[], None] | None = None
        self.on_close: Callable[[], None] | None = None
        self.stream = Stream(number)
        self.has_sent_reset = False
        self.has_received_reset = False
        self._owner = owner
        self._paused = False
        self._held: deque[bytes] = deque()

    @property
    def buffered(self) -> int:
        """Bytes that have not been sent for the first time."""
        return self.stream.queued

    def send(self, data: bytes | memoryview) -> None:
        """Queue a binary message; `data` must not change afterwards.

        Raises:
            ValueError: it is larger than the peer accepts.
            ConnectionError: the channel is closed or closing.
        """
        if self.state not in (ChannelState.OPENING, ChannelState.OPEN):
            raise ConnectionError(f"channel {self.label!r} is {self.state}")
        if len(data) > self._owner.message_max:
            raise ValueError(
                f"a message of {len(data)} bytes; the peer accepts {self._owner.message_max}"
            )
        if data:
            self._owner.channel_send(self, PPID_BINARY, data)
        else:
            self._owner.channel_send(self, PPID_BINARY_EMPTY, b"\0")

    def pause_reading(self) -> None:
        """Deliver no more messages; the peer stops once the window is full."""
        self._paused = True

    def resume_reading(self) -> None:
        """Deliver what was held back, and open the window."""
        self._paused = False
        while self._held and not self._paused:
            data = self._held.popleft()
            self._owner.channel_consumed(len(data) + OVERHEAD)
            if self.on_message is not None:
                self.on_message(data)
        if self.state is ChannelState.CLOSED and not self._held:
            self._tell_closed()

    def close(self) -> None:
        """Close it once what is queued has been sent. No more messages are delivered."""
        self._drop_held()
        self._paused = False
        self.on_message = None
        self._begin_close()

    def deliver(self, data: bytes) -> int:
        """Take a message from the peer; the bytes that the window has to count for it."""
        if self._paused or self._held:
            self._held.append(data)
            return len(data) + OVERHEAD
        if self.on_message is not None:
            self.on_message(data)
        return 0

    def opened(self) -> None:
        """The peer has acknowledged it."""
        if self.state is ChannelState.OPENING:
            self.state = ChannelState.OPEN
            if self.on_open is not None:
                self.on_open()

    def peer_closed(self) -> None:
        """The peer has closed it: nothing more will come."""
        self.has_received_reset = True
        self._begin_close()

    def closed(self) -> None:
        """Both directions have ended, or the association has."""
        self.state = ChannelState.CLOSED
        if not self._held:
            self._tell_closed()

    def _begin_close(self) -> None:
        if self.state in (ChannelState.OPENING, ChannelState.OPEN):
            self.state = ChannelState.CLOSING
            self._owner.channel_close(self)

    def _drop_held(self) -> None:
        held = sum(len(data) + OVERHEAD for data in self._held)
        self._held.clear()
        if held:
            self._owner.channel_consumed(held)
        if self.state is ChannelState.CLOSED:
            self._tell_closed()

    def _tell_closed(self) -> None:
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close()


def open_message(label: str, protocol: str = "") -> bytes:
    """A DATA_CHANNEL_OPEN message: ordered and reliable (RFC 8832 section 5.1).

    Raises:
        ValueError: the label or the protocol is too long.
    """
    name, kind = label.encode(), protocol.encode()
    if len(name) > LABEL_MAX or len(kind) > LABEL_MAX:
        raise ValueError(f"a label has at most {LABEL_MAX} bytes")
    return _OPEN.pack(_OPEN_TYPE, 0, 256, 0, len(name), len(kind)) + name + kind


def parse_open(data: bytes) -> tuple[str, str] | None:
    """Label and protocol of a DATA_CHANNEL_OPEN message; None for an acknowledgement.

    Raises:
        MalformedError: it is neither.
    """
    if data[:1] == ACKNOWLEDGEMENT:
        return None
    if len(data) < _OPEN.size or data[0] != _OPEN_TYPE:
        raise MalformedError("an unknown message about data channels")
    *_, label_size, protocol_size = _OPEN.unpack_from(data)
    is_cut = _OPEN.size + label_size + protocol_size > len(data)
    if is_cut or max(label_size, protocol_size) > LABEL_MAX:
        raise MalformedError("the label of a data channel is too long")
    label = data[_OPEN.size : _OPEN.size + label_size]
    protocol = data[_OPEN.size + label_size : _OPEN.size + label_size + protocol_size]
    return label.decode(errors="replace"), protocol.decode(errors="replace")
