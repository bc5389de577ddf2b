"""Commands that set and use variables."""

from __future__ import annotations

from guacr.api import GuacrError
from handlers.database.adapter import Column, Row
from handlers.database.console.lines import Lines
from handlers.database.console.table import shown
from handlers.database.console.variables import Variables, arguments

_OFF = {"off", "0", "false", "no", "f", "n", "of"}


class VariableCommands:
    """The variables of a console, and the commands that set or use them."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.values = Variables()

    @property
    def stops_on_error(self) -> bool:
        """True if execution stops after a failure."""
        return self.values.get("ON_ERROR_STOP", "off").lower() not in _OFF

    async def set(self, argument: str) -> None:
        """Set a variable, or list all."""
        name, *values = arguments(argument, self.values) or [""]
        if name:
            self._put(name, "".join(values))
            return
        for known, value in sorted(self.values.items()):
            self._lines.print(f"{shown(known)} = '{shown(value)}'")

    async def unset(self, argument: str) -> None:
        """Remove a variable."""
        self.values.pop(argument, None)

    async def echo(self, argument: str) -> None:
        """Print arguments."""
        words = arguments(argument, self.values)
        more = words[:1] != ["-n"]
        self._lines.print("\n".join(map(shown, " ".join(words[not more :]).split("\n"))) or " ")

    def keep_row(self, results: list[tuple[tuple[Column, ...], list[Row]]], prefix: str) -> bool:
        """Set variables from the only row; return whether there was exactly one."""
        rows = results[-1][1] if results else []
        if len(rows) != 1:
            self._lines.fail(f"{'more than one row' if rows else 'no rows'} returned for \\gset")
            return False
        for column, value in zip(results[-1][0], rows[0], strict=True):
            if value is None:
                self.values.pop(prefix + column.name, None)
            elif not self._put(prefix + column.name, value):
                return False
        return True

    def _put(self, name: str, value: str) -> bool:
        try:
            self.values.put(name, value)
        except GuacrError as error:
            self._lines.fail(str(error))
            return False
        return True
