"""Results of statements on the screen: tables, records and texts, in pages where they are long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from guacr.errors import GuacrError
from handlers.database.adapter import (
    Column,
    Columns,
    Done,
    Event,
    LostError,
    Notice,
    Row,
    Rows,
    StatementError,
)
from handlers.database.lines import Lines
from handlers.database.pager import Pager
from handlers.database.prompt import Keyboard
from handlers.database.table import HEAD_STYLE, Table, records, wrapped

if TYPE_CHECKING:
    from handlers.database.files import Export


class Result:
    """The rows of one result, on demand."""

    __slots__ = ("_limit", "count", "ended", "events", "limited", "notices")

    def __init__(self, events: AsyncIterator[Event], limit: int) -> None:
        self.events = events
        self._limit = limit
        self.count = 0
        self.ended = False
        self.limited = False
        self.notices: list[str] = []

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


class _Records:
    """Expanded records, which are lines already."""

    def head(self) -> list[str]:
        return []

    def line(self, item: str, /) -> str:
        return item


class Results:
    """Shows one result after the other.

    Args:
        show: takes what is drawn.
        size: columns and rows of the screen.
        keyboard: lends its keys to the pager.
        max_rows: rows after which a result is ended; 0 for none.
        cancel: ends the statement that runs.
    """

    def __init__(
        self,
        show: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        *,
        keyboard: Keyboard,
        max_rows: int,
        cancel: Callable[[], None],
    ) -> None:
        self._show = show
        self._size = size
        self._keyboard = keyboard
        self._max_rows = max_rows
        self._cancel = cancel
        self._lines = Lines(show)
        self._pager: Pager[Row] | Pager[str] | None = None
        self.expanded = False
        """Whether records are shown below each other."""
        self.export: Export | None = None
        """Where results go instead of the screen."""

    def redraw(self) -> bool:
        """The screen has another size; whether a result is being paged through."""
        if self._pager is None:
            return False
        self._pager.redraw()
        return True

    async def show(self, events: AsyncIterator[Event]) -> None:
        """Show everything that a statement gives."""
        async for event in events:
            if isinstance(event, Columns):
                if self.export is not None:
                    if not await self._export(self.export, event.columns, events):
                        return
                elif event.text:
                    if not await self._show_text(events):
                        return
                elif not await self._show_table(event.columns, events):
                    return
            elif isinstance(event, Notice):
                self._lines.note(event.text)
            elif isinstance(event, Done) and event.text:
                self._lines.print(event.text)

    async def _show_table(self, columns: tuple[Column, ...], events: AsyncIterator[Event]) -> bool:
        """Show the rows that follow; whether the statement goes on."""
        result = Result(events, self._max_rows)
        table = Table(columns)
        rows: list[Row] = []
        height = self._size()[1] - 4
        per_row = len(columns) + 1 if self.expanded else 1
        while not result.ended and len(rows) * per_row <= height:
            rows += await result.more()
        table.measure(rows)
        too_wide = table.width > self._size()[0] and not self.expanded
        if not result.ended or len(rows) * per_row > height or too_wide:
            return await self._page(columns, table, rows, result)
        if self.expanded:
            self._lines.print("\n".join(records(columns, rows, 1)))
        else:
            head = table.head()
            lines = [HEAD_STYLE[0] + head[0] + HEAD_STYLE[1], head[1]]
            self._lines.print("\n".join(lines + [table.line(row) for row in rows]))
        self._end_result(result)
        return True

    async def _show_text(self, events: AsyncIterator[Event]) -> bool:
        """Show the lines that follow; whether the statement goes on."""
        result = Result(events, self._max_rows)

        async def more() -> list[str]:
            width = self._size()[0]
            return [part for row in await result.more() for part in wrapped(row[0] or "", width)]

        lines: list[str] = []
        while not result.ended and len(lines) < self._size()[1]:
            lines += await more()
        if result.ended and len(lines) < self._size()[1]:
            self._lines.print("\n".join(lines))
            goes_on = True
        else:
            pager = Pager(self._show, self._size, _Records(), more)
            pager.add(lines)
            goes_on = await self._look_at(pager, result)
        if result.limited or not result.ended:
            self._end_result(result)
        return goes_on

    async def _page(
        self, columns: tuple[Column, ...], table: Table, rows: list[Row], result: Result
    ) -> bool:
        async def more_rows() -> list[Row]:
            fetched = await result.more()
            table.measure(fetched)
            return fetched

        async def more_lines() -> list[str]:
            first = result.count + 1
            return records(columns, await result.more(), first)

        pager: Pager[Row] | Pager[str]
        if self.expanded:
            paged = pager = Pager(self._show, self._size, _Records(), more_lines)
            paged.add(records(columns, rows, 1))
        else:
            tabled = pager = Pager(self._show, self._size, table, more_rows)
            tabled.add(rows)
        goes_on = await self._look_at(pager, result)
        self._end_result(result)
        return goes_on

    async def _export(
        self, export: Export, columns: tuple[Column, ...], events: AsyncIterator[Event]
    ) -> bool:
        """Write the rows that follow into a file; whether the statement goes on."""
        result = Result(events, self._max_rows)
        try:
            await export.write(columns, result)
        except (StatementError, LostError):
            raise
        except GuacrError as error:
            self._lines.fail(f"{export.name} is not whole: {error}")
            self.export = None
            export.abort()
            await self._leave(result)
            return False
        for notice in result.notices:
            self._lines.note(notice)
        if result.limited:
            self._end_result(result)
            await self._leave(result)
        return not result.limited

    async def _look_at(self, pager: Pager[Row] | Pager[str], result: Result) -> bool:
        """Let the person page through a result; whether the statement goes on."""
        keyboard = self._keyboard
        before, keyboard.sink = keyboard.sink, pager.key
        self._pager = pager
        try:
            await pager.run()
        finally:
            self._pager = None
            keyboard.sink = before
        if not result.ended or result.limited:
            await self._leave(result)
            return False
        return True

    async def _leave(self, result: Result) -> None:
        """End a statement whose rows nobody wants any more."""
        self._cancel()
        with suppress(StatementError):
            async for _ in result.events:
                pass

    def _end_result(self, result: Result) -> None:
        many = "row" if result.count == 1 else "rows"
        more = ""
        if result.limited:
            more = ", which are as many as max-rows allows"
        elif not result.ended:
            more = " looked at; there are more"
        self._lines.print(f"({result.count} {many}{more})")
        for notice in result.notices:
            self._lines.note(notice)
