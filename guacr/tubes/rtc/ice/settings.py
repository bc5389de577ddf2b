"""The settings of ICE: servers, limits and timings; its states and credentials."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from guacr.errors import shorten
from guacr.tubes.errors import IceError, IceSettingsError

UFRAG_LENGTH, PASSWORD_LENGTH = 16, 32
"""Characters of our own credentials; RFC 8445, 5.3 wants 4 and 22 at least."""
SERVERS_MAX = 16
PORTS = {"stun": 3478, "turn": 3478, "turns": 5349}
_URL = re.compile(
    r"(stun|turn|turns):(?://)?(\[[0-9A-Fa-f:.%]+\]|[^\s:/?#@\[\]]+)"
    r"(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?"
)
_ICE_CHARACTERS = string.ascii_letters + string.digits
_POSITIVE = (
    "gather_timeout",
    "description_wait",
    "connect_timeout",
    "disconnected_after",
    "keep_alive",
)
_UFRAG, _PASSWORD = re.compile(r"[A-Za-z0-9+/]{4,256}"), re.compile(r"[A-Za-z0-9+/]{22,256}")


class IceState(StrEnum):
    """The states of a transport, in the words of WebRTC's `RTCIceTransportState`."""

    NEW = "new"
    CHECKING = "checking"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class IceParameters:
    """The credentials of one end: `a=ice-ufrag` and `a=ice-pwd` (RFC 8839, 5.4).

    Raises:
        IceError: they are not of 4 to 256, and 22 to 256, ICE characters.
    """

    ufrag: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _UFRAG.fullmatch(self.ufrag):
            raise IceError(f"not a username fragment of ICE: {shorten(self.ufrag)}")
        if not _PASSWORD.fullmatch(self.password):
            raise IceError("the ICE password is not 22 to 256 letters, digits, + and /")

    @classmethod
    def new(cls) -> Self:
        """Make random ones."""
        return cls(_random(UFRAG_LENGTH), _random(PASSWORD_LENGTH))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARACTERS) for _ in range(length))


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server by its URL (RFC 7064, RFC 7065).

    `stun:host:port`, `turn:host:port?transport=udp` (or `tcp`), or `turns:host:port`, which is TLS.
    Without a port it is 3478, or 5349 for `turns`. `authorities` are PEM texts of the authorities
    that sign the certificate of a `turns` server, if they are not those of the system.

    Raises:
        IceSettingsError: the URL is not of these forms, or a TURN server has no credentials.
    """

    url: str
    username: str = ""
    credential: str = field(default="", repr=False)
    authorities: str = field(default="", repr=False)
    scheme: str = field(init=False, repr=False, compare=False)
    host: str = field(init=False, repr=False, compare=False)
    port: int = field(init=False, repr=False, compare=False)
    transport: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        match = _URL.fullmatch(self.url)
        if match is None:
            raise IceSettingsError(
                f"not the URL of a STUN or TURN server: {shorten(self.url)} (such as "
                "stun:host:3478, turn:host:3478?transport=tcp, turns:host:5349)"
            )
        scheme, host, port, transport = match.groups()
        self._check(scheme, int(port or PORTS[scheme]), transport)
        values = {
            "scheme": scheme,
            "host": host.strip("[]"),
            "port": int(port or PORTS[scheme]),
            "transport": "tcp" if scheme == "turns" else transport or "udp",
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check(self, scheme: str, port: int, transport: str | None) -> None:
        if not 0 < port < 1 << 16:
            raise IceSettingsError(f"the port of {shorten(self.url)} is not between 1 and 65535")
        if scheme == "turns" and transport == "udp":
            raise IceSettingsError(f"{shorten(self.url)}: turns is TLS over TCP, not UDP")
        if scheme == "stun" and transport == "tcp":
            raise IceSettingsError(f"{shorten(self.url)}: a STUN server is asked by UDP")
        if scheme != "stun" and not (self.username and self.credential):
            raise IceSettingsError(f"{shorten(self.url)} needs a username and a credential")


@dataclass(frozen=True, slots=True)
class IceSettings:
    """How a transport gathers candidates and how long it waits; times are in seconds.

    Raises:
        IceSettingsError: a time is not positive, or there are too many servers.
    """

    servers: tuple[IceServer, ...] = ()
    relay_only: bool = False
    """Use no candidates but those of TURN servers, and hide the others from the peer."""
    loopback: bool = False
    """Offer 127.0.0.1 and ::1, too: for tests, and if both ends are on one machine."""
    interfaces: tuple[str, ...] = ()
    """Names of the interfaces to use; empty for all. Link-local addresses are always left out."""
    ports: tuple[int, int] = (0, 0)
    """The first and last UDP port of host candidates; 0 for any that the system chooses."""
    addresses_max: int = 16
    """Local addresses that are used, each with a socket."""
    gather_timeout: float = 5.0
    """For each server by itself."""
    description_wait: float = 1.5
    """For each server by itself: how long a description with all candidates waits for it. TCP and
    TLS, which take more round trips, have half as much again."""
    connect_timeout: float = 30.0
    """Until a pair is found after the remote parameters are known, and until they are known after
    a restart."""
    disconnected_after: float = 30.0
    """Without an answer of the peer (consent: RFC 7675)."""
    failed_after: float = 60.0
    """In addition to `disconnected_after`."""
    keep_alive: float = 2.0
    """Between two questions to the peer whether it is there."""

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise IceSettingsError(f"{name} of ICE must be above 0 s")
        if not self.failed_after >= 0:
            raise IceSettingsError("failed_after of ICE must not be below 0 s")
        first, last = self.ports
        if not (first == last == 0 or 0 < first <= last < 1 << 16):
            raise IceSettingsError("the ports of ICE are not a first and a last one of 1 to 65535")
        if len(self.servers) > SERVERS_MAX:
            raise IceSettingsError(f"more than {SERVERS_MAX} STUN and TURN servers")
