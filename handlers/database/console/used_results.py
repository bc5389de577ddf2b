r"""Results that are used rather than shown: `\gset`, `\gexec` and `\crosstabview`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from guacr.api import GuacrError
from handlers.database.adapter import Column, Columns, Event, Row, Rows
from handlers.database.console.crosstab import ARGUMENTS_MAX, Crosstab
from handlers.database.console.lines import Lines
from handlers.database.console.results import DisplayOptions
from handlers.database.console.running import Runner
from handlers.database.console.table import shown
from handlers.database.console.variable_commands import VariableCommands
from handlers.database.console.variables import arguments
from handlers.database.sql.statements import Statement


class UsedResults:
    """Runs statements and uses their results.

    Args:
        runner: runs them.
        variables: receive the values of a row.
        lines: prints errors and notes.
    """

    def __init__(self, runner: Runner, variables: VariableCommands, lines: Lines) -> None:
        self._runner = runner
        self._variables = variables
        self._lines = lines

    async def use(self, statement: Statement, stops: Callable[[], bool]) -> bool:
        """Run a statement, and set variables from its results, run them, or show them as a grid.
        Return whether all succeeded; after a failure, `stops` returns whether to stop.

        Raises:
            LostError: the connection is lost.
        """
        text = statement.text or self._runner.last
        results: list[tuple[tuple[Column, ...], list[Row]]] = []
        if not text or not await self._runner.once(text, DisplayOptions(into=results)):
            return False
        self._runner.last = text
        if statement.how == "gset":
            return self._variables.keep_row(results, statement.argument)
        if statement.how == "crosstabview":
            return await self._show_grid(results, statement.argument)
        succeeded = True
        for _, rows in results:
            for value in (value for row in rows for value in row if value):
                succeeded = await self._runner.run(Statement(value)) and succeeded
                if not succeeded and stops():
                    return False
        return succeeded

    async def _show_grid(
        self, results: list[tuple[tuple[Column, ...], list[Row]]], argument: str
    ) -> bool:
        """Show the last result as a grid, and others unchanged; return whether it can be one."""
        if not results:
            return True
        wanted = arguments(argument, self._variables.values)
        for extra in wanted[ARGUMENTS_MAX:]:
            self._lines.note(f'\\crosstabview: extra argument "{shown(extra[:40])}" ignored')
        shower = self._runner.results
        for columns, rows in results[:-1]:
            await shower.show(_again(columns, rows), DisplayOptions())
        try:
            grid = Crosstab(*results[-1], wanted[:ARGUMENTS_MAX], shower.null)
        except GuacrError as error:
            self._lines.fail(f"\\crosstabview: {error}")
            return False
        await shower.show(grid.events(), DisplayOptions())
        return True


async def _again(columns: tuple[Column, ...], rows: list[Row]) -> AsyncIterator[Event]:
    """Replay a kept result."""
    yield Columns(columns)
    yield Rows(rows, last=True)
