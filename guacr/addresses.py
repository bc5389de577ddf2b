"""Format socket addresses for people."""

from __future__ import annotations

import ipaddress

_MAPPED = "::ffff:"
"""The prefix of IPv4 addresses on a dual-stack socket (RFC 4291, 2.5.5.2)."""


def plain(address: str) -> str:
    """Format an address; an IPv4-mapped IPv6 address as IPv4."""
    bare = address.removeprefix(_MAPPED)
    return bare if "." in bare and ":" not in bare else address


def place(host: str, port: int) -> str:
    """Format address and port, with brackets around IPv6 (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def described(name: object) -> str:
    """Format the name of a connection's peer, as returned by the system: address and port."""
    return place(plain(str(name[0])), name[1]) if isinstance(name, tuple) else "a Unix socket"


def network_of(address: str) -> str:
    """Return the key under which an address is counted: for IPv6 the /64 network, because a single
    host may have all of its addresses; an IPv4-mapped address counts as IPv4."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    network = ipaddress.IPv6Network((int(parsed), 64), strict=False)
    return f"{network}%{parsed.scope_id}" if parsed.scope_id else str(network)
