"""The names in a client's certificate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

NAMES_MAX = 64
"""Maximum names of a certificate that count."""
NAME_MAX = 256
"""Maximum characters of a name; longer ones do not count."""
NAMES = "certificate_names"
_KINDS = frozenset({"DNS", "email", "URI", "IP Address"})


def names_of(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the names in a certificate that was verified, as `getpeercert` returns it: the
    subject alternative names, or the common name if there are none (as in RFC 9525 and its
    predecessors)."""
    if not certificate:
        return ()
    names = [name for kind, name in certificate.get("subjectAltName", ()) if kind in _KINDS]
    if not names:
        parts = [part for parts in certificate.get("subject", ()) for part in parts]
        names = [value for kind, value in parts if kind == "commonName"]
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
