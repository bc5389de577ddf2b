"""The console: reads statements, runs them, shows what comes."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from guacr.errors import BadRequestError, GuacrError, OverrunError
from handlers.database.adapter import Adapter, Column, LostError, Row, Transaction
from handlers.database.again import ALL, Again, rest, rest_of_script
from handlers.database.commands import WORDS, Command, help_text, parse, suggestions
from handlers.database.files import SCRIPT_MAX, Files
from handlers.database.formats import Csv
from handlers.database.lines import Lines
from handlers.database.prompt import InterruptedInputError, LineEditor
from handlers.database.results import Expanded, Manner
from handlers.database.running import Runner
from handlers.database.scripts import STATEMENT_MAX, Source, Typed, Upload
from handlers.database.splitter import Splitter, split
from handlers.database.statements import Statement
from handlers.database.table import shown
from handlers.database.variables import Variables, arguments

NULL_MAX = 40
"""Characters that may stand for NULL."""
SPLIT_HERE = 65_536
"""Characters of a line that are split at once; longer ones hold up nobody, on a thread."""
LINES_AT_ONCE = 256
"""Lines of a script after which others have their turn."""
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
        self._lost = False
        self._left = False
        self._refused = ""
        self._transaction = Transaction.NONE
        self._suggestions = adapter.suggestions()
        self._variables = Variables()
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
        stops = self._variables.get("ON_ERROR_STOP", "off").lower() not in _OFF
        return stops or self._ended or self._runner.interrupted

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
        splitter = Splitter(dialect, self._variables)
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
        self._transaction = self._adapter.transaction
        where, name = self._lines.where, source.name
        self._lines.where = f"{name}:{statement.line}: " if name else where
        source.taken = False
        try:
            if statement.is_command:
                command = parse(statement.text, tabular=True)
                return command is not None and await self._command(command) and not self._ended
            if statement.how:
                return await self._use_results(statement)
            succeeded = await self._runner.run(statement)
            copies = self._adapter.spoken.dollars and _COPY_IN.match(statement.text) is not None
            if copies and not succeeded and (source.copying or not source.taken):
                await source.skip_data()
            return succeeded
        finally:
            self._lines.where = where

    async def _use_results(self, statement: Statement) -> bool:
        """Edit a statement, or have its results set variables or be run; whether that succeeded.

        Raises:
            LostError: the server is gone.
        """
        text = statement.text or self._runner.last
        if statement.how == "e":
            self._refused = text
            return True
        results: list[tuple[tuple[Column, ...], list[Row]]] = []
        if not text or not await self._runner.once(text, Manner(into=results)):
            return False
        self._runner.last = text
        if statement.how == "gset":
            return self._keep_row(results, statement.argument)
        succeeded = True
        for _, rows in results:
            for value in (value for row in rows for value in row if value):
                succeeded = await self._runner.run(Statement(value)) and succeeded
                if not succeeded and self._stops:
                    return False
        return succeeded

    def _keep_row(self, results: list[tuple[tuple[Column, ...], list[Row]]], prefix: str) -> bool:
        """Have variables with the values of a row; whether there was just one."""
        rows = results[-1][1] if results else []
        if len(rows) != 1:
            self._lines.fail(f"{'more than one row' if rows else 'no rows'} returned for \\gset")
            return False
        for column, value in zip(results[-1][0], rows[0], strict=True):
            if value is None:
                self._variables.pop(prefix + column.name, None)
            elif not self._put(prefix + column.name, value):
                return False
        return True

    def _put(self, name: str, value: str) -> bool:
        try:
            self._variables.put(name, value)
        except GuacrError as error:
            self._lines.fail(str(error))
            return False
        return True

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
        self._transaction = self._adapter.transaction
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
        if self._transaction is not Transaction.NONE:
            self._lines.fail(
                "a transaction was open: it is lost, unless the server had its end already"
            )
        elif unknown:
            self._lines.fail("whether the statement was done is not known")
        self._refused, offer = again
        self._lines.fail(f"press Enter to connect again and {offer}")
        self._lost = True
        self._transaction = Transaction.NONE
        await self._adapter.close()

    # ---- commands

    async def _command(self, command: Command) -> bool:
        """Do it; whether there is such a command.

        Raises:
            LostError: the server is gone.
        """
        name, argument = command.name, command.argument
        if self._restricted and name != "unrestrict":
            self._lines.fail("backslash commands are restricted; only \\unrestrict is allowed")
            return False
        found = _COMMANDS.get(name)
        listing = self._adapter.lists.get(name.rstrip("+"))
        if name.rstrip("+") == "d" and argument and not set("*?") & set(argument):
            more = name.endswith("+")
            await self._describe(argument, more=more)
        elif found is not None:
            await found(self, argument)
        elif listing is None:
            self._lines.fail(f"there is no command \\{shown(name)} here: \\? lists them all")
            return False
        elif argument and not listing.name:
            self._lines.fail(f"\\{name} takes no name here")
            return False
        else:
            await self._show(listing.statement(argument, plus=name.endswith("+")))
        return True

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

    async def _variable(self, argument: str) -> None:
        """Set a variable, or tell all."""
        name, *values = arguments(argument, self._variables) or [""]
        if name:
            self._put(name, "".join(values))
            return
        for known, value in sorted(self._variables.items()):
            self._lines.print(f"{shown(known)} = '{shown(value)}'")

    async def _unset(self, argument: str) -> None:
        self._variables.pop(argument, None)

    async def _echo(self, argument: str) -> None:
        """Print arguments."""
        words = arguments(argument, self._variables)
        more = words[:1] != ["-n"]
        self._lines.print("\n".join(map(shown, " ".join(words[not more :]).split("\n"))) or " ")

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

    # ---- how results are shown

    async def _expand(self, argument: str) -> None:
        """Show records below each other: always, never, or where tables are too wide."""
        results = self._results
        off = results.expanded is not Expanded.OFF
        try:
            results.expanded = Expanded(argument or ("off" if off else "on"))
        except ValueError:
            self._lines.fail("\\x takes on, off or auto")
            return
        how = "used automatically" if results.expanded is Expanded.AUTO else results.expanded.value
        self._lines.print(f"Expanded display is {how}.")

    async def _set(self, argument: str) -> None:
        """Set what stands for NULL."""
        name, _, text = argument.partition(" ")
        if name not in ("", "null"):
            self._lines.fail("\\pset knows null alone: \\pset null TEXT")
            return
        if text.strip():
            self._results.null = shown(text.strip().strip("'")[:NULL_MAX])
        self._lines.print(f'Null display is "{self._results.null}".')

    async def _time(self, argument: str) -> None:
        """Show how long statements take, or not."""
        if argument not in ("", "on", "off"):
            self._lines.fail("\\timing takes on or off")
            return
        runner = self._runner
        runner.timing = argument == "on" if argument else not runner.timing
        self._lines.print(f"Timing is {'on' if runner.timing else 'off'}.")

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
                whole = await self._run_text(statements.strip(), f"\\export {name} ")
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
        """Run a script that is uploaded, as it comes."""
        if argument:
            self._lines.fail("\\i takes no name: the script is one that you send")
            return
        upload = await self._uploaded("Send a script")
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

    async def _uploaded(self, request: str) -> Upload | None:
        """Ask for a file, and wait until it begins to come; None if it does not."""
        waiting = asyncio.ensure_future(self._files.upload())
        keyboard = self._editor.keyboard
        keyboard.sink = lambda name, data: name == "c-c" and waiting.cancel()
        try:
            await asyncio.sleep(0)  # it waits from here on, and only then is one asked for
            if not waiting.done():
                self._lines.note(f"{request}: drop it here, or use Upload. Ctrl-C gives up.")
            await asyncio.wait([waiting])
        finally:
            keyboard.sink = None
            waiting.cancel()
        if waiting.cancelled():
            return None
        if isinstance(error := waiting.exception(), GuacrError):
            self._lines.fail(str(error))
            return None
        return waiting.result()

    async def _copy(self, argument: str) -> None:
        r"""Copy between a table and a file of the person's: `\copy TABLE FROM FILE OPTIONS`.

        Raises:
            LostError: the server is gone.
        """
        found = _COPY.fullmatch(argument)
        if not self._adapter.spoken.dollars or found is None:
            self._lines.fail("\\copy takes TABLE FROM FILE or TABLE TO FILE, in PostgreSQL")
            return
        name = found["file"].strip("'")
        inward = found["way"].lower() == "from"
        statement = (
            f"COPY {found['what']} {'FROM STDIN' if inward else 'TO STDOUT'}{found['rest'] or ''}"
        )
        if inward and name.lower() in ("stdin", "pstdin"):
            await self._show(statement)
        elif inward:
            await self._copy_in(statement, name)
        else:
            await self._copy_out(statement, name)

    async def _copy_in(self, statement: str, name: str) -> None:
        upload = await self._uploaded(f"Send the data, {shown(name[:40])}")
        if upload is None:
            return
        upload.is_script = False
        adapter, runner = self._adapter, self._runner
        outer = adapter.input, runner.stop
        adapter.input, runner.stop = upload, upload.stop
        try:
            await self._show(statement)
        finally:
            upload.stop()
            adapter.input, runner.stop = outer

    async def _copy_out(self, statement: str, name: str) -> None:
        try:
            export = self._files.export(name, Csv())
        except GuacrError as error:
            self._lines.fail(str(error))
            return
        self._adapter.output = export.write_raw
        whole = False
        try:
            whole = await self._show(statement)
            if whole:
                await export.end()
        except LostError:
            raise
        except GuacrError as error:  # the person's client
            self._lines.fail(str(error))
            whole = False
            await self._adapter.cancel()
        finally:
            self._adapter.output = None
            if not whole:
                export.abort()
        if not whole:
            self._lines.fail(f"{name} is not whole")

    # ---- about the database

    async def _use(self, database: str) -> None:
        if not self._adapter.use_database or not database:
            self._lines.print(f"You are connected to {self._adapter.title}.")
            return
        before = self._adapter.database
        self._transaction = self._adapter.transaction
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


_OFF = {"off", "0", "false", "no", "f", "n", "of"}
_COPY_IN = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*copy\b[^;]*?\bfrom\s+stdin\b[^;\n]*", re.IGNORECASE | re.DOTALL
)
"""What data may follow."""
_COPY = re.compile(
    r"(?P<what>\(.*\)|.*?(?:\([^()]*\))?)\s+(?P<way>from|to)\s+(?P<file>'[^']+'|(?!program\b)[^\s']+)"
    r"(?P<rest>\s.*)?",
    re.IGNORECASE | re.DOTALL,
)


_COMMANDS: dict[str, Callable[[Console, str], Awaitable[None]]] = {
    "q": Console._leave,
    "quit": Console._leave,
    "exit": Console._leave,
    "?": Console._help,
    "h": Console._help,
    "help": Console._help,
    "c": Console._use,
    "connect": Console._use,
    "conninfo": Console._tell,
    "export": Console._export,
    "i": Console._include,
    "o": Console._redirect,
    "x": Console._expand,
    "pset": Console._set,
    "timing": Console._time,
    "copy": Console._copy,
    "delimiter": Console._delimit,
    "echo": Console._echo,
    "encoding": Console._encode,
    "r": Console._clear,
    "set": Console._variable,
    "unset": Console._unset,
    "restrict": Console._restrict,
    "unrestrict": Console._unrestrict,
}
