"""The settings of peer connections that the arguments and settings of `create_tube` ask for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from guacr.addresses import place
from guacr.errors import shorten
from guacr.tubes.compat.dictionary import IceOptions
from guacr.tubes.environment import STUN_URL, TURN
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.rtc.ice.settings import IceServer, IceSettings

STUN_PORT = 3478
_PLACE = re.compile(r"\[([0-9A-Fa-f:.%]+)\](?::(\d{1,5}))?|([^\s:/?#@\[\]]+)(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Network:
    """The arguments of `create_tube` about the network.

    Attributes:
        relay: a STUN server; "" for none.
        interfaces: names of the interfaces to use; empty for all.
        turn_authorities: PEM texts of the authorities for TURN over TLS; "" for the system's.
    """

    relay: str = ""
    interfaces: tuple[str, ...] = ()
    turn_authorities: str = field(default="", repr=False)


def ice_settings(network: Network, options: IceOptions, base: IceSettings) -> IceSettings:
    """Return `base` with the servers and the candidates that are asked for.

    Raises:
        TubeSettingsError: a server cannot be used.
    """
    return replace(
        base,
        servers=_distinct(_servers(network, options)),
        relay_only=base.relay_only or options.turn_only,
        loopback=options.loopback,
        interfaces=network.interfaces,
    )


def stun_url(server: str) -> str:
    """Return the URL of a STUN server: `host`, `host:port`, an IPv6 address with or without
    brackets, or a URL.

    Raises:
        TubeSettingsError: it is none of these.
    """
    return _url(server, "stun")


def _servers(network: Network, options: IceOptions) -> Iterator[IceServer]:
    """The STUN and TURN servers that are named."""
    relay = network.relay and (os.environ.get(STUN_URL) or network.relay)
    for server in (relay, options.stun_url, options.relay_url):
        if server:
            yield IceServer(stun_url(server))
    turn, username, password = (os.environ.get(name, "") for name in TURN)
    if network.relay and turn and options.use_turn:
        yield IceServer(_url(turn, "turn"), username, password, network.turn_authorities)
    if options.use_turn and options.turn_url:
        yield IceServer(
            _url(options.turn_url, "turn"),
            options.turn_username,
            options.turn_password,
            network.turn_authorities,
        )


def _url(server: str, scheme: str) -> str:
    if server.startswith(("stun:", "turn:", "turns:")):
        return server
    address, separator, query = server.partition("?")
    if address.count(":") > 1 and not address.startswith("["):
        address = f"[{address}]"  # IPv6; a port needs brackets
    match = _PLACE.fullmatch(address)
    if match is None:
        raise TubeSettingsError(
            f"not a STUN or TURN server: {shorten(server)} (such as host, host:3478, [::1]:3478)"
        )
    host, port = match[1] or match[3], int(match[2] or match[4] or STUN_PORT)
    return f"{scheme}:{place(host, port)}{separator}{query}"


def _distinct(servers: Iterable[IceServer]) -> tuple[IceServer, ...]:
    """Leave out what is there twice: callers name the same host as relay and as STUN server."""
    found: dict[tuple[str, str, int, str], IceServer] = {}
    for server in servers:
        found.setdefault((server.scheme, server.host, server.port, server.transport), server)
    return tuple(found.values())
