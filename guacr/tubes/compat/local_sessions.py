"""Sessions of this process, for Guacamole conversations whose settings name no guacd."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.settings.models import Settings
from guacr.ticker import Ticker


class LocalSessions:
    """A registry of sessions with what it needs; in a running event loop."""

    def __init__(self) -> None:
        settings = Settings()
        threads = settings.display.encoder_threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self.registry = SessionRegistry(Protocols(), settings, self._executor)
        self._ticker = Ticker(self.registry)
        self._starting = asyncio.get_running_loop().create_task(self._ticker.start())

    async def close(self) -> None:
        """End every session, and release everything."""
        await self._starting
        await self.registry.close()
        await self._ticker.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
