"""The connection of one client: its traffic, its times, and whether it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from guacr.protocol.status import Status
from guacr.session.meter import Meter
from guacr.transport.base import NO_RECEIVER, Receiver, Transport


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of the Guacamole protocol from and to clients."""

    received: int = 0
    sent: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.received + other.received, self.sent + other.sent)

    def __str__(self) -> str:
        return f"{self.received} bytes received, {self.sent} bytes sent"


class Hold(Enum):
    """The reasons not to read from a client."""

    HOST = auto()
    """The remote host accepts no input."""
    TURN = auto()
    """The client's previous instructions have not been carried out yet."""
    AUDIT = auto()
    """The audit log has to note something about the client before it goes on."""
    ADMISSION = auto()
    """The client must be admitted to the session first."""
    LIMIT = auto()
    """The client has sent more than a limit allows."""


BEFORE_INPUT = frozenset({Hold.AUDIT, Hold.ADMISSION})
"""The reasons for which nothing that a client has sent may be carried out."""


class Link:
    """A transport with the times and byte counts of its traffic.

    Times are in seconds on the event loop's clock.
    """

    __slots__ = (
        "_holds",
        "_loop",
        "_received",
        "_rest_was_read",
        "_sent",
        "_unsent_since",
        "last_received",
        "last_sent",
        "meter",
        "on_ready",
        "transport",
    )

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._holds: set[Hold] = set()
        self._received = 0
        self._rest_was_read = False
        """True if `last_received` may be up to a check late."""
        self._sent = 0
        self.last_received = self.last_sent = self.now()
        self._unsent_since = (0, self.last_sent)
        self.meter: Meter | None = None
        """The limits of its traffic, if there are any."""
        self.on_ready: Callable[[], None] = _nothing

    def now(self) -> float:
        """Return the event loop's time in seconds."""
        return self._loop.time()

    @property
    def peer(self) -> str:
        """The client's address."""
        return self.transport.peer

    @property
    def traffic(self) -> Traffic:
        """The bytes so far."""
        return Traffic(self._received, self._sent)

    @property
    def buffered(self) -> int:
        """Bytes that were sent, but not yet accepted by the client's system."""
        return self.transport.buffered

    def send(self, data: bytes) -> None:
        """Send whole instructions."""
        self.last_sent = self._loop.time()
        self._sent += len(data)
        if self.meter is not None:
            self.meter.sent(len(data))
        self.transport.write(data)

    @property
    def may_be_sent(self) -> bool:
        """False while a limit of its traffic has been exceeded."""
        return self.meter is None or self.meter.may_be_sent

    def heard(self, size: int) -> None:
        """Note that the client has sent `size` bytes."""
        self.last_received = self._loop.time()
        self._rest_was_read = False
        self._received += size
        if self.meter is not None:
            self.meter.received(size)

    # ---- reading

    def read_rest(self) -> None:
        """Read what the client has sent and its transport has not reported, because it is short."""
        if self._holds:
            return
        rest = self.transport.read_rest()
        if rest:
            self.transport.receiver.data_received(rest)
            self._rest_was_read = True
        elif self._rest_was_read:
            self._rest_was_read = False
            self.last_received = min(self.last_received, self.now() - self.transport.silence())

    def open(self, receiver: Receiver) -> None:
        """Pass what the client sends to `receiver`."""
        self.transport.receiver = receiver
        self._apply()

    def hold(self, reason: Hold) -> None:
        """Read nothing from the client until `release`."""
        self._holds.add(reason)
        self._apply()

    def release(self, reason: Hold) -> None:
        """Read from the client again, unless there is another reason not to."""
        if reason in self._holds:
            self.last_received = self.now()  # the client could not be heard in the meantime
            self._rest_was_read = False
        self._holds.discard(reason)
        self._apply()
        if reason in BEFORE_INPUT:
            self._loop.call_soon(self._go_on)

    @property
    def may_be_heard(self) -> bool:
        """False if nothing that the client has sent may be carried out yet; `on_ready` is called
        afterwards."""
        return not self._holds or self._holds.isdisjoint(BEFORE_INPUT)

    def _go_on(self) -> None:
        if self.may_be_heard:
            self.on_ready()

    @property
    def is_held(self) -> bool:
        """True if the client cannot be heard because nothing is read from it."""
        return bool(self._holds)

    def _apply(self) -> None:
        if self._holds:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def close(self, status: Status = Status.SUCCESS) -> None:
        """Close once everything is sent; nothing more is received from the client."""
        self.transport.close(status)
        self.transport.receiver = NO_RECEIVER
        self.on_ready = _nothing
        if self.meter is not None:
            self.meter.close()
            self.meter = None

    # ---- time

    def stuck_for(self, now: float) -> float:
        """Return for how many seconds the client's system has accepted none of the buffered
        bytes."""
        buffered = self.transport.buffered
        before, since = self._unsent_since
        if before == 0 or buffered < before:
            since = now
        self._unsent_since = (buffered, since)
        return now - since

    def stood_still(self, seconds: float) -> None:
        """Note that the process could neither hear nor serve this client for `seconds`."""
        self.last_received += seconds
        self._rest_was_read = False
        buffered, since = self._unsent_since
        self._unsent_since = (buffered, since + seconds)


def _nothing() -> None:
    """Do nothing, if nothing waits."""
