"""Cancel a statement on Ctrl-C; give up the connection if the server does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from guacr.api import GuacrError, UpstreamTimeoutError
from handlers.database.adapter import Adapter, LostError

PATIENCE = 3.0
"""Seconds within which a server should end a cancelled statement, before it may be given up."""
AGAIN = 0.5
"""Seconds between requests: the server may receive one before it has the statement."""
OVERDUE = "the server has not ended it yet: Ctrl-C again gives up the connection"
GIVEN_UP = "the connection is lost: the server does not answer, and was given up"


class Cancellation:
    """Cancels statements of a connection, one at a time.

    Args:
        adapter: the database.
        remark: called with messages for the person in the meantime.
    """

    __slots__ = ("_adapter", "_again", "_limit", "_overdue", "_remark", "_reminder", "_telling")

    def __init__(self, adapter: Adapter, remark: Callable[[str], None]) -> None:
        self._adapter = adapter
        self._remark = remark
        self._telling: asyncio.Task[None] | None = None
        self._reminder: asyncio.TimerHandle | None = None
        self._limit: asyncio.Timeout | None = None
        self._again: asyncio.TimerHandle | None = None
        self._overdue = False

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[None]:
        """A context for a statement; its exit waits until the server has received a cancellation,
        because this must not hit the next statement.

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
        """Cancel the running statement, if any; once that is overdue, give up the connection."""
        if self._limit is None:
            return
        if self._overdue:
            self._give_up()
            return
        if self._reminder is None:
            self._reminder = asyncio.get_running_loop().call_later(PATIENCE, self._remind)
        self._have_told()

    def _have_told(self) -> None:
        """Send the request, and repeat it while the statement runs."""
        if self._again is not None:
            self._again.cancel()
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="cancel")
        self._again = asyncio.get_running_loop().call_later(AGAIN, self._have_told)

    async def close(self) -> None:
        """Stop all tasks."""
        await self._heard(needless=True)

    async def _tell(self) -> None:
        """Send the request; give up the connection at once if there is no answer to it."""
        try:
            await self._adapter.cancel()
        except UpstreamTimeoutError:
            self._give_up()
        except (GuacrError, OSError) as error:
            self._remark(f"the server cannot be told to end it: {error}")

    def _remind(self) -> None:
        self._overdue = True
        if self._again is not None:
            self._again.cancel()
        self._remark(OVERDUE)

    def _give_up(self) -> None:
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def _heard(self, *, needless: bool) -> None:
        """Wait until the server has received the request, unless this is `needless`."""
        self._overdue = False
        for timer in (self._reminder, self._again):
            if timer is not None:
                timer.cancel()
        self._reminder = self._again = None
        if self._telling is not None:
            if needless:
                self._telling.cancel()
            await asyncio.wait([self._telling])
            self._telling = None
