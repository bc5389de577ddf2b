"""Who is behind a reverse proxy: what the proxies that the settings name say of their clients."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from guacr.settings import Settings
from guacr.web.guard import HttpGuard

SCHEMES = frozenset({"http", "https"})
_PAIR = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"\\]*)"|([^\s";,]*))\s*')

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Hop:
    """What one proxy says of who has connected to it; empty where it says nothing."""

    address: str = ""
    scheme: str = ""
    host: str = ""


class Proxies:
    """Puts the client in the place of a named proxy, in each request.

    Only the entries of named proxies count, from the last one back to the first address that is
    none of theirs: what stands before it, anyone could have sent.
    """

    def __init__(self, settings: Settings) -> None:
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        named = settings.websocket.trusted_proxies
        self._networks = [ipaddress.ip_network(text, strict=False) for text in named]
        self._hops = _HOPS[settings.websocket.proxy_headers]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Has what follows see the client."""
        if not self._is_named(request.remote):
            return await handler(request)
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
    """An address as proxies write it, with or without a port."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::\d+)?", text)
    bare = bracketed[1] if bracketed else text
    if bracketed is None and text.count(":") == 1:
        bare = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


_HOPS = {"x-forwarded": _x_forwarded, "forwarded": _forwarded}
