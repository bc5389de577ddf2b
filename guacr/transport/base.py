"""What every transport offers: one client's bytes, in both directions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from guacr.protocol.status import Status


class Receiver(Protocol):
    """Who takes what a client sends. Called from the event loop, never concurrently."""

    def data_received(self, data: bytes) -> None:
        """Bytes of Guacamole protocol, cut anywhere."""

    def drained(self) -> None:
        """What was buffered has fallen to nothing after having been above zero."""

    def connection_lost(self) -> None:
        """The client is gone; called once, whoever closed the connection."""


class Transport(ABC):
    """One client's connection. TCP, WebSocket and tubes look alike from above.

    `receiver` may be replaced at any time; it is whom data goes to. Nothing is read before
    `resume_reading` has been called once.
    """

    receiver: Receiver

    @property
    @abstractmethod
    def peer(self) -> str:
        """The client's address, for the log."""

    @property
    @abstractmethod
    def buffered(self) -> int:
        """Bytes written that the client's system has not taken yet (0 when drained)."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send `data`, which is one or more whole instructions. Never blocks; whoever writes
        minds `buffered`. Nothing happens once closed."""

    @abstractmethod
    def pause_reading(self) -> None:
        """Take nothing more from the client until `resume_reading`."""

    @abstractmethod
    def resume_reading(self) -> None:
        """Take from the client again."""

    @abstractmethod
    def close(self, status: Status = Status.SUCCESS) -> None:
        """Close once everything written is sent, or after `CLOSE_TIMEOUT` seconds without.

        `status` is for transports that carry one in their own closing (WebSocket).
        """

    @abstractmethod
    def abort(self) -> None:
        """Close at once; what is buffered is lost."""


CLOSE_TIMEOUT = 5.0
"""Seconds that a closing transport may take to deliver what was written before."""
