"""The page and the WebSocket, as a service of the daemon."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

from aiohttp import web
from typing_extensions import override

from guacr.net.acceptor import serve_client
from guacr.net.answers import NEEDS_HTTPS
from guacr.net.connection_limits import ConnectionLimits
from guacr.net.handover import Adopted
from guacr.net.tls import Contexts, Tls, client_ca_of, context_of, tls_of
from guacr.services import Service
from guacr.settings.models import Settings
from guacr.web.app import close_tunnels, drain_app, reload_app
from guacr.web.listener import HttpListener

log = logging.getLogger("guacr.daemon")


class WebService(Service):
    """Serves an application according to the `websocket` settings.

    Args:
        settings: the daemon's settings.
        create_app: creates the application when the service starts.
        limits: the connection limits.
        listens: false if it only serves those whom the front of the daemon accepts.
    """

    need_restart: ClassVar[tuple[str, ...]] = (
        "websocket.enabled",
        "websocket.hosts",
        "websocket.port",
        "websocket.max_message",
        "control.page",
    )

    def __init__(
        self,
        settings: Settings,
        create_app: Callable[[], web.Application],
        limits: ConnectionLimits,
        *,
        listens: bool = True,
        contexts: Contexts | None = None,
    ) -> None:
        self._settings = settings
        self._create_app = create_app
        self._limits = limits
        self._listens = listens
        self._contexts = contexts
        self._listener = HttpListener("WebSocket", log)
        self._app: web.Application | None = None
        self._tls: Tls | None = None
        self._client_ca: bytes | None = None

    @property
    def port(self) -> int:
        """The first port; 0 if there is none."""
        return self._listener.port

    @override
    async def open(self) -> None:
        page = self._settings.websocket
        if page.enabled and self._listens:
            backlog = self._settings.server.backlog
            await self._listener.sockets.open_tcp(page.hosts, page.port, backlog)

    @override
    async def start(self) -> None:
        if not self._settings.websocket.enabled:
            return
        self._tls = tls_of(self._settings, "websocket", NEEDS_HTTPS, self._contexts)
        if self._listens:
            self._client_ca = client_ca_of(self._settings, "websocket")
        self._app = self._create_app()
        await self._listener.start(self._app, lambda: self._limits, tls=self._tls)

    def drain(self) -> None:
        """Close each connection after the answer to its next request."""
        if self._app is not None:
            drain_app(self._app)

    @override
    def stop(self) -> None:
        self._listener.stop()

    @override
    async def close(self) -> None:
        if self._app is not None:
            await close_tunnels(self._app)
        await self._listener.close()

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        context, client_ca = context_of(settings, "websocket"), client_ca_of(settings, "websocket")

        def apply() -> None:
            self._settings = settings
            if client_ca != self._client_ca:
                self._listener.end_connections()
            self._client_ca = client_ca
            if self._tls is not None:
                self._tls.replace(context)
            if self._app is not None:
                reload_app(self._app, settings)

        return apply

    async def adopt(self, client: Adopted) -> None:
        """Serve a client that the front has accepted."""
        await serve_client(
            client.sock,
            client.place,
            client.peer,
            lambda: self._listener.protocol(client.place, client),
            tls=self._tls if client.tls else None,
        )

    def renew_certificate(self) -> None:
        """Use the certificate that the settings name, as it is now.

        Raises:
            SettingsError: it cannot be used; nothing is changed.
        """
        if self._tls is not None:
            self._tls.replace(context_of(self._settings, "websocket"))
