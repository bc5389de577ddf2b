"""The interface of all transports: a client's bytes, in both directions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from guacr.policy.client import NOBODY, Client
from guacr.protocol.status import Status


class Receiver(Protocol):
    """Receives the bytes of a client. Called from the event loop, never concurrently."""

    def data_received(self, data: bytes) -> None:
        """Process bytes of the Guacamole protocol, cut anywhere."""

    def drained(self) -> None:
        """Continue after the send buffer has become empty."""

    def connection_lost(self) -> None:
        """Handle the end of the connection; called once, whoever closed it."""


class NoReceiver:
    """The receiver before and after the real one."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Discard received data."""

    def drained(self) -> None:
        """Do nothing."""

    def connection_lost(self) -> None:
        """Do nothing."""


NO_RECEIVER = NoReceiver()


class Transport(ABC):
    """A client's connection: the common interface of TCP, WebSocket and tubes.

    Data goes to `receiver`, which may be replaced at any time. Nothing is read before
    `resume_reading` has been called once.
    """

    receiver: Receiver
    """`NO_RECEIVER` once the connection is lost, so that neither keeps the other in memory."""
    accepted = opened = 0
    """When the client was accepted, and when it could begin its handshake, after that of TLS; in
    nanoseconds, as `time.perf_counter_ns` returns them. 0 if that is not known."""

    traceparent = ""
    """The header of this name of the client's request (W3C Trace Context); empty without one."""

    @property
    @abstractmethod
    def peer(self) -> str:
        """The client's address, for the log."""

    @property
    def client(self) -> Client:
        """The client, as far as it is known, for the access rules."""
        return NOBODY

    @property
    @abstractmethod
    def buffered(self) -> int:
        """Written bytes that the system has not accepted yet (0 when drained)."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send `data`, one or more complete instructions. This never blocks; callers must check
        `buffered`. Ignored after closing."""

    @abstractmethod
    def pause_reading(self) -> None:
        """Stop reading from the client until `resume_reading`."""

    @abstractmethod
    def resume_reading(self) -> None:
        """Read from the client again."""

    def report_from(self, size: int) -> None:
        """Report data of the client only once there are `size` bytes; fewer wait for `read_rest`.
        Transports that cannot do this report all data at once, as every transport does at first."""

    def read_rest(self) -> bytes:
        """Return the data that waits because it is too short; empty if there is none."""
        return b""

    def silence(self) -> float:
        """Return the seconds since data of the client arrived last, whether it was read or not; 0
        from transports that report all data at once."""
        return 0.0

    @abstractmethod
    def close(self, status: Status = Status.SUCCESS) -> None:
        """Close once everything written has been sent, or after `CLOSE_TIMEOUT` seconds.

        `status` is for transports whose closing message has one (WebSocket).
        """

    @abstractmethod
    def abort(self) -> None:
        """Close at once; buffered data is lost."""


CLOSE_TIMEOUT = 5.0
"""Seconds that a closing transport has to deliver buffered data."""
