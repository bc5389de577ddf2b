"""The page and the WebSocket, as a service of the daemon."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import ClassVar

from aiohttp import web
from typing_extensions import override

from guacr.net.acceptor import Acceptor, serve_client
from guacr.net.answers import NEEDS_HTTPS, unavailable
from guacr.net.connection_limits import ConnectionLimits, Place
from guacr.net.handover import Adopted
from guacr.net.listeners import close_all, place_of, port_of, tcp_sockets
from guacr.net.tls import Tls, context_of, tls_of
from guacr.services import Service
from guacr.settings.models import Settings
from guacr.web.app import close_runner, create_runner, drain_app, reload_app
from guacr.web.guard import HttpGuard

CLOSE_TIMEOUT = 1.0
"""Seconds that clients have to close their side when the daemon shuts down."""

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
    ) -> None:
        self._settings = settings
        self._create_app = create_app
        self._limits = limits
        self._listens = listens
        self._sockets: list[socket.socket] = []
        self._acceptors: list[Acceptor] = []
        self._runner: web.AppRunner | None = None
        self._tls: Tls | None = None
        self._open: set[HttpGuard] = set()
        """The open connections."""

    @property
    def port(self) -> int:
        """The first port; 0 if there is none."""
        return port_of(self._sockets)

    @override
    async def open(self) -> None:
        page = self._settings.websocket
        if page.enabled and self._listens:
            backlog = self._settings.server.backlog
            self._sockets = await tcp_sockets(page.hosts, page.port, backlog)

    @override
    async def start(self) -> None:
        if not self._settings.websocket.enabled:
            return
        self._tls = tls_of(self._settings, "websocket", NEEDS_HTTPS)
        self._runner = create_runner(self._create_app())
        await self._runner.setup()
        for sock in self._sockets:
            acceptor = Acceptor(sock, self._limits, self._accepted, unavailable, tls=self._tls)
            acceptor.start()
            self._acceptors.append(acceptor)
            log.info("listening for WebSocket on %s", place_of(sock))

    def drain(self) -> None:
        """Close each connection after the answer to its next request."""
        if self._runner is not None:
            drain_app(self._runner.app)

    @override
    def stop(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        close_all(self._sockets)

    @override
    async def close(self) -> None:
        if self._runner is not None:
            await close_runner(self._runner)
        # clients get a short time for the end of TLS
        for _ in range(2):
            if self._open:
                await asyncio.wait([guard.gone for guard in self._open], timeout=CLOSE_TIMEOUT)
            for guard in list(self._open):
                guard.abort()

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        context = context_of(settings, "websocket")

        def apply() -> None:
            self._settings = settings
            if self._tls is not None:
                self._tls.replace(context)
            if self._runner is not None:
                reload_app(self._runner.app, settings)

        return apply

    async def adopt(self, client: Adopted) -> None:
        """Serve a client that the front has accepted."""
        await serve_client(
            client.sock,
            client.place,
            client.peer,
            lambda: self._accepted(client.place, client),
            tls=self._tls if client.tls else None,
        )

    def renew_certificate(self) -> None:
        """Use the certificate that the settings name, as it is now.

        Raises:
            SettingsError: it cannot be used; nothing is changed.
        """
        if self._tls is not None:
            self._tls.replace(context_of(self._settings, "websocket"))

    def _accepted(self, place: Place, adopted: Adopted | None = None) -> asyncio.Protocol:
        assert self._runner is not None  # noqa: S101 - it is set up first
        assert self._runner.server is not None  # noqa: S101
        return HttpGuard(self._runner.server(), place, adopted, self._open)
