"""The rows of a result, on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator

from handlers.database.adapter import Event, Notice, Row, Rows


class Result:
    """The output of a statement between `Columns` and `Done`.

    Args:
        events: the events of the statement after the columns.
        limit: maximum rows; 0 for no limit.
    """

    __slots__ = ("_limit", "count", "ended", "events", "limited", "notices")

    def __init__(self, events: AsyncIterator[Event], limit: int) -> None:
        self.events = events
        self._limit = limit
        self.count = 0
        """The number of rows so far."""
        self.ended = False
        """True if there are no more rows."""
        self.limited = False
        """True if the limit was reached."""
        self.notices: list[str] = []
        """The notices of the server in the meantime."""

    async def more(self) -> list[Row]:
        """Return the next rows; none at the end."""
        while not self.ended:
            event = await anext(self.events, None)
            if isinstance(event, Rows):
                self.ended = event.last
                return self._within_limit(event.rows)
            if isinstance(event, Notice):
                self.notices.append(event.text)
            else:
                self.ended = True
        return []

    def _within_limit(self, rows: list[Row]) -> list[Row]:
        if self._limit and self.count + len(rows) > self._limit:
            rows = rows[: self._limit - self.count]
            self.ended = self.limited = True
        self.count += len(rows)
        return rows
