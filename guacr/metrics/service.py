"""The listener for Prometheus and for probes; what it serves is loaded only if it is enabled."""

from __future__ import annotations

import asyncio
import logging
import socket
from importlib import import_module
from typing import ClassVar

from aiohttp import web
from typing_extensions import override

from guacr.control.control import Control
from guacr.net.acceptor import Acceptor
from guacr.net.answers import unavailable
from guacr.net.connection_limits import ConnectionLimits, Place
from guacr.net.listeners import close_all, place_of, port_of, tcp_sockets
from guacr.services import Service
from guacr.settings.models import Settings
from guacr.web.app import create_runner
from guacr.web.guard import HttpGuard

CONNECTIONS_MAX = 64
"""Maximum simultaneous connections, and those that wait to be accepted."""

log = logging.getLogger("guacr.daemon")


class MetricsService(Service):
    """Serves metrics and probes according to the `metrics` settings."""

    need_restart: ClassVar[tuple[str, ...]] = (
        "metrics.enabled",
        "metrics.hosts",
        "metrics.port",
    )

    def __init__(self, settings: Settings, control: Control) -> None:
        self._settings = settings.metrics
        self._control = control
        self._limits = ConnectionLimits(CONNECTIONS_MAX, CONNECTIONS_MAX)
        self._sockets: list[socket.socket] = []
        self._acceptors: list[Acceptor] = []
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The first port; 0 if there is none."""
        return port_of(self._sockets)

    @override
    async def open(self) -> None:
        settings = self._settings
        if settings.enabled:
            self._sockets = await tcp_sockets(settings.hosts, settings.port, CONNECTIONS_MAX)

    @override
    async def start(self) -> None:
        if not self._sockets:
            return
        app = await asyncio.to_thread(import_module, "guacr.metrics.app")  # takes 0.1 s
        self._runner = create_runner(app.create_app(self._control))
        await self._runner.setup()
        for sock in self._sockets:
            acceptor = Acceptor(sock, self._limits, self._accepted, unavailable)
            acceptor.start()
            self._acceptors.append(acceptor)
            log.info("listening for Prometheus on %s", place_of(sock))

    @override
    def stop(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        close_all(self._sockets)

    @override
    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _accepted(self, place: Place) -> asyncio.Protocol:
        assert self._runner is not None  # noqa: S101 - it is set up first
        assert self._runner.server is not None  # noqa: S101
        return HttpGuard(self._runner.server(), place)
