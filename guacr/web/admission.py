"""Who may speak to the page's port at all: the right host name, the right origin, the secret.

The host name is looked at where no token is needed. Otherwise a page elsewhere could have its
own name point at this machine, and then count as the same origin (DNS rebinding).
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from guacr.refusals import Refusals
from guacr.settings import Settings, is_loopback

SECRET_PARAMETER = "secret"  # noqa: S105 (the name of a parameter)
HEALTH_PATH = "/health"
CHECKED_METHODS = frozenset({"POST"})

log = logging.getLogger("guacr.web")
_refusals = Refusals(log)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admission:
    """Turns away what must not get in; every refusal is an HTTP 403 with a sentence."""

    def __init__(self, settings: Settings, secret: str | None) -> None:
        self._secret = secret
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        self._needs_token = settings.websocket.has_key
        self._origins = tuple(o.rstrip("/").lower() for o in settings.websocket.allowed_origins)
        self._hosts = {_split(origin).hostname for origin in self._origins}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """For every request but those of probes."""
        if request.path == HEALTH_PATH:
            return await handler(request)
        try:
            fresh = self._admit(request)
        except web.HTTPForbidden as refused:
            _refusals.report("refused %s: %s", request.remote, (refused.text or "").strip())
            raise
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
        """The secret, if it belongs into a cookie; as `_check_secret`."""
        self._check_host(request)
        if _is_websocket(request) or request.method in CHECKED_METHODS:
            self._check_origin(request)
        return self._check_secret(request)

    def _check_host(self, request: web.Request) -> None:
        host = _split(f"//{request.host}").hostname
        if self._needs_token or (host and is_loopback(host)) or host in self._hosts:
            return
        raise _refused("this host name is not known here: add it to allowed_origins")

    def _check_origin(self, request: web.Request) -> None:
        """Clients that are no browsers send no origin; browsers always do."""
        origin = request.headers.get("Origin")
        if origin is None or "*" in self._origins or origin.lower() in self._origins:
            return
        if self._is_own(origin, request):
            return
        raise _refused("pages of this origin may not connect: add it to allowed_origins")

    def _is_own(self, origin: str, request: web.Request) -> bool:
        """Whether a page came from here. The scheme is known only from a named proxy: others may
        add TLS without a word."""
        page, host = _split(origin.lower()), _split(f"//{request.host.lower()}")
        if request.scheme == "https" and page.scheme != "https":
            return False
        default = {"http": 80, "https": 443}.get(page.scheme)
        same_port = (_port(page.netloc) or default) == (_port(host.netloc) or default)
        return bool(page.hostname) and page.hostname == host.hostname and same_port

    def _check_secret(self, request: web.Request) -> str:
        """The secret, if it came with the address and belongs into a cookie.

        The address' own copy is taken from page requests alone.
        """
        if self._secret is None or self._is_secret(request.cookies.get(_cookie_name(request))):
            return ""
        if request.path == "/" and self._is_secret(request.query.get(SECRET_PARAMETER)):
            return self._secret
        raise _refused("open the address that guacr printed when it was started")

    def _is_secret(self, given: str | None) -> bool:
        if self._secret is None or given is None:
            return False
        # headers are whatever bytes a client has sent
        return hmac.compare_digest(given.encode(errors="replace"), self._secret.encode())


def _cookie_name(request: web.Request) -> str:
    """Cookies are shared between the ports of a host: each port has one of its own."""
    port = _port(request.host)
    return f"guacr-{port}" if port else "guacr"


def _port(host: str) -> int | None:
    try:
        return urlsplit(f"//{host}").port
    except ValueError:
        return None


def _split(url: str) -> SplitResult:
    """A URL's parts; one that cannot be taken apart has none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _is_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").strip().lower() == "websocket"


def _refused(sentence: str) -> web.HTTPForbidden:
    return web.HTTPForbidden(text=f"{sentence[0].upper()}{sentence[1:]}.\n")
