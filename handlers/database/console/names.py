"""Keep the names for completion up to date."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from guacr.api import GuacrError
from handlers.database.adapter import Adapter

SCHEMA_TIMEOUT = 30.0
"""Seconds within which the names must arrive."""


class Names:
    """The names of a database, fetched in the background."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.suggestions = adapter.suggestions()
        self._learning: asyncio.Task[None] | None = None
        self._remark = ""

    def learn(self) -> None:
        """Fetch the names again."""
        before = self._learning
        if before is not None:
            before.cancel()
        self._learning = asyncio.create_task(self._fetch(before), name="schema")

    def take_remark(self) -> str:
        """Return a pending message about the names."""
        remark, self._remark = self._remark, ""
        return remark

    async def close(self) -> None:
        """Leave nothing that runs. The exception of a cancelled task refers to this object, and to
        the connection that it used."""
        learning, self._learning = self._learning, None
        if learning is not None:
            learning.cancel()
            await asyncio.gather(learning, return_exceptions=True)

    async def _fetch(self, before: asyncio.Task[None] | None) -> None:
        """Fetch the names, after the previous attempt has ended."""
        if before is not None:
            await asyncio.wait([before])
        with suppress(GuacrError, TimeoutError, OSError):
            async with asyncio.timeout(SCHEMA_TIMEOUT):
                schema = await self._adapter.schema()
                if schema.remark != self.suggestions.schema.remark:
                    self._remark = schema.remark
                self.suggestions.schema = schema
