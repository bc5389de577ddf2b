"""Sessions of this process, for Guacamole conversations whose settings name no guacd."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from guacr.errors import GuacrError
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.settings.models import Settings
from guacr.ticker import Ticker
from guacr.tubes.connections.connection import Connection
from guacr.tubes.guacamole.opener import Opener
from guacr.tubes.guacamole.sessions import DaemonBackend

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation


class LocalSessions:
    """A registry of sessions with what it needs; in a running event loop."""

    def __init__(self) -> None:
        settings = Settings()
        threads = settings.display.encoder_threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self.registry = SessionRegistry(Protocols(), settings, self._executor)
        self._ticker = Ticker(self.registry)
        self._starting = asyncio.get_running_loop().create_task(self._ticker.start())

    async def load(self, protocol: str) -> None:
        """Import a protocol's handler in a thread: on the event loop, it would hold up all tubes.
        What is wrong with it is told when a session is opened."""
        with suppress(GuacrError):
            await asyncio.to_thread(self.registry.protocols.find, protocol)

    async def close(self) -> None:
        """End every session, and release everything."""
        await self._starting
        await self.registry.close()
        await self._ticker.close()
        self._executor.shutdown(wait=False, cancel_futures=True)


class LocalBackend:
    """Opens or joins sessions of this process, whose protocol is loaded before the first."""

    def __init__(self, sessions: LocalSessions, protocol: str, opener: Opener) -> None:
        self._sessions = sessions
        self._protocol = protocol
        self._backend = DaemonBackend(sessions.registry, opener)

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """As `Backend.open`; `body` is a ConnectAs block, if any."""
        await self._sessions.load(self._protocol)
        return await self._backend.open(conversation, number, body)
