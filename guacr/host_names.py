"""Compare host names and addresses as the system resolves them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_TRANSLATED = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96")))
"""Addresses that a translator turns into such of IPv4, their last 32 bits (RFC 6052, 2.1; RFC 8215;
RFC 2765, 2.1)."""
_COMPATIBLE = IPv6Network("::/96")
"""IPv4-compatible addresses (RFC 4291, 2.5.5.1), and those of loopback and of nobody."""
_METADATA = IPv6Address("fd00:ec2::254")
"""Where machines of Amazon reach the service that 169.254.169.254 is otherwise."""
_BROADCAST = IPv4Address("255.255.255.255")
_LOOPBACK = {4: ip_address("127.0.0.1"), 6: ip_address("::1")}


def literal(host: str) -> Address | None:
    """Return the address that a host is, IPv4-mapped ones as IPv4 and without a zone; None for a
    name.

    Only link-local addresses have zones. Others with one, such as `10.0.0.1%.example.com`, are
    names for the system, and may resolve to anything.
    """
    text, percent, _ = host.removeprefix("[").removesuffix("]").partition("%")
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if percent and (address.version == 4 or not address.is_link_local):
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def resolved(text: str) -> Address | None:
    """Return an address as a resolver returns it, which may have a zone; None for anything else."""
    return literal(text.partition("%")[0])


def normal_name(name: str) -> str:
    """Return a host name as names are compared: in lower case, in ASCII, without a final dot."""
    name = name.lower().removesuffix(".")
    if name.isascii():
        return name
    head = "." if name.startswith(".") else ""
    try:
        return head + name.removeprefix(".").encode("idna").decode().removesuffix(".")
    except UnicodeError:
        return name


def equivalents(address: Address) -> tuple[Address, ...]:
    """Return an address, and the addresses that packets to it may reach as well: the IPv4 address
    inside an IPv6 address, and loopback for the unspecified address."""
    found = [address]
    if isinstance(address, IPv6Address) and (inner := _inner(address)) is not None:
        found.append(inner)
    return (*found, *(_LOOPBACK[one.version] for one in found if one.is_unspecified))


def is_special(address: Address) -> bool:
    """Return whether an address, or an equivalent one, is on this machine or its links, a
    multicast or broadcast address, or that of a cloud's metadata."""
    return any(
        one.is_loopback
        or one.is_link_local
        or one.is_unspecified
        or one.is_multicast
        or one in (_METADATA, _BROADCAST)
        for one in equivalents(address)
    )


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.sixtofour is not None:
        return address.sixtofour
    translated = any(address in network for network in _TRANSLATED)
    if translated or (address in _COMPATIBLE and int(address) >> 16):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
