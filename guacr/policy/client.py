"""The client of a connection, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """The listener, the address and the certificate of a client."""

    listener: str = ""
    """One of tcp, unix, websocket, webrtc and tube; empty if it is unknown."""
    address: str = ""
    """The IP address; empty on a Unix socket."""
    certificates: tuple[str, ...] = ()
    """The names in a certificate that an authority of the settings has signed."""


NOBODY = Client()
"""A client of which nothing is known."""
