"""Results of statements on the screen: tables, records and texts, in pages where they are long."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from guacr.errors import GuacrError
from handlers.database.adapter import (
    Column,
    Columns,
    Done,
    Event,
    LostError,
    Notice,
    Row,
    StatementError,
)
from handlers.database.files import Export
from handlers.database.keyboard import Keyboard
from handlers.database.lines import Lines
from handlers.database.pager import Pager
from handlers.database.result import Result
from handlers.database.table import HEAD_STYLE, NULL, Table, clipped, cut_marked, records, wrapped

RECORD_LINES = 500
"""Lines of records that are made at a time, and the rest of the last record's."""
COLLECTED_MAX = 10_000
"""Rows of a result that is kept to be used."""
HEAD_HEIGHT = 4
"""Lines of the window that are not for rows: the head, the count and the next prompt."""


class Expanded(Enum):
    r"""When records are shown below each other; the value is what `\x` is told."""

    ON = "on"
    OFF = "off"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Manner:
    """How the results of one statement are shown."""

    vertical: bool = False
    """Records below each other, whatever was set."""
    paged: bool = True
    """Long and wide ones in a pager; else as much of them as the window holds."""
    empty: bool = True
    """Also those without rows."""
    into: list[tuple[tuple[Column, ...], list[Row]]] | None = None
    """Where they go instead of the screen."""
    typed: bool = True
    """Whether the person typed the statement, and errors have a place in it."""


class _Lines:
    """What a pager shows as it is."""

    def head(self) -> list[str]:
        return []

    def line(self, item: str, /) -> str:
        return item


class _RecordLines:
    """Records below each other as lines, made as they are looked at: a record may have more than
    a thousand."""

    def __init__(
        self,
        columns: tuple[Column, ...],
        null: str,
        rows: list[Row],
        result: Result,
        width: Callable[[], int],
    ) -> None:
        self._columns = columns
        self._width = width
        self._null = null
        self._rows = deque(rows)
        self._result = result
        self._number = 1

    async def more(self) -> list[str]:
        if not self._rows:
            self._rows.extend(await self._result.more())
        count = min(len(self._rows), RECORD_LINES // (len(self._columns) + 1) + 1)
        some = [self._rows.popleft() for _ in range(count)]
        lines = records(self._columns, some, self._number, self._null, width=self._width())
        self._number += count
        return lines


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
        self.expanded = Expanded.OFF
        self.null = NULL
        """What is shown for NULL."""
        self.export: Export | None = None
        """Where results go instead of the screen."""
        self.found = False
        """Whether the last statement gave rows."""

    def redraw(self) -> bool:
        """The screen has another size; whether a result is being paged through."""
        if self._pager is None:
            return False
        self._pager.redraw()
        return True

    def remark(self, text: str) -> bool:
        """Tell something to who pages through a result; whether there is one."""
        if self._pager is None:
            return False
        self._pager.remark(text)
        return True

    async def show(self, events: AsyncIterator[Event], manner: Manner) -> None:
        """Show everything that a statement gives."""
        self.found = False
        async for event in events:
            if isinstance(event, Columns):
                if manner.into is not None:
                    goes_on = await self._collect(event.columns, events, manner.into)
                elif self.export is not None:
                    goes_on = await self._export(self.export, event.columns, events)
                elif event.text:
                    goes_on = await self._show_text(events)
                else:
                    goes_on = await self._show_table(event.columns, events, manner)
                if not goes_on:
                    return
            elif isinstance(event, Notice):
                self._lines.note(event.text)
            elif isinstance(event, Done) and event.text:
                self._lines.print(event.text)

    async def _show_table(
        self, columns: tuple[Column, ...], events: AsyncIterator[Event], manner: Manner
    ) -> bool:
        """Show the rows that follow; whether the statement goes on."""
        result = Result(events, self._max_rows)
        table = Table(columns, self.null)
        rows: list[Row] = []
        width, height = self._size()[0], self._size()[1] - HEAD_HEIGHT
        while not result.ended and len(rows) <= height:
            rows += map(clipped, await result.more())
        if not rows and not manner.empty:
            return True
        table.measure(rows)
        too_wide = table.width > width
        vertical = manner.vertical or self._is_vertical(too_wide)
        lines = self._records(columns, rows) if vertical else [""] * len(rows)
        fits = result.ended and len(lines) <= height and (vertical or not too_wide)
        if manner.paged and not fits:
            return await self._page(columns, table, rows, result, vertical=vertical)
        some = rows if fits else rows[: max(height // (len(columns) + 1 if vertical else 1), 1)]
        lines = self._records(columns, some) if vertical else [*map(table.line, some)]
        hidden = 0 if fits else max(len(lines) - height, 0)
        head = [] if vertical else _styled([cut_marked(line, width) for line in table.head()])
        lines = [cut_marked(line, width) for line in lines[: len(lines) - hidden]]
        if hidden:
            lines.append(f"… {hidden} more lines")
        self._lines.print("\n".join([*head, *lines]))
        while not result.ended:
            await result.more()
        self._end_result(result, shown=len(some))
        return await self._goes_on(result)

    async def _collect(
        self,
        columns: tuple[Column, ...],
        events: AsyncIterator[Event],
        into: list[tuple[tuple[Column, ...], list[Row]]],
    ) -> bool:
        """Keep the rows that follow, COLLECTED_MAX at most; whether the statement goes on."""
        result = Result(events, min(self._max_rows or COLLECTED_MAX, COLLECTED_MAX))
        rows: list[Row] = []
        into.append((columns, rows))
        while not result.ended:
            rows += await result.more()
        if result.limited:
            self._lines.note(f"({result.count} rows are taken, and no more)")
        return await self._goes_on(result)

    def _records(self, columns: tuple[Column, ...], rows: list[Row]) -> list[str]:
        return records(columns, rows, 1, self.null, width=self._size()[0])

    def _is_vertical(self, too_wide: bool) -> bool:
        return self.expanded is Expanded.ON or (self.expanded is Expanded.AUTO and too_wide)

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
            goes_on = await self._goes_on(result)
        else:
            pager = Pager(self._show, self._size, _Lines(), more, self._cancel)
            pager.add(lines, last=result.ended)
            goes_on = await self._look_at(pager, result)
        if result.limited or not result.ended:
            self._end_result(result)
        return goes_on

    async def _page(
        self,
        columns: tuple[Column, ...],
        table: Table,
        rows: list[Row],
        result: Result,
        *,
        vertical: bool,
    ) -> bool:
        async def more_rows() -> list[Row]:
            fetched = await result.more()
            table.measure(fetched)
            return fetched

        pager: Pager[Row] | Pager[str]
        if vertical:
            lines = _RecordLines(columns, self.null, rows, result, lambda: self._size()[0])
            pager = Pager(self._show, self._size, _Lines(), lines.more, self._cancel)
        else:
            tabled = pager = Pager(self._show, self._size, table, more_rows, self._cancel)
            tabled.add(rows, last=result.ended)
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
        return await self._goes_on(result)

    async def _look_at(self, pager: Pager[Row] | Pager[str], result: Result) -> bool:
        """Let the person page through a result; whether the statement goes on."""
        keyboard = self._keyboard
        before, keyboard.sink = keyboard.sink, pager.key
        self._pager = pager
        try:
            await pager.run()
        except StatementError:
            if not pager.left:
                raise
        finally:
            self._pager = None
            keyboard.sink = before
        return await self._goes_on(result)

    async def _goes_on(self, result: Result) -> bool:
        """End the statement if not all of its rows are wanted; whether it goes on."""
        self.found = result.count > 0
        wanted = result.ended and not result.limited
        if not wanted:
            await self._leave(result)
        return wanted

    async def _leave(self, result: Result) -> None:
        """End a statement whose rows nobody wants any more."""
        self._cancel()
        with suppress(StatementError):
            async for _ in result.events:
                pass

    def _end_result(self, result: Result, shown: int | None = None) -> None:
        """Tell how many rows there were; all of them were shown unless that is given."""
        many = "row" if result.count == 1 else "rows"
        more = "" if shown in (None, result.count) else f", {shown} of which are shown"
        if result.limited:
            more = ", which are as many as max-rows allows"
        elif not result.ended:
            more = " looked at; there are more"
        self._lines.print(f"({result.count} {many}{more})")
        for notice in result.notices:
            self._lines.note(notice)


def _styled(head: list[str]) -> list[str]:
    return [HEAD_STYLE[0] + head[0] + HEAD_STYLE[1], *head[1:]]
