"""The listener for Prometheus and for probes; what it serves is loaded only if it is enabled."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import ClassVar

from typing_extensions import override

from guacr.control.control import Control
from guacr.net.connection_limits import ConnectionLimits
from guacr.services import Service
from guacr.settings.models import Settings
from guacr.web.listener import HttpListener

CONNECTIONS_MAX = 64
"""Maximum simultaneous connections, and those that wait to be accepted."""

log = logging.getLogger("guacr.daemon")


class MetricsService(Service):
    """Serves metrics and probes according to the `metrics` settings."""

    starts_early: ClassVar[bool] = True
    need_restart: ClassVar[tuple[str, ...]] = (
        "metrics.enabled",
        "metrics.hosts",
        "metrics.port",
    )

    def __init__(self, settings: Settings, control: Control) -> None:
        self._settings = settings.metrics
        self._control = control
        self._limits = ConnectionLimits(CONNECTIONS_MAX, CONNECTIONS_MAX)
        self._listener = HttpListener("Prometheus", log)

    @property
    def port(self) -> int:
        """The first port; 0 if there is none."""
        return self._listener.port

    @override
    async def open(self) -> None:
        settings = self._settings
        if settings.enabled:
            sockets = self._listener.sockets
            await sockets.open_tcp(settings.hosts, settings.port, CONNECTIONS_MAX)

    @override
    async def start(self) -> None:
        if not self._listener.sockets.all:
            return
        app = await asyncio.to_thread(import_module, "guacr.metrics.app")  # takes 0.1 s
        await self._listener.start(app.create_app(self._control), lambda: self._limits)

    @override
    def stop(self) -> None:
        self._listener.stop()

    @override
    async def close(self) -> None:
        await self._listener.close()
