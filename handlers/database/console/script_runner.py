"""Run the statements of a text or a script, and the commands between them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol

from guacr.api import GuacrError, OverrunError, compute
from handlers.database.adapter import Adapter, LostError, Transaction
from handlers.database.console.commands import Command, parse
from handlers.database.console.files import SCRIPT_MAX
from handlers.database.console.lines import Lines
from handlers.database.console.retry import Retry, rest, rest_of_script
from handlers.database.console.running import Runner
from handlers.database.console.scripts import STATEMENT_MAX, Source, Typed, Upload
from handlers.database.console.used_results import UsedResults
from handlers.database.console.variable_commands import VariableCommands
from handlers.database.sql.splitter import Splitter, split
from handlers.database.sql.statements import LEADING, Statement

COPY_IN = re.compile(LEADING + r"copy\b[^;]*?\bfrom\s+stdin\b[^;\n]*", re.IGNORECASE | re.DOTALL)
"""Matches statements that data may follow."""
SPLIT_HERE = 65_536
"""Characters up to which a line is split at once; longer ones use a thread."""
LINES_AT_ONCE = 256
"""Lines of a script after which others have their turn."""
RESTRICTED = "backslash commands are restricted; only \\unrestrict is allowed"


class Dialogue(Protocol):
    """The interface of the console for statements."""

    async def command(self, command: Command) -> bool:
        """Execute a command; return whether it succeeded."""

    async def ask_data(self) -> str | None:
        """Read a line of data for COPY; None at the end."""

    async def lose(self, error: GuacrError, again: Retry, *, unknown: bool = False) -> None:
        """Handle a lost connection."""

    def learn(self) -> None:
        """Fetch the names again, because they may have changed."""

    def retype(self, text: str) -> None:
        """Put a text into the next prompt."""

    @property
    def ended(self) -> bool:
        """True if the console has ended."""


class ScriptRunner:
    """Runs statements from any source.

    Args:
        dialogue: the console that they belong to.
        adapter: the database.
        runner: runs each.
        variables: psql's variables.
        lines: prints errors and notes.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        adapter: Adapter,
        runner: Runner,
        variables: VariableCommands,
        lines: Lines,
    ) -> None:
        self._dialogue = dialogue
        self._adapter = adapter
        self._runner = runner
        self._variables = variables
        self._lines = lines
        self._used = UsedResults(runner, variables, lines)
        self.restricted = ""
        """The key that allows commands again."""

    async def run_text(self, text: str, command: str = "") -> bool:
        """Run typed statements, of a `command` if given; return whether all of them succeeded."""
        source = Typed(text, self._dialogue.ask_data)
        return await self._run_all(source, lambda done, line: rest(text, done, command))

    async def run_upload(self, upload: Upload) -> None:
        """Run a script while it is being uploaded."""
        adapter = self._adapter
        outside = adapter.transaction is Transaction.NONE
        outer, adapter.in_script = adapter.in_script, True
        try:
            await self._run_all(upload, lambda done, line: rest_of_script(line))
        finally:
            upload.stop()
            adapter.in_script, self.restricted = outer, ""
        if outside and adapter.transaction is not Transaction.NONE:
            self._lines.fail(
                "the script has left a transaction open: end it with COMMIT or ROLLBACK"
            )

    async def _run_all(self, source: Source, again: Callable[[int, int], Retry]) -> bool:
        """Run statements, like psql also after a failure; return whether all succeeded. If the
        connection is lost, `again` is called with the position and line up to which the text was
        executed, not counting an open transaction.
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
            await self._dialogue.lose(error, again(*done), unknown=unknown)
            return False
        except GuacrError as error:  # raised by the source
            self._lines.fail(str(error))
            whole = False
        finally:
            adapter.input, runner.stop = outer
            if alters:
                self._dialogue.learn()
        return whole

    @property
    def _stops(self) -> bool:
        """True if execution stops after a failure."""
        return self._variables.stops_on_error or self._dialogue.ended or self._runner.interrupted

    async def _statements(self, source: Source) -> AsyncIterator[Statement]:
        """The statements of a source, each parsed after the previous ones have been run.

        Raises:
            GuacrError: the source cannot be read.
        """
        dialect = self._adapter.spoken
        if dialect.lines or dialect.splits is not None:
            text = await source.text(SCRIPT_MAX)
            for statement in (await compute(split, text, dialect))[0]:
                yield statement
            return
        splitter = Splitter(dialect, self._variables.values)
        while (line := await source.line()) is not None:
            splitter.dialect = self._adapter.spoken
            splitter.line = source.number - 1  # COPY has read lines, too
            found: Iterable[Statement] = splitter.feed(line)
            if len(line) > SPLIT_HERE:
                found = await compute(list, found)
            for statement in found:
                yield statement
            if splitter.length > STATEMENT_MAX:
                raise OverrunError(f"the statement is longer than {STATEMENT_MAX} bytes")
            if source.number % LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
        if (last := splitter.last()) is not None:
            yield last

    async def _run_one(self, statement: Statement, source: Source) -> bool:
        """Run a statement, or a command between statements; return whether it succeeded.

        Raises:
            LostError: the server is gone.
        """
        where, name = self._lines.where, source.name
        self._lines.where = f"{name}:{statement.line}: " if name else where
        source.taken = False
        try:
            if statement.is_command:
                command = parse(statement.text, tabular=True)
                return (
                    command is not None
                    and await self._dialogue.command(command)
                    and not self._dialogue.ended
                )
            if self.restricted and (statement.how or statement.interval is not None):
                self._lines.fail(RESTRICTED)
                return False
            if statement.how == "e":
                self._dialogue.retype(statement.text or self._runner.last)
                return True
            if statement.how:
                return await self._used.use(statement, lambda: self._stops)
            succeeded = await self._runner.run(statement)
            copies = self._adapter.spoken.dollars and COPY_IN.match(statement.text) is not None
            if copies and not succeeded and (source.copying or not source.taken):
                await source.skip_data()
            return succeeded
        finally:
            self._lines.where = where

    async def restrict(self, key: str) -> None:
        r"""Allow only `\unrestrict` with the same key, as requested by scripts of pg_dump."""
        if not key:
            self._lines.fail("\\restrict takes a key")
        self.restricted = key

    async def unrestrict(self, key: str) -> None:
        """Allow commands again."""
        if key != self.restricted or not key:
            self._lines.fail("\\unrestrict takes the key that \\restrict was given")
        else:
            self.restricted = ""
