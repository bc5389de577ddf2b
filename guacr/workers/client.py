"""A client on its way from the front to a worker."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from guacr.errors import BusyError, GuacrError
from guacr.net.answers import unavailable
from guacr.net.connection_limits import Place
from guacr.net.handover import Port
from guacr.protocol.instruction import encode

ATTEMPTS_MAX = 2
"""Workers that are given a client; each of them has died before it took the client."""


@dataclass(slots=True)
class Client:
    """A client that the front has accepted. The front keeps the socket until a worker reports that
    it has taken the client, and gives it to another one if that worker dies before."""

    lease: int
    """Its number."""
    sock: socket.socket | None
    place: Place | None
    """Counts it; None for one whose place has been left already."""
    port: Port
    tls: bool = False
    """True if a TLS handshake comes first."""
    address: Any = None
    """The client's address and port, if another worker relays the connection."""
    names: list[str] = field(default_factory=list)
    """The names in the client's certificate, which that worker has verified."""
    secure: bool = False
    """True if the client uses TLS with that worker."""
    head: bytes = field(default=b"", repr=False)
    """The bytes that were read from it."""
    worker: int = 0
    """The worker that has what the client wants; 0 for any."""
    moves: bool = False
    """True if it may turn out to belong to another worker."""
    due: float = 0.0
    """When it is refused, if no worker can take it, on the event loop's clock."""
    attempts: int = 0

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that a worker has to know."""
        return {
            "lease": self.lease,
            "port": self.port,
            "tls": self.tls,
            "address": self.address,
            "names": self.names,
            "secure": self.secure,
            "moves": self.moves,
        }

    def duplicate(self) -> int | None:
        """Return another descriptor of the socket; None if there can be none."""
        try:
            return None if self.sock is None else os.dup(self.sock.fileno())
        except OSError:
            return None

    def taken(self) -> None:
        """Close the front's descriptor: a worker has taken the client."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None
            self.head = b""

    def leave(self) -> None:
        """Release its place, and close its socket if it has not been taken."""
        self.taken()
        if self.place is not None:
            self.place.leave()

    def refuse(self, error: GuacrError) -> None:
        """Say why it is not served, if that can be said now, and close."""
        if self.sock is not None and not self.tls:
            answer = encode("error", str(error), error.status)
            if self.port == "web":
                answer = unavailable(BusyError(str(error)))
            with suppress(OSError):
                self.sock.send(answer)
                self.sock.shutdown(socket.SHUT_WR)
        self.leave()
