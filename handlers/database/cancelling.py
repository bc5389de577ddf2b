"""Ctrl-C on a statement: the server is told, and given up where it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from guacr.errors import GuacrError, UpstreamTimeoutError
from handlers.database.adapter import Adapter, LostError

PATIENCE = 3.0
"""Seconds in which a server should end what it is told to end; then it may be given up."""
OVERDUE = "the server has not ended it yet: Ctrl-C again gives up the connection"
GIVEN_UP = "the connection is lost: the server does not answer, and was given up"


class Cancelling:
    """Cancels statements of one connection, one at a time.

    Args:
        adapter: the database.
        remark: takes what the person is to know meanwhile.
    """

    __slots__ = ("_adapter", "_limit", "_overdue", "_remark", "_reminder", "_telling")

    def __init__(self, adapter: Adapter, remark: Callable[[str], None]) -> None:
        self._adapter = adapter
        self._remark = remark
        self._telling: asyncio.Task[None] | None = None
        self._reminder: asyncio.TimerHandle | None = None
        self._limit: asyncio.Timeout | None = None
        self._overdue = False

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[None]:
        """Around a statement; its end waits until the server has heard of what was cancelled,
        since the next statement shall not suffer.

        Raises:
            LostError: the connection was given up.
        """
        limit = self._limit = asyncio.timeout(None)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise LostError(GIVEN_UP) from None
        finally:
            self._limit = None
            await self._heard(needless=limit.expired())

    def cancel(self) -> None:
        """Have the statement ended, if one runs; once that is overdue, give up the connection."""
        if self._limit is None:
            return
        if self._overdue:
            self._give_up()
            return
        if self._reminder is None:
            self._reminder = asyncio.get_running_loop().call_later(PATIENCE, self._remind)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="cancel")

    async def close(self) -> None:
        """Leave nothing that runs."""
        await self._heard(needless=True)

    async def _tell(self) -> None:
        """Tell the server; one that is silent to that as well is given up at once."""
        try:
            await self._adapter.cancel()
        except UpstreamTimeoutError:
            self._give_up()
        except (GuacrError, OSError) as error:
            self._remark(f"the server cannot be told to end it: {error}")

    def _remind(self) -> None:
        self._overdue = True
        self._remark(OVERDUE)

    def _give_up(self) -> None:
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def _heard(self, *, needless: bool) -> None:
        """Until the server has heard, unless that is `needless`."""
        self._overdue = False
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None
        if self._telling is not None:
            if needless:
                self._telling.cancel()
            await asyncio.wait([self._telling])
            self._telling = None
