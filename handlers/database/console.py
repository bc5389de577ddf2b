"""The console: reads statements, runs them, shows what comes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress

from guacr.errors import GuacrError
from handlers.database.adapter import (
    Adapter,
    Event,
    LostError,
    StatementError,
)
from handlers.database.commands import HELP, Command, parse
from handlers.database.files import SCRIPT_MAX, Files
from handlers.database.lines import Lines
from handlers.database.prompt import InterruptedInputError, LineEditor
from handlers.database.results import Results
from handlers.database.statements import split
from handlers.database.table import shown

SCHEMA_TIMEOUT = 30.0
"""Seconds in which the names for completion must have come."""


class Console:
    """One person's dialogue with a database.

    Args:
        adapter: the database, connected.
        show: takes what is drawn.
        size: columns and rows of the screen.
        files: downloads and uploads.
        history: what was typed before.
        password: for connecting again.
    """

    def __init__(
        self,
        adapter: Adapter,
        show: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        *,
        files: Files,
        history: deque[str],
        password: str,
    ) -> None:
        self._adapter = adapter
        self._files = files
        self._password = password
        self._timing = False
        self._lost = False
        self._refused = ""
        self._suggestions = adapter.suggestions()
        self._learning: asyncio.Task[None] | None = None
        self._cancelling: asyncio.Task[None] | None = None
        self._editor = LineEditor(
            show,
            size,
            complete=self._complete,
            suggest=self._suggestions,
            lexer=adapter.lexer,
            word=adapter.word,
            history=history,
            is_secret=adapter.is_secret,
        )
        self._lines = Lines(show)
        self._results = Results(
            show,
            size,
            keyboard=self._editor.keyboard,
            max_rows=adapter.params.max_rows,
            cancel=self._cancel,
        )

    def feed(self, data: bytes) -> None:
        """What a person types."""
        self._editor.keyboard.feed(data)

    def resized(self) -> None:
        """The screen has another size."""
        if not self._results.redraw():
            self._editor.resize()

    async def run(self) -> None:
        """Until the person leaves."""
        self._learn()
        try:
            while await self._turn():
                pass
            await self._end_export(True)
        finally:
            self._editor.close()
            if self._results.export is not None:
                self._results.export.abort()
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
        command = parse(text)
        if command is not None and command.name == "export":
            return self._adapter.complete(command.argument)
        return not text.strip() or command is not None or self._adapter.complete(text)

    async def _reconnect(self, line: str) -> bool:
        try:
            greeting = await self._adapter.connect(self._password)
        except GuacrError as error:
            self._lines.fail(str(error))
            self._refused = line
            return False
        self._lost = False
        self._lines.print(greeting)
        self._learn()
        return True

    # ---- statements

    async def _run_all(self, text: str, typed: str | None = None) -> bool:
        """Run statements until one fails; whether all were run. What is `typed` again after the
        server was lost is the text itself unless something else is given."""
        typed = text if typed is None else typed
        found, rest = split(text, self._adapter.dialect)
        if rest.strip():
            found.append(rest)
        ran = 0
        for statement in found:
            if not await self._run_one(statement, typed):
                break
            ran += 1
        if any(self._adapter.alters.match(statement) for statement in found):
            self._learn()
        return ran == len(found)

    async def _run_one(self, statement: str, typed: str) -> bool:
        """Run one statement; whether to go on with the next."""
        started = time.monotonic()
        keyboard = self._editor.keyboard
        if keyboard.interrupted:
            keyboard.interrupted = False
            self._lines.fail("cancelled before it began")
            return False
        keyboard.sink = self._running_key
        try:
            async with aclosing(_generator(self._adapter.execute(statement))) as events:
                await self._results.show(events)
        except StatementError as error:
            self._lines.fail(_located(error, statement))
            return False
        except LostError as error:
            self._lines.fail(f"{error}\npress Enter to connect again and run what was typed")
            self._lost, self._refused = True, typed
            await self._adapter.close()
            return False
        finally:
            keyboard.sink = None
            await self._cancelled()
        if self._timing:
            self._lines.print(f"Time: {(time.monotonic() - started) * 1e3:.3f} ms")
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

    # ---- commands

    async def _command(self, command: Command) -> bool:
        """Do it; whether to go on."""
        name, argument = command.name, command.argument
        if name in ("q", "quit", "exit"):
            return False
        commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "c": self._use,
            "connect": self._use,
            "export": self._export,
            "i": self._include,
            "o": self._redirect,
        }
        if name in ("?", "help", "h"):
            self._lines.print(HELP.format(usage=self._adapter.usage))
        elif name == "x":
            self._results.expanded = not self._results.expanded
            self._lines.print(f"Expanded display is {_on(self._results.expanded)}.")
        elif name == "timing":
            self._timing = not self._timing
            self._lines.print(f"Timing is {_on(self._timing)}.")
        elif name == "conninfo":
            self._lines.print(f"You are connected to {shown(self._adapter.title)}.")
        elif name in commands:
            await commands[name](argument)
        elif name == "d" and argument:
            await self._describe(argument)
        elif name.rstrip("+") in self._adapter.lists:
            await self._run_one(self._adapter.lists[name.rstrip("+")], "")
        else:
            self._lines.fail(f"there is no command \\{shown(name)} here: \\? lists them all")
        return True

    # ---- files

    async def _export(self, argument: str) -> None:
        """Run statements, whose results become one file."""
        name, _, statements = argument.partition(" ")
        if not statements.strip("; \n"):
            self._lines.fail("a statement belongs behind the file: \\export FILE STATEMENT;")
            return
        before, self._results.export = self._results.export, None
        try:
            if await self._redirect_to(name):
                whole = await self._run_all(statements.strip())
                await self._end_export(whole)
        finally:
            self._results.export = before

    async def _redirect(self, name: str) -> None:
        """Have results go into a file; without a name the last one is whole."""
        await self._end_export(True)
        if name:
            await self._redirect_to(name)

    async def _redirect_to(self, name: str) -> bool:
        try:
            self._results.export = self._files.export(name)
        except GuacrError as error:
            self._lines.fail(str(error))
            return False
        return True

    async def _end_export(self, whole: bool) -> None:
        export, self._results.export = self._results.export, None
        if export is None:
            return
        try:
            if whole:
                await export.end()
                self._lines.print(f"{export.count} rows are in {shown(export.name)}.")
                return
        except GuacrError as error:
            self._lines.fail(str(error))
        export.abort()
        self._lines.fail(f"{export.name} is not whole")

    async def _include(self, argument: str) -> None:
        """Run a script that is uploaded."""
        if argument:
            self._lines.fail("\\i takes no name: the script is one that you send")
            return
        self._lines.note(
            f"Send a script of at most {SCRIPT_MAX >> 20} MiB: drop it here. Ctrl-C gives up."
        )
        waiting = asyncio.ensure_future(self._files.script())
        keyboard = self._editor.keyboard
        keyboard.sink = lambda name, data: name == "c-c" and waiting.cancel()
        try:
            await asyncio.wait([waiting])
        finally:
            keyboard.sink = None
            waiting.cancel()
        if waiting.cancelled():
            return
        error = waiting.exception()
        if isinstance(error, GuacrError):
            self._lines.fail(str(error))
            return
        try:
            await self._run_all(waiting.result().decode("utf-8-sig"), typed="")
        except UnicodeDecodeError:
            self._lines.fail("the script is not text in UTF-8")

    # ---- about the database

    async def _describe(self, name: str) -> None:
        statements = self._adapter.describe(name)
        if not statements:
            self._lines.fail("nothing can be described here")
        for statement in statements:
            if not await self._run_one(statement, ""):
                break

    async def _use(self, database: str) -> None:
        if not self._adapter.use_database or not database:
            self._lines.print(f"You are connected to {self._adapter.title}.")
            return
        before = self._adapter.database
        await self._adapter.close()
        self._adapter.database = database
        try:
            self._lines.print(await self._adapter.connect(self._password))
        except GuacrError as error:
            self._lines.fail(str(error))
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


def _on(flag: bool) -> str:
    return "on" if flag else "off"
