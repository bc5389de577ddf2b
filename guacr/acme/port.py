"""The port for challenges (RFC 8555, 8.3): it answers them, redirects browsers to the page, and
does nothing else."""

from __future__ import annotations

import logging

from aiohttp import web

from guacr.errors import SettingsError
from guacr.net.connection_limits import ConnectionLimits
from guacr.settings.models import Settings
from guacr.web.guard import deadlines
from guacr.web.listener import HttpListener

PATH = "/.well-known/acme-challenge/"
CONNECTIONS_MAX, WAITING_MAX = 256, 64
"""Simultaneous connections, in total and of an address."""
BACKLOG = 64
HTTPS = 443

log = logging.getLogger("guacr.acme")


class ChallengePort:
    """Listens for HTTP while it is open. `answers` has the texts of the current challenges by
    token."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.answers: dict[str, str] = {}
        self._limits = ConnectionLimits(CONNECTIONS_MAX, WAITING_MAX)
        self._listener = HttpListener("ACME's challenges", log)

    @property
    def port(self) -> int:
        """The TCP port; 0 if it is not open."""
        return self._listener.port

    async def open(self) -> None:
        """Open the sockets.

        Raises:
            SettingsError: an address or the port cannot be used.
        """
        acme = self.settings.acme
        try:
            await self._listener.sockets.open_tcp(acme.http_hosts, acme.http_port, BACKLOG)
        except SettingsError as error:
            raise SettingsError(
                f"{error}; ACME's challenges need it (acme.http_hosts and acme.http_port)"
            ) from error

    async def start(self) -> None:
        """Start to answer."""
        app = web.Application(middlewares=[deadlines])
        app.router.add_get(f"{PATH}{{token}}", self._challenge)
        app.router.add_get("/{path:.*}", self._redirect)
        await self._listener.start(app, lambda: self._limits)

    def stop(self) -> None:
        """Release the port."""
        self._listener.stop()

    async def close(self) -> None:
        """End what remains."""
        await self._listener.close()

    async def _challenge(self, request: web.Request) -> web.Response:
        text = self.answers.get(request.match_info["token"])
        if text is None:
            raise web.HTTPNotFound
        return web.Response(body=text.encode(), content_type="application/octet-stream")

    async def _redirect(self, request: web.Request) -> web.Response:
        """Redirect browsers to the page, if they come for one of the domains. The query is left
        out: a token in it was readable on the way."""
        page, acme = self.settings.websocket, self.settings.acme
        host = request.host.rpartition(":")[0] or request.host
        if not page.enabled or page.tls_certificate is None or host.lower() not in acme.domains:
            raise web.HTTPNotFound
        port = acme.https_port or page.port
        place = host if port == HTTPS else f"{host}:{port}"
        raise web.HTTPPermanentRedirect(f"https://{place}{request.rel_url.raw_path}")
