"""Clients that come from another process of the daemon, or go there."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from guacr.addresses import described
from guacr.net.connection_limits import Place

Port: TypeAlias = Literal["tcp", "web"]
"""The port that a client has connected to: of the Guacamole protocol, or of the page."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A client that another process has accepted."""

    sock: socket.socket
    place: Place
    address: tuple[str, int] | None = None
    """The client's address, if the connection is relayed: the socket does not have it."""
    names: tuple[str, ...] = ()
    """The names in the client's certificate, if the connection is relayed."""
    secure: bool = False
    """True if the client uses TLS with the process that relays the connection."""
    head: bytes = field(default=b"", repr=False)
    """The bytes that were read from it so far."""
    tls: bool = False
    """True if a TLS handshake comes first."""
    moves: bool = False
    """True if it may have to go to the worker that has what it wants."""

    @property
    def peer(self) -> str:
        """The client's address, for the log."""
        if self.address is not None:
            return described(self.address)
        try:
            return described(self.sock.getpeername())
        except OSError:
            return "a closed connection"


class Handover(ABC):
    """Has clients served by the worker that has what they want."""

    @abstractmethod
    def move(
        self, worker: int, port: Port, transport: asyncio.Transport, place: Place, head: bytes
    ) -> None:
        """Have another worker serve a client as if it had connected there, and had sent `head`
        first. The protocol of `transport` loses its connection."""
