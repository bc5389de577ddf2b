"""Format socket addresses for people."""

from __future__ import annotations

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
