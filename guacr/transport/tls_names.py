"""The names in a client's certificate, the same for all interfaces."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

NAMES_MAX = 64
"""Maximum names of a certificate that count."""
NAME_MAX = 256
"""Maximum characters of a name; longer ones do not count."""
NAMES = "certificate_names"
DNS, URI, EMAIL, ADDRESS = NAME_KINDS = ("DNS", "URI", "email", "IP Address")
"""The kinds of alternative names that count, as the module ssl calls them."""


def names_of(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the names in a certificate that was verified, as `getpeercert` returns it: the
    subject alternative names (hosts, URIs, addresses of e-mail and IP addresses, in this order), or
    the first common name if there are none (as in RFC 9525 and its predecessors). An IP address is
    its canonical text, such as 2001:db8::1."""
    if not certificate:
        return ()
    alternatives = certificate.get("subjectAltName", ())
    names = [name for one in (DNS, URI, EMAIL) for kind, name in alternatives if kind == one]
    names += [_canonical(name) for kind, name in alternatives if kind == ADDRESS]
    if not names:
        parts = [part for parts in certificate.get("subject", ()) for part in parts]
        names = [value for kind, value in parts if kind == "commonName"][:1]
    fitting = (name for name in names if 0 < len(name) <= NAME_MAX and name.isprintable())
    return tuple(dict.fromkeys(fitting))[:NAMES_MAX]


def names_at(transport: asyncio.BaseTransport | None) -> tuple[str, ...]:
    """Return the names in the certificate of a connection's client; none without one. A transport
    of a connection that another process relays has them as `NAMES`."""
    given: tuple[str, ...] = () if transport is None else transport.get_extra_info(NAMES, ())
    if given:
        return given
    tls = None if transport is None else transport.get_extra_info("ssl_object")
    return () if tls is None else names_of(tls.getpeercert())


def _canonical(address: str) -> str:
    """Return the canonical text of an IP address (RFC 5952), which OpenSSL writes in full; empty
    if it is none."""
    with suppress(ValueError):
        return str(ip_address(address.strip()))
    return ""
