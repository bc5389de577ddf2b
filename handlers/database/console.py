"""The console: reads statements, runs them, shows what comes."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from guacr.errors import BadRequestError, GuacrError, OverrunError
from handlers.database.adapter import Adapter, LostError, Transaction
from handlers.database.again import ALL, Again, rest, rest_of_script
from handlers.database.commands import WORDS, Command, help_text, parse, suggestions
from handlers.database.display import Display
from handlers.database.files import SCRIPT_MAX, Files
from handlers.database.lines import Lines
from handlers.database.prompt import InterruptedInputError, LineEditor
from handlers.database.results import Manner
from handlers.database.running import Runner
from handlers.database.scripts import STATEMENT_MAX, Source, Typed
from handlers.database.splitter import Splitter, split
from handlers.database.statements import Statement
from handlers.database.table import shown
from handlers.database.transfers import Transfers
from handlers.database.used_results import UsedResults
from handlers.database.variable_commands import VariableCommands

SPLIT_HERE = 65_536
"""Characters of a line that are split at once; longer ones hold up nobody, on a thread."""
LINES_AT_ONCE = 256
"""Lines of a script after which others have their turn."""
RESTRICTED = "backslash commands are restricted; only \\unrestrict is allowed"
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
        self._password = password
        self._lost = False
        self._left = False
        self._refused = ""
        self._suggestions = adapter.suggestions()
        self._restricted = ""
        self._asks_data = False
        self._learning: asyncio.Task[None] | None = None
        self._remark = ""
        """What is still to be told of the names."""
        self._editor = LineEditor(
            show,
            size,
            complete=self._complete,
            suggest=self._suggest,
            lexer=adapter.lexer,
            word=adapter.word,
            history=history,
            is_secret=adapter.is_secret,
            max_undo=adapter.limits.max_undo,
        )
        self._lines = Lines(show)
        self._runner = Runner(adapter, show, size, self._editor.keyboard, self._lines)
        self._results = self._runner.results
        self._display = Display(self._runner, self._lines)
        self._variables = VariableCommands(self._lines)
        self._used = UsedResults(self._runner, self._variables, self._lines)
        keyboard = self._editor.keyboard
        self._transfers = Transfers(adapter, self._runner, files, keyboard, self._lines)
        self._commands = self._all_commands()

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
            await self._transfers.end_export(True)
        finally:
            self._editor.close()
            await self._runner.close()
            if self._learning is not None:
                self._learning.cancel()
                await asyncio.gather(self._learning, return_exceptions=True)

    async def _turn(self) -> bool:
        """Read once and do it; whether to go on."""
        text, self._refused = self._refused, ""
        if self._remark:
            self._lines.note(self._remark)
            self._remark = ""
        prompt = "(not connected) " if self._lost else ""
        try:
            line = await self._editor.read(prompt + self._adapter.prompt, text)
        except InterruptedInputError:
            return True
        except EOFError:
            return False
        command = parse(line, tabular=self._adapter.tabular)
        local = command is not None and command.is_local
        if self._lost and not local and not await self._reconnect(line):
            return True
        try:
            dialect = self._adapter.spoken
            whole = dialect.lines or dialect.splits is not None
            if command is not None and (whole or command.name in ("export", *WORDS)):
                await self._command(command)
            else:
                await self._run_text(line)
        except LostError as error:
            await self._lose(error, (line, ALL))
        return not self._left

    def _complete(self, text: str) -> bool:
        if self._asks_data:
            return True
        if (copy := _COPY_IN.match(text)) and self._adapter.spoken.dollars:
            return text[copy.end() :].strip() in ("", ";") or "\n\\." in text
        command = parse(text, tabular=self._adapter.tabular)
        if command is not None and command.name == "export":
            return self._adapter.complete(command.argument)
        return not text.strip() or command is not None or self._adapter.complete(text)

    def _suggest(self, before: str, word: str) -> list[tuple[str, str]]:
        found = suggestions(self._adapter, before, word)
        return self._suggestions(before, word) if found is None else found

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

    async def _run_text(self, text: str, command: str = "") -> bool:
        """Run what was typed, `command` before it; whether all of it succeeded."""
        source = Typed(text, self._ask_data)
        return await self._run_all(source, lambda done, line: rest(text, done, command))

    async def _run_all(self, source: Source, again: Callable[[int, int], Again]) -> bool:
        """Run statements, as psql does also those that follow a failure; whether all succeeded.
        `again` is asked when the server is lost, with place and line up to which the text was done:
        a transaction that was open is not.
        """
        adapter, runner = self._adapter, self._runner
        outer = adapter.input, runner.stop
        adapter.input, runner.stop, runner.interrupted = source, source.stop, False
        done, whole, alters, unknown = (0, 1), True, False, False
        try:
            async for statement in self._statements(source):
                if adapter.transaction is Transaction.NONE:
                    done = statement.place, statement.line
                unknown = not statement.is_command
                alters = alters or adapter.alters.match(statement.text) is not None
                if not await self._run_one(statement, source):
                    whole = False
                    if self._stops:
                        break
        except LostError as error:
            await self._lose(error, again(*done), unknown=unknown)
            return False
        except GuacrError as error:  # the source's
            self._lines.fail(str(error))
            whole = False
        finally:
            adapter.input, runner.stop = outer
            if alters:
                self._learn()
        return whole

    @property
    def _stops(self) -> bool:
        """Whether what follows a failure is not run."""
        return self._variables.stops_on_error or self._ended or self._runner.interrupted

    async def _statements(self, source: Source) -> AsyncIterator[Statement]:
        """The statements of a source, each found once those before it have been run.

        Raises:
            GuacrError: the source cannot be read.
        """
        dialect = self._adapter.spoken
        if dialect.lines or dialect.splits is not None:
            text = await source.text(SCRIPT_MAX)
            for statement in (await asyncio.to_thread(split, text, dialect))[0]:
                yield statement
            return
        splitter = Splitter(dialect, self._variables.values)
        while (line := await source.line()) is not None:
            splitter.dialect = self._adapter.spoken
            splitter.line = source.number - 1  # COPY has taken lines, too
            found: Iterable[Statement] = splitter.feed(line)
            if len(line) > SPLIT_HERE:
                found = await asyncio.to_thread(list, found)
            for statement in found:
                yield statement
            if splitter.length > STATEMENT_MAX:
                raise OverrunError(f"the statement is longer than {STATEMENT_MAX} bytes")
            if source.number % LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
        if (last := splitter.last()) is not None:
            yield last

    async def _run_one(self, statement: Statement, source: Source) -> bool:
        """Run a statement, or a command that stands between statements; whether it succeeded.

        Raises:
            LostError: the server is gone.
        """
        where, name = self._lines.where, source.name
        self._lines.where = f"{name}:{statement.line}: " if name else where
        source.taken = False
        try:
            if statement.is_command:
                command = parse(statement.text, tabular=True)
                return command is not None and await self._command(command) and not self._ended
            if self._restricted and (statement.how or statement.interval is not None):
                self._lines.fail(RESTRICTED)
                return False
            if statement.how == "e":
                self._refused = statement.text or self._runner.last
                return True
            if statement.how:
                return await self._used.use(statement, lambda: self._stops)
            succeeded = await self._runner.run(statement)
            copies = self._adapter.spoken.dollars and _COPY_IN.match(statement.text) is not None
            if copies and not succeeded and (source.copying or not source.taken):
                await source.skip_data()
            return succeeded
        finally:
            self._lines.where = where

    async def _ask_data(self) -> str | None:
        """A line of data for COPY.

        Raises:
            BadRequestError: Ctrl-C was pressed.
        """
        keyboard = self._editor.keyboard
        outer, keyboard.sink, self._asks_data = keyboard.sink, None, True
        try:
            return await self._editor.read("data (\\. ends it)> ", "")
        except InterruptedInputError:
            raise BadRequestError("cancelled") from None
        except EOFError:
            return None
        finally:
            keyboard.sink, self._asks_data = outer, False

    @property
    def _ended(self) -> bool:
        """Whether nothing more can be run."""
        return self._left or self._lost

    async def _show(self, statement: str, *, empty: bool = True) -> bool:
        """Run a statement of a command; whether it succeeded.

        Raises:
            LostError: the server is gone.
        """
        return await self._runner.once(statement, Manner(empty=empty, typed=False))

    async def _describe(self, name: str, *, more: bool) -> None:
        """Tell of a table; beside its columns, what there is alone.

        Raises:
            LostError: the server is gone.
        """
        columns, *others = self._adapter.describe(name, more=more)
        columnless = self._adapter.columnless
        if not await self._show(columns, empty=columnless):
            return
        if not (columnless or self._results.found):
            self._lines.fail(f"there is no {shown(name)} here")
            return
        for statement in others:
            if not await self._show(statement, empty=False):
                return

    async def _lose(self, error: GuacrError, again: Again, *, unknown: bool = False) -> None:
        """The server is gone: tell it, and whether something that changes data is `unknown` to be
        done."""
        self._lines.fail(str(error))
        if self._runner.transaction is not Transaction.NONE:
            self._lines.fail(
                "a transaction was open: it is lost, unless the server had its end already"
            )
        elif unknown:
            self._lines.fail("whether the statement was done is not known")
        self._refused, offer = again
        self._lines.fail(f"press Enter to connect again and {offer}")
        self._lost = True
        self._runner.transaction = Transaction.NONE
        await self._adapter.close()

    # ---- commands

    async def _command(self, command: Command) -> bool:
        """Do it; whether there is such a command.

        Raises:
            LostError: the server is gone.
        """
        name, argument = command.name, command.argument
        if self._restricted and name != "unrestrict":
            self._lines.fail(RESTRICTED)
            return False
        found = self._commands.get(name)
        listing = self._adapter.lists.get(name.rstrip("+"))
        if name.rstrip("+") == "d" and argument and not set("*?") & set(argument):
            more = name.endswith("+")
            await self._describe(argument, more=more)
        elif found is not None:
            await found(argument)
        elif listing is None:
            self._lines.fail(f"there is no command \\{shown(name)} here: \\? lists them all")
            return False
        elif argument and not listing.name:
            self._lines.fail(f"\\{name} takes no name here")
            return False
        else:
            await self._show(listing.statement(argument, plus=name.endswith("+")))
        return True

    def _all_commands(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """What each command does with its argument."""
        return {
            "q": self._leave,
            "quit": self._leave,
            "exit": self._leave,
            "?": self._help,
            "h": self._help,
            "help": self._help,
            "c": self._use,
            "connect": self._use,
            "conninfo": self._tell,
            "export": self._export,
            "i": self._include,
            "o": self._transfers.redirect,
            "x": self._display.expand,
            "pset": self._display.set_null,
            "timing": self._display.time,
            "copy": self._transfers.copy,
            "delimiter": self._delimit,
            "echo": self._variables.echo,
            "encoding": self._encode,
            "r": self._clear,
            "set": self._variables.set,
            "unset": self._variables.unset,
            "restrict": self._restrict,
            "unrestrict": self._unrestrict,
        }

    async def _delimit(self, argument: str) -> None:
        """Set what ends statements, so that they may hold semicolons."""
        dialect = self._adapter.dialect
        if not dialect.delimiters:
            self._lines.fail("a semicolon ends statements here, and nothing else can be set")
            return
        self._adapter.dialect = replace(dialect, delimiter=argument or ";")

    async def _leave(self, argument: str) -> None:
        self._left = True

    async def _help(self, argument: str) -> None:
        self._lines.print(help_text(self._adapter))

    async def _tell(self, argument: str) -> None:
        self._lines.print(f"You are connected to {shown(self._adapter.title)}.")

    async def _restrict(self, key: str) -> None:
        r"""Allow no commands but `\unrestrict` with the same key, as scripts of pg_dump ask."""
        if not key:
            self._lines.fail("\\restrict takes a key")
        self._restricted = key

    async def _unrestrict(self, key: str) -> None:
        if key != self._restricted or not key:
            self._lines.fail("\\unrestrict takes the key that \\restrict was given")
        else:
            self._restricted = ""

    async def _encode(self, argument: str) -> None:
        """Tell the encoding, which is always the same."""
        if argument.lower().replace("-", "") not in ("", "utf8", "unicode"):
            self._lines.fail(
                "this console speaks UTF8 alone; scripts may set another for their text"
            )
        else:
            self._lines.print("UTF8")

    async def _clear(self, argument: str) -> None:
        """Tell that what was begun is forgotten: the splitter has done it."""
        self._lines.print("Query buffer reset (cleared).")

    # ---- files

    async def _export(self, argument: str) -> None:
        """Run statements, whose results become one file."""
        name, _, statements = argument.partition(" ")
        if not statements.strip("; \n"):
            self._lines.fail("a statement belongs behind the file: \\export FILE STATEMENT;")
            return
        before, self._results.export = self._results.export, None
        try:
            if await self._transfers.redirect_to(name):
                whole = await self._run_text(statements.strip(), f"\\export {name} ")
                await self._transfers.end_export(whole)
        finally:
            self._results.export = before

    async def _include(self, argument: str) -> None:
        """Run a script that is uploaded, as it comes."""
        if argument:
            self._lines.fail("\\i takes no name: the script is one that you send")
            return
        upload = await self._transfers.uploaded("Send a script")
        if upload is None:
            return
        adapter = self._adapter
        outside = adapter.transaction is Transaction.NONE
        outer, adapter.in_script = adapter.in_script, True
        try:
            await self._run_all(upload, lambda done, line: rest_of_script(line))
        finally:
            upload.stop()
            adapter.in_script, self._restricted = outer, ""
        if outside and adapter.transaction is not Transaction.NONE:
            self._lines.fail(
                "the script has left a transaction open: end it with COMMIT or ROLLBACK"
            )

    # ---- about the database

    async def _use(self, database: str) -> None:
        if not self._adapter.use_database or not database:
            self._lines.print(f"You are connected to {self._adapter.title}.")
            return
        before = self._adapter.database
        self._runner.transaction = self._adapter.transaction
        await self._adapter.close()
        self._adapter.database = database
        try:
            self._lines.print(await self._adapter.connect(self._password))
        except GuacrError as error:
            self._lines.fail(str(error))
            self._adapter.database = before
            try:
                await self._adapter.connect(self._password)
            except GuacrError as gone:
                raise LostError(str(gone)) from None
        self._learn()

    # ---- names

    def _learn(self) -> None:
        before = self._learning
        if before is not None:
            before.cancel()
        self._learning = asyncio.create_task(self._fetch_schema(before), name="schema")

    async def _fetch_schema(self, before: asyncio.Task[None] | None) -> None:
        """Have the names, once nothing is left of the attempt before."""
        if before is not None:
            await asyncio.wait([before])
        with suppress(GuacrError, TimeoutError, OSError):
            async with asyncio.timeout(SCHEMA_TIMEOUT):
                schema = await self._adapter.schema()
                if schema.remark != self._suggestions.schema.remark:
                    self._remark = schema.remark
                self._suggestions.schema = schema


_COPY_IN = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*copy\b[^;]*?\bfrom\s+stdin\b[^;\n]*", re.IGNORECASE | re.DOTALL
)
"""What data may follow."""
