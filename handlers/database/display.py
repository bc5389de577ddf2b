"""Commands that say how results are shown."""

from __future__ import annotations

from handlers.database.lines import Lines
from handlers.database.results import Expanded
from handlers.database.running import Runner
from handlers.database.table import shown

NULL_MAX = 40
"""Characters that may stand for NULL."""


class Display:
    """How a console shows results, and whether it tells how long they took."""

    def __init__(self, runner: Runner, lines: Lines) -> None:
        self._runner = runner
        self._lines = lines

    async def expand(self, argument: str) -> None:
        """Show records below each other: always, never, or where tables are too wide."""
        results = self._runner.results
        off = results.expanded is not Expanded.OFF
        try:
            results.expanded = Expanded(argument or ("off" if off else "on"))
        except ValueError:
            self._lines.fail("\\x takes on, off or auto")
            return
        how = "used automatically" if results.expanded is Expanded.AUTO else results.expanded.value
        self._lines.print(f"Expanded display is {how}.")

    async def set_null(self, argument: str) -> None:
        """Set what stands for NULL."""
        name, _, text = argument.partition(" ")
        if name not in ("", "null"):
            self._lines.fail("\\pset knows null alone: \\pset null TEXT")
            return
        if text.strip():
            self._runner.results.null = shown(text.strip().strip("'")[:NULL_MAX])
        self._lines.print(f'Null display is "{self._runner.results.null}".')

    async def time(self, argument: str) -> None:
        """Show how long statements take, or not."""
        if argument not in ("", "on", "off"):
            self._lines.fail("\\timing takes on or off")
            return
        runner = self._runner
        runner.timing = argument == "on" if argument else not runner.timing
        self._lines.print(f"Timing is {'on' if runner.timing else 'off'}.")
