"""The console: reads statements, runs them, shows what comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress

from guacr.errors import GuacrError
from handlers.database.adapter import (
    Adapter,
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
from handlers.database.commands import HELP, Command, parse
from handlers.database.pager import Pager
from handlers.database.prompt import InterruptedInputError, LineEditor
from handlers.database.statements import split
from handlers.database.table import HEAD_STYLE, Table, records, shown, wrapped

SCHEMA_TIMEOUT = 30.0
"""Seconds in which the names for completion must have come."""
ERROR_STYLE = "\x1b[91m", "\x1b[0m"
NOTE_STYLE = "\x1b[33m", "\x1b[0m"


class _Records:
    """Expanded records, which are lines already."""

    def head(self) -> list[str]:
        return []

    def line(self, item: str, /) -> str:
        return item


class Console:
    """One person's dialogue with a database.

    Args:
        adapter: the database, connected.
        show: takes what is drawn.
        size: columns and rows of the screen.
        password: for connecting again.
    """

    def __init__(
        self,
        adapter: Adapter,
        show: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        *,
        password: str,
    ) -> None:
        self._adapter = adapter
        self._show = show
        self._size = size
        self._password = password
        self._expanded = False
        self._timing = False
        self._lost = False
        self._refused = ""
        self._suggestions = adapter.suggestions()
        self._learning: asyncio.Task[None] | None = None
        self._cancelling: asyncio.Task[None] | None = None
        self._pager: Pager[Row] | Pager[str] | None = None
        self._editor = LineEditor(
            show,
            size,
            complete=self._complete,
            suggest=self._suggestions,
            lexer=adapter.lexer,
            word=adapter.word,
            is_secret=adapter.is_secret,
        )

    def feed(self, data: bytes) -> None:
        """What a person types."""
        self._editor.keyboard.feed(data)

    def resized(self) -> None:
        """The screen has another size."""
        if self._pager is not None:
            self._pager.redraw()
        else:
            self._editor.resize()

    async def run(self) -> None:
        """Until the person leaves."""
        self._learn()
        try:
            while await self._turn():
                pass
        finally:
            self._editor.close()
            tasks = [task for task in (self._learning, self._cancelling) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _turn(self) -> bool:
        """Read once and do it; whether to go on."""
        text, self._refused = self._refused, ""
        prompt = "(not connected) " if self._lost else ""
        try:
            line = await self._editor.read(prompt + self._adapter.prompt, text)
        except InterruptedInputError:
            return True
        except EOFError:
            return False
        if self._lost and line.strip() and not await self._reconnect(line):
            return True
        command = parse(line)
        if command is None:
            await self._run_all(line)
            return True
        return await self._command(command)

    def _complete(self, text: str) -> bool:
        return not text.strip() or parse(text) is not None or self._adapter.complete(text)

    async def _reconnect(self, line: str) -> bool:
        try:
            greeting = await self._adapter.connect(self._password)
        except GuacrError as error:
            self._fail(str(error))
            self._refused = line
            return False
        self._lost = False
        self._print(greeting)
        self._learn()
        return True

    # ---- statements

    async def _run_all(self, text: str) -> None:
        found, rest = split(text, self._adapter.dialect)
        if rest.strip():
            found.append(rest)
        for statement in found:
            if not await self._run_one(statement, text):
                break
        if any(self._adapter.alters.match(statement) for statement in found):
            self._learn()

    async def _run_one(self, statement: str, typed: str) -> bool:
        """Run one statement; whether to go on with the next."""
        started = time.monotonic()
        keyboard = self._editor.keyboard
        if keyboard.interrupted:
            keyboard.interrupted = False
            self._fail("cancelled before it began")
            return False
        keyboard.sink = self._running_key
        try:
            async with aclosing(_generator(self._adapter.execute(statement))) as events:
                await self._show_events(events)
        except StatementError as error:
            self._fail(_located(error, statement))
            return False
        except LostError as error:
            self._fail(f"{error}\npress Enter to connect again and run what was typed")
            self._lost, self._refused = True, typed
            await self._adapter.close()
            return False
        finally:
            keyboard.sink = None
            await self._cancelled()
        if self._timing:
            self._print(f"Time: {(time.monotonic() - started) * 1e3:.3f} ms")
        return True

    def _running_key(self, name: str, data: str) -> bool:
        if name == "c-c":
            self._cancel()
            return True
        return False

    def _cancel(self) -> None:
        if self._cancelling is None or self._cancelling.done():
            self._cancelling = asyncio.create_task(self._adapter.cancel(), name="cancel")

    async def _cancelled(self) -> None:
        """Until the server has heard of it: the next statement shall not suffer."""
        if self._cancelling is not None:
            with suppress(GuacrError, OSError):
                await self._cancelling
            self._cancelling = None

    async def _show_events(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            if isinstance(event, Columns):
                if event.text:
                    if not await self._show_text(events):
                        return
                elif not await self._show_result(event.columns, events):
                    return
            elif isinstance(event, Notice):
                self._note(event.text)
            elif isinstance(event, Done) and event.text:
                self._print(event.text)

    # ---- results

    async def _show_result(self, columns: tuple[Column, ...], events: AsyncIterator[Event]) -> bool:
        """Show the rows that follow; whether the statement goes on."""
        result = _Result(events, self._adapter.params.max_rows)
        table = Table(columns)
        rows: list[Row] = []
        height = self._size()[1] - 4
        per_row = len(columns) + 1 if self._expanded else 1
        while not result.ended and len(rows) * per_row <= height:
            rows += await result.more()
        table.measure(rows)
        too_wide = table.width > self._size()[0] and not self._expanded
        if not result.ended or len(rows) * per_row > height or too_wide:
            return await self._page(columns, table, rows, result)
        if self._expanded:
            self._print("\n".join(records(columns, rows, 1)))
        else:
            head = table.head()
            lines = [HEAD_STYLE[0] + head[0] + HEAD_STYLE[1], head[1]]
            self._print("\n".join(lines + [table.line(row) for row in rows]))
        self._end_result(result)
        return True

    async def _show_text(self, events: AsyncIterator[Event]) -> bool:
        """Show the lines that follow; whether the statement goes on."""
        result = _Result(events, self._adapter.params.max_rows)

        async def more() -> list[str]:
            width = self._size()[0]
            return [part for row in await result.more() for part in wrapped(row[0] or "", width)]

        lines: list[str] = []
        while not result.ended and len(lines) < self._size()[1]:
            lines += await more()
        if result.ended and len(lines) < self._size()[1]:
            self._print("\n".join(lines))
            goes_on = True
        else:
            pager = Pager(self._show, self._size, _Records(), more)
            pager.add(lines)
            goes_on = await self._look_at(pager, result)
        if result.limited or not result.ended:
            self._end_result(result)
        return goes_on

    async def _page(
        self, columns: tuple[Column, ...], table: Table, rows: list[Row], result: _Result
    ) -> bool:
        async def more_rows() -> list[Row]:
            fetched = await result.more()
            table.measure(fetched)
            return fetched

        async def more_lines() -> list[str]:
            first = result.count + 1
            return records(columns, await result.more(), first)

        pager: Pager[Row] | Pager[str]
        if self._expanded:
            paged = pager = Pager(self._show, self._size, _Records(), more_lines)
            paged.add(records(columns, rows, 1))
        else:
            tabled = pager = Pager(self._show, self._size, table, more_rows)
            tabled.add(rows)
        goes_on = await self._look_at(pager, result)
        self._end_result(result)
        return goes_on

    async def _look_at(self, pager: Pager[Row] | Pager[str], result: _Result) -> bool:
        """Let the person page through a result; whether the statement goes on."""
        keyboard = self._editor.keyboard
        self._pager = pager
        keyboard.sink = pager.key
        try:
            await pager.run()
        finally:
            self._pager = None
            keyboard.sink = self._running_key
        if not result.ended or result.limited:
            self._cancel()
            with suppress(StatementError):
                async for _ in result.events:
                    pass
            return False
        return True

    def _end_result(self, result: _Result) -> None:
        many = "row" if result.count == 1 else "rows"
        more = ""
        if result.limited:
            more = ", which are as many as max-rows allows"
        elif not result.ended:
            more = " looked at; there are more"
        self._print(f"({result.count} {many}{more})")
        for notice in result.notices:
            self._note(notice)

    # ---- commands

    async def _command(self, command: Command) -> bool:
        name, argument = command.name, command.argument
        if name in ("q", "quit", "exit"):
            return False
        if name in ("?", "help", "h"):
            self._print(HELP.format(usage=self._adapter.usage))
        elif name == "x":
            self._expanded = not self._expanded
            self._print(f"Expanded display is {'on' if self._expanded else 'off'}.")
        elif name == "timing":
            self._timing = not self._timing
            self._print(f"Timing is {'on' if self._timing else 'off'}.")
        elif name in ("c", "connect"):
            await self._use(argument)
        elif name == "d" and argument:
            await self._describe(argument)
        elif name.rstrip("+") in self._adapter.lists:
            await self._run_one(self._adapter.lists[name.rstrip("+")], "")
        else:
            self._fail(f"there is no command \\{shown(name)} here: \\? lists them all")
        return True

    async def _describe(self, name: str) -> None:
        statements = self._adapter.describe(name)
        if not statements:
            self._fail("nothing can be described here")
        for statement in statements:
            if not await self._run_one(statement, ""):
                break

    async def _use(self, database: str) -> None:
        if not self._adapter.use_database or not database:
            self._print(f"You are connected to {self._adapter.title}.")
            return
        before = self._adapter.database
        await self._adapter.close()
        self._adapter.database = database
        try:
            self._print(await self._adapter.connect(self._password))
        except GuacrError as error:
            self._fail(str(error))
            self._adapter.database = before
            try:
                await self._adapter.connect(self._password)
            except GuacrError:
                self._lost = True
        self._learn()

    # ---- names

    def _learn(self) -> None:
        if self._learning is not None:
            self._learning.cancel()
        self._learning = asyncio.create_task(self._fetch_schema(), name="schema")

    async def _fetch_schema(self) -> None:
        with suppress(GuacrError, TimeoutError, OSError):
            async with asyncio.timeout(SCHEMA_TIMEOUT):
                self._suggestions.schema = await self._adapter.schema()

    # ---- lines

    def _print(self, text: str) -> None:
        if text:
            self._show(text.replace("\n", "\r\n") + "\r\n")

    def _fail(self, text: str) -> None:
        lines = "\n".join(map(shown, text.splitlines()))
        self._print(f"{ERROR_STYLE[0]}{lines}{ERROR_STYLE[1]}")

    def _note(self, text: str) -> None:
        lines = "\n".join(map(shown, text.splitlines()))
        self._print(f"{NOTE_STYLE[0]}{lines}{NOTE_STYLE[1]}")


class _Result:
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


async def _generator(events: AsyncIterator[Event]):  # type: ignore[no-untyped-def]
    async for event in events:
        yield event


def _located(error: StatementError, statement: str) -> str:
    """The error, and the line of the statement with a mark where it is."""
    message = str(error)
    place = error.position - 1
    if not 0 <= place <= len(statement):
        return message
    start = statement.rfind("\n", 0, place) + 1
    line = statement[start:].splitlines()[0] if statement[start:] else ""
    number = statement.count("\n", 0, place) + 1
    label = f"LINE {number}: "
    mark = " " * (len(label) + place - start) + "^"
    return f"{message}\n{label}{line}\n{mark}"
