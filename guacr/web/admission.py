"""Admit requests to the page's port by host name, origin and secret.

The host name is checked if no token is needed. Otherwise a page elsewhere could let its own name
resolve to this machine, and then count as the same origin (DNS rebinding).
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from guacr.settings.loopback import is_loopback
from guacr.settings.models import Settings
from guacr.web.health import PROBES

SECRET_PARAMETER = "secret"  # noqa: S105 (the name of a parameter)
CHECKED_METHODS = frozenset({"POST"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admission:
    """Refuses requests with HTTP 403 and a sentence."""

    def __init__(self, settings: Settings, secret: str | None) -> None:
        self._secret = secret
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Apply new settings."""
        self._needs_token = settings.websocket.has_key
        self._origins = tuple(o.rstrip("/").lower() for o in settings.websocket.allowed_origins)
        self._hosts = {_split(origin).hostname for origin in self._origins}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check every request except those of probes."""
        if request.path in PROBES:
            return await handler(request)
        fresh = self._admit(request)
        response = await handler(request)
        if fresh:
            response.set_cookie(
                _cookie_name(request),
                fresh,
                httponly=True,
                samesite="Strict",
                secure=request.scheme == "https",
                path="/",
            )
        return response

    def _admit(self, request: web.Request) -> str:
        """Check a request; return the secret if it must be stored in a cookie."""
        self._check_host(request)
        if _is_websocket(request) or request.method in CHECKED_METHODS:
            self._check_origin(request)
        return self._check_secret(request)

    def _check_host(self, request: web.Request) -> None:
        host = _split(f"//{request.host}").hostname
        if self._needs_token or (host and is_loopback(host)) or host in self._hosts:
            return
        raise _refused("this host name is unknown: add it to allowed_origins")

    def _check_origin(self, request: web.Request) -> None:
        """Check the origin, which browsers always send and other clients do not."""
        origin = request.headers.get("Origin")
        if origin is None or "*" in self._origins or origin.lower() in self._origins:
            return
        if self._is_own(origin, request):
            return
        raise _refused("pages of this origin may not connect: add it to allowed_origins")

    def _is_own(self, origin: str, request: web.Request) -> bool:
        """Return whether a page is our own. The scheme is known only from a trusted proxy: others
        may add TLS without saying so."""
        page, host = _split(origin.lower()), _split(f"//{request.host.lower()}")
        if request.scheme == "https" and page.scheme != "https":
            return False
        default = {"http": 80, "https": 443}.get(page.scheme)
        same_port = (_port(page.netloc) or default) == (_port(host.netloc) or default)
        return bool(page.hostname) and page.hostname == host.hostname and same_port

    def _check_secret(self, request: web.Request) -> str:
        """Check the secret; return it if it came in the URL and must be stored in a cookie.

        A secret in the URL is only accepted for requests of the page.
        """
        if self._secret is None or self._is_secret(request.cookies.get(_cookie_name(request))):
            return ""
        if request.path == "/" and self._is_secret(request.query.get(SECRET_PARAMETER)):
            return self._secret
        raise _refused("open the address that guacr printed when it started")

    def _is_secret(self, given: str | None) -> bool:
        if self._secret is None or given is None:
            return False
        # headers may be any bytes that a client sends
        return hmac.compare_digest(given.encode(errors="replace"), self._secret.encode())


def _cookie_name(request: web.Request) -> str:
    """Return the name of the cookie, which includes the port because a host's ports share
    cookies."""
    port = _port(request.host)
    return f"guacr-{port}" if port else "guacr"


def _port(host: str) -> int | None:
    try:
        return urlsplit(f"//{host}").port
    except ValueError:
        return None


def _split(url: str) -> SplitResult:
    """Return the parts of a URL; empty ones if it cannot be parsed."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _is_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").strip().lower() == "websocket"


def _refused(sentence: str) -> web.HTTPForbidden:
    return web.HTTPForbidden(text=f"{sentence[0].upper()}{sentence[1:]}.\n")
