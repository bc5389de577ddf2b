"""The rows of one result, on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator

from handlers.database.adapter import Event, Notice, Row, Rows


class Result:
    """What a statement gives between `Columns` and `Done`.

    Args:
        events: of the statement, from behind the columns on.
        limit: rows after which the result is ended; 0 for none.
    """

    __slots__ = ("_limit", "count", "ended", "events", "limited", "notices")

    def __init__(self, events: AsyncIterator[Event], limit: int) -> None:
        self.events = events
        self._limit = limit
        self.count = 0
        """Rows so far."""
        self.ended = False
        """Whether no more follow."""
        self.limited = False
        """Whether that is for the limit."""
        self.notices: list[str] = []
        """What the server remarked meanwhile."""

    async def more(self) -> list[Row]:
        """The next rows; none at the end."""
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
