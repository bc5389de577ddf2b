r"""Results that are not just shown: `\gset`, `\gexec` and `\crosstabview`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from guacr.errors import GuacrError
from handlers.database.adapter import Column, Columns, Event, Row, Rows
from handlers.database.crosstab import ARGUMENTS_MAX, Crosstab
from handlers.database.lines import Lines
from handlers.database.results import Manner
from handlers.database.running import Runner
from handlers.database.statements import Statement
from handlers.database.table import shown
from handlers.database.variable_commands import VariableCommands
from handlers.database.variables import arguments


class UsedResults:
    """Runs statements whose results are used.

    Args:
        runner: runs them.
        variables: take the values of a row.
        lines: takes errors and remarks.
    """

    def __init__(self, runner: Runner, variables: VariableCommands, lines: Lines) -> None:
        self._runner = runner
        self._variables = variables
        self._lines = lines

    async def use(self, statement: Statement, stops: Callable[[], bool]) -> bool:
        """Run a statement; its results set variables, are run or become a grid. Whether all
        succeeded; `stops` tells after a failure whether what follows is not run.

        Raises:
            LostError: the server is gone.
        """
        text = statement.text or self._runner.last
        results: list[tuple[tuple[Column, ...], list[Row]]] = []
        if not text or not await self._runner.once(text, Manner(into=results)):
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
        """Show the last result as a grid, and others as they are; whether it makes one."""
        if not results:
            return True
        wanted = arguments(argument, self._variables.values)
        for extra in wanted[ARGUMENTS_MAX:]:
            self._lines.note(f'\\crosstabview: extra argument "{shown(extra[:40])}" ignored')
        shower = self._runner.results
        for columns, rows in results[:-1]:
            await shower.show(_again(columns, rows), Manner())
        try:
            grid = Crosstab(*results[-1], wanted[:ARGUMENTS_MAX], shower.null)
        except GuacrError as error:
            self._lines.fail(f"\\crosstabview: {error}")
            return False
        await shower.show(grid.events(), Manner())
        return True


async def _again(columns: tuple[Column, ...], rows: list[Row]) -> AsyncIterator[Event]:
    """A result that was kept, as one that comes."""
    yield Columns(columns)
    yield Rows(rows, last=True)
