"""Sessions of this process, for Guacamole conversations whose settings name no guacd.

Sessions need much that tubes do not (Pillow, numpy, pydantic). It is loaded with the first of them,
in a thread.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from guacr.errors import GuacrError
from guacr.tubes.connections.connection import Backend
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.guacamole.opener import Opener

if TYPE_CHECKING:
    from guacr.session.directory import Directory
    from guacr.session.protocols import Protocols
    from guacr.session.registry import SessionRegistry
    from guacr.settings.models import Settings
    from guacr.ticker import Ticker

_LOADED = ("guacr.tubes.guacamole.sessions", "guacr.session.registry", "guacr.ticker")


class LocalSessions:
    """Opens and joins sessions of this process; used in one event loop.

    Args:
        settings: of the sessions; by default, those of a daemon without configuration.
        directory: where sessions are opened instead, such as a daemon's `registry`.
    """

    def __init__(
        self, settings: Settings | None = None, *, directory: Directory | None = None
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._registry: SessionRegistry | None = None
        self._ticker: Ticker | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._starting = asyncio.Lock()

    async def configure(self, settings: Settings) -> None:
        """Set the settings of all sessions that begin from now on.

        Raises:
            TubeSettingsError: a protocol of `server.protocols` is not installed.
        """
        protocols = await _protocols(settings)
        async with self._starting:
            self._settings = settings
            if self._registry is not None:
                self._registry.protocols = protocols
                self._registry.settings = settings

    async def backend(self, protocol: str, opener: Opener) -> Backend:
        """Return a backend for a protocol, which is loaded.

        Raises:
            TubeSettingsError: the protocol is not installed or not offered, or cannot be loaded.
        """
        async with self._starting:
            directory = self._directory or self._registry or await self._start()
        try:
            await asyncio.to_thread(directory.params_type, protocol)
        except GuacrError as error:
            raise TubeSettingsError(str(error)) from error
        from guacr.tubes.guacamole.sessions import DaemonBackend

        return DaemonBackend(directory, opener)

    async def _start(self) -> SessionRegistry:
        for name in _LOADED:
            await asyncio.to_thread(import_module, name)
        from guacr.session.registry import SessionRegistry
        from guacr.settings.models import Settings
        from guacr.ticker import Ticker

        settings = self._settings or Settings()
        protocols = await _protocols(settings)
        threads = settings.display.encoder_threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self._registry = registry = SessionRegistry(protocols, settings, self._executor)
        self._ticker = Ticker(registry)
        await self._ticker.start()
        return registry

    async def close(self) -> None:
        """End every session that was opened here, unless they are a directory's."""
        async with self._starting:
            if self._registry is not None:
                await self._registry.close()
            if self._ticker is not None:
                await self._ticker.close()
            if self._executor is not None:
                self._executor.shutdown(wait=False, cancel_futures=True)
            self._registry = self._ticker = self._executor = None


async def _protocols(settings: Settings) -> Protocols:
    def find() -> Protocols:
        from guacr.session.protocols import Protocols

        return Protocols(offered=settings.server.protocols)

    try:
        return await asyncio.to_thread(find)
    except GuacrError as error:
        raise TubeSettingsError(str(error)) from error
