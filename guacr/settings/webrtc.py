"""The settings of WebRTC."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from guacr.settings.section import Section
from guacr.settings.types import Allowed, IceUrl, Secret, Texts, Whole

SERVERS_MAX = 8
"""STUN and TURN servers; each is asked for every browser."""


class IceServerSettings(Section):
    """A STUN or TURN server, for guacr and for the browsers."""

    url: IceUrl
    """stun:host:port, turn:host:port (with ?transport=tcp for TCP), or turns:host:port for TLS."""
    username: Annotated[str, Field(max_length=512)] = ""
    """The account at a TURN server."""
    credential: Secret = ""
    """Its password, a secret. Every browser learns it."""
    secret: Secret = ""
    """Instead of an account: the secret that is shared with the TURN server (coturn's
    use-auth-secret). Each browser gets credentials that are valid for a day."""

    @property
    def is_relay(self) -> bool:
        """True for a TURN server."""
        return not self.url.startswith("stun:")

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> Self:
        if not self.is_relay:
            return self
        if self.secret and self.credential:
            raise ValueError("needs either secret or credential for a TURN server, not both")
        if not self.secret and not (self.username and self.credential):
            raise ValueError("needs secret, or username and credential, for a TURN server")
        return self


class WebRtcSettings(Section):
    """Sessions of the page over WebRTC (needs guacr[webrtc])."""

    enabled: bool = False
    """Offer WebRTC to browsers; those that cannot use it continue with WebSocket."""
    servers: Annotated[
        tuple[IceServerSettings, ...],
        Field(max_length=SERVERS_MAX, repr=False),
        Allowed(f"a list of up to {SERVERS_MAX} tables"),
    ] = ()
    """STUN and TURN servers, each with url, and with secret or username and credential for TURN."""
    relay_only: bool = False
    """Use no addresses but those of the TURN servers, on both sides."""
    loopback: bool = False
    """Use 127.0.0.1 and ::1, too; browsers do so only if they are told to for tests."""
    interfaces: Texts = ()
    """Names of the network interfaces to use, such as eth0; empty for all."""
    port_min: Annotated[Whole, Field(ge=0, le=65535)] = 0
    """The first UDP port for browsers; 0 for any that the system chooses."""
    port_max: Annotated[Whole, Field(ge=0, le=65535)] = 0
    """The last UDP port for browsers; each connection needs one at each address of this machine."""
    max_tubes: Annotated[Whole, Field(ge=1, le=100_000)] = 1000
    """Simultaneous peer connections; others continue with WebSocket."""
    max_tubes_per_address: Annotated[Whole, Field(ge=1, le=100_000)] = 100
    """Simultaneous peer connections of the browsers at one address, or in one IPv6 /64 network."""

    @model_validator(mode="after")
    def _relays_are_there(self) -> Self:
        if self.relay_only and not any(server.is_relay for server in self.servers):
            raise ValueError("has relay_only, and no TURN server: add one to servers")
        return self

    @model_validator(mode="after")
    def _ports_are_a_range(self) -> Self:
        if bool(self.port_min) != bool(self.port_max) or self.port_min > self.port_max:
            raise ValueError(
                f"has ports from {self.port_min} to {self.port_max}: set both port_min and "
                "port_max, which must not be lower, or neither"
            )
        return self
