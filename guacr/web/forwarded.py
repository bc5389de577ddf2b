"""Determine the client behind trusted reverse proxies from their headers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from guacr.addresses import plain
from guacr.settings.models import Settings
from guacr.web.guard import HttpGuard

SCHEMES = frozenset({"http", "https"})
_PAIR = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"\\]*)"|([^\s";,]*))\s*')

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Hop:
    """The information of a proxy about its client; empty if unknown."""

    address: str = ""
    scheme: str = ""
    host: str = ""


class Proxies:
    """Replaces a trusted proxy by the client, in each request.

    Only entries of trusted proxies count, from the last one back to the first address that is not
    theirs: anyone could have sent the entries before it.
    """

    def __init__(self, settings: Settings) -> None:
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Apply new settings."""
        named = settings.websocket.trusted_proxies
        self._networks = [ipaddress.ip_network(text, strict=False) for text in named]
        self._hops = _HOPS[settings.websocket.proxy_headers]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass on the request with the client's address."""
        if not self._is_named(request.remote):
            remote = plain(request.remote or "")
            same = remote == (request.remote or "")
            return await handler(request if same else request.clone(remote=remote))
        changes = self._changes(request)
        guard = HttpGuard.of(request)
        if guard is not None and "remote" in changes:
            guard.belongs_to(changes["remote"])
        return await handler(request.clone(**changes) if changes else request)

    def _changes(self, request: web.Request) -> dict[str, Any]:
        hops = self._hops(request)
        if not hops:
            return {}
        nearest = hops[-1]
        changes = {"scheme": nearest.scheme} if nearest.scheme in SCHEMES else {}
        if nearest.host:
            changes["host"] = nearest.host
        for hop in reversed(hops):
            address = _address(hop.address)
            if address is None:
                break
            changes["remote"] = str(address)
            if not self._is_named(changes["remote"]):
                break
        return changes

    def _is_named(self, remote: str | None) -> bool:
        address = _address(remote or "")
        return address is not None and any(address in network for network in self._networks)


def _x_forwarded(request: web.Request) -> list[Hop]:
    addresses = _listed(request, "X-Forwarded-For")
    schemes = _listed(request, "X-Forwarded-Proto")
    hops = [Hop(address) for address in addresses]
    if schemes:
        last = hops.pop().address if hops else ""
        hops.append(Hop(last, schemes[-1].lower()))
    return hops


def _forwarded(request: web.Request) -> list[Hop]:
    hops: list[Hop] = []
    for element in _listed(request, "Forwarded"):
        pairs = {m[1].lower(): m[2] or m[3] or "" for m in _PAIR.finditer(element)}
        hops.append(
            Hop(pairs.get("for", ""), pairs.get("proto", "").lower(), pairs.get("host", ""))
        )
    return hops


def _listed(request: web.Request, name: str) -> list[str]:
    text = ",".join(request.headers.getall(name, []))
    return [entry.strip() for entry in text.split(",")] if text else []


def _address(text: str) -> Address | None:
    """Parse an address from a proxy, with or without a port."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::\d+)?", text)
    bare = bracketed[1] if bracketed else text
    if bracketed is None and text.count(":") == 1:
        bare = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


_HOPS = {"x-forwarded": _x_forwarded, "forwarded": _forwarded}
