"""Show results of statements: tables, records and texts, in a pager if they are long."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from guacr.api import GuacrError
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
from handlers.database.console.files import Export
from handlers.database.console.keyboard import Keyboard
from handlers.database.console.lines import Lines
from handlers.database.console.pager import Pager
from handlers.database.console.result import Result
from handlers.database.console.table import (
    HEAD_STYLE,
    NULL,
    Table,
    broken,
    clipped,
    cut_marked,
    records,
    wrapped,
)

RECORD_LINES = 500
"""Lines of records that are built at a time, not counting the rest of the last record."""
COLLECTED_MAX = 10_000
"""Maximum rows of a result that is kept for further use."""
HEAD_HEIGHT = 4
"""Lines of the window that are not for rows: head, count and next prompt."""


class Expanded(Enum):
    r"""The use of expanded display; the value is the argument of `\x`."""

    ON = "on"
    OFF = "off"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """The display options of a statement's results."""

    vertical: bool = False
    """Use expanded display, whatever is set."""
    paged: bool = True
    """Show long and wide results in a pager, otherwise only as much as fits the window."""
    empty: bool = True
    """Also show results without rows."""
    into: list[tuple[tuple[Column, ...], list[Row]]] | None = None
    """The destination instead of the screen."""
    typed: bool = True
    """True if the person typed the statement, so that errors have a position in it."""


class _Lines:
    """Lines that a pager shows unchanged."""

    def head(self) -> list[str]:
        return []

    def line(self, item: str, /) -> str:
        return item


class _RecordLines:
    """Lines of records in expanded display, built on demand: a record may have more than a
    thousand."""

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


class _TextLines:
    """The lines of a text, wrapped on demand: one may have millions of characters."""

    def __init__(self, result: Result, width: Callable[[], int]) -> None:
        self._result = result
        self._width = width
        self._texts: deque[str] = deque()
        self._at = 0
        """The number of characters of the first line that were used."""
        self._carried = ""
        """The end of these, which does not fill a line."""

    @property
    def ended(self) -> bool:
        """True if there are no more lines."""
        return self._result.ended and not self._texts

    async def more(self) -> list[str]:
        while not self._texts and not self._result.ended:
            self._texts.extend(row[0] or "" for row in await self._result.more())
        lines: list[str] = []
        while self._texts and len(lines) < RECORD_LINES:
            width = max(self._width(), 1)
            text, end = self._texts[0], self._at + width * (RECORD_LINES - len(lines))
            lines += wrapped(self._carried + text[self._at : end], width)
            if end < len(text):
                self._at, self._carried = end, lines.pop()
            else:
                self._at, self._carried = 0, ""
                self._texts.popleft()
        return lines


class Results:
    """Shows results.

    Args:
        show: called with what is drawn.
        size: columns and rows of the screen.
        keyboard: lends its keys to the pager.
        max_rows: maximum rows of a result; 0 for no limit.
        cancel: cancels the running statement.
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
        """The text for NULL."""
        self.export: Export | None = None
        """The destination of results instead of the screen."""
        self.found = False
        """True if the last statement returned rows."""

    def redraw(self) -> bool:
        """Adapt to a new size of the screen; return whether the pager is open."""
        if self._pager is None:
            return False
        self._pager.redraw()
        return True

    def remark(self, text: str) -> bool:
        """Show a message in the pager; return whether it is open."""
        if self._pager is None:
            return False
        self._pager.remark(text)
        return True

    async def show(self, events: AsyncIterator[Event], options: DisplayOptions) -> None:
        """Show all results of a statement."""
        self.found = False
        async for event in events:
            if isinstance(event, Columns):
                if options.into is not None:
                    goes_on = await self._collect(event.columns, events, options.into)
                elif self.export is not None:
                    goes_on = await self._export(self.export, event.columns, events)
                elif event.text:
                    goes_on = await self._show_text(events)
                else:
                    goes_on = await self._show_table(event.columns, events, options)
                if not goes_on:
                    return
            elif isinstance(event, Notice):
                self._lines.note(event.text)
            elif isinstance(event, Done) and event.text:
                self._lines.print(event.text)

    async def _show_table(
        self, columns: tuple[Column, ...], events: AsyncIterator[Event], options: DisplayOptions
    ) -> bool:
        """Show the following rows; return whether the statement continues."""
        result = Result(events, self._max_rows)
        table = Table(columns, self.null)
        rows: list[Row] = []
        width, height = self._size()[0], self._size()[1] - HEAD_HEIGHT
        while not result.ended and len(rows) <= height:
            rows += map(clipped, await result.more())
        if not rows and not options.empty:
            return True
        parts = _broken(rows)
        table.measure(parts)
        too_wide = table.width > width
        vertical = options.vertical or self._is_vertical(too_wide)
        lines = self._records(columns, rows) if vertical else [""] * len(parts)
        fits = result.ended and len(lines) <= height and (vertical or not too_wide)
        if options.paged and not fits:
            return await self._page(
                columns, table, rows if vertical else parts, result, vertical=vertical
            )
        some = rows if fits else rows[: max(height // (len(columns) + 1 if vertical else 1), 1)]
        lines = self._records(columns, some) if vertical else [*map(table.line, _broken(some))]
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
        """Keep up to COLLECTED_MAX of the following rows; return whether the statement
        continues."""
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
        """Show the following lines; return whether the statement continues."""
        result = Result(events, self._max_rows)
        source = _TextLines(result, lambda: self._size()[0])
        lines: list[str] = []
        while not source.ended and len(lines) < self._size()[1]:
            lines += await source.more()
        if source.ended and len(lines) < self._size()[1]:
            self._lines.print("\n".join(lines))
            goes_on = await self._goes_on(result)
        else:
            pager = Pager(self._show, self._size, _Lines(), source.more, self._cancel)
            pager.add(lines, last=source.ended)
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
            fetched = _broken(await result.more())
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
        """Write the following rows into a file; return whether the statement continues."""
        result = Result(events, self._max_rows)
        try:
            await export.write(columns, result)
        except (StatementError, LostError):
            raise
        except GuacrError as error:
            self._lines.fail(f"{export.name} is incomplete: {error}")
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
        """Show a result in the pager; return whether the statement continues."""
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
        """End the statement if not all of its rows are needed; return whether it continues."""
        self.found = result.count > 0
        wanted = result.ended and not result.limited
        if not wanted:
            await self._leave(result)
        return wanted

    async def _leave(self, result: Result) -> None:
        """End a statement whose rows are no longer needed."""
        self._cancel()
        with suppress(StatementError):
            async for _ in result.events:
                pass

    def _end_result(self, result: Result, shown: int | None = None) -> None:
        """Print the number of rows; all of them were shown unless `shown` is given."""
        many = "row" if result.count == 1 else "rows"
        more = "" if shown in (None, result.count) else f", {shown} of which are shown"
        if result.limited:
            more = ", which are as many as max-rows allows"
        elif not result.ended:
            more = " looked at; there are more"
        self._lines.print(f"({result.count} {many}{more})")
        for notice in result.notices:
            self._lines.note(notice)


def _broken(rows: list[Row]) -> list[Row]:
    return [part for row in rows for part in broken(row)]


def _styled(head: list[str]) -> list[str]:
    return [HEAD_STYLE[0] + head[0] + HEAD_STYLE[1], *head[1:]]
