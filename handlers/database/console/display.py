"""Commands that control how results are shown."""

from __future__ import annotations

from handlers.database.adapter import Adapter
from handlers.database.console.lines import Lines
from handlers.database.console.results import Expanded
from handlers.database.console.running import Runner
from handlers.database.console.table import shown

NULL_MAX = 40
"""Maximum characters of the text for NULL."""


class Display:
    """The display options of a console."""

    def __init__(self, adapter: Adapter, runner: Runner, lines: Lines) -> None:
        self._adapter = adapter
        self._runner = runner
        self._lines = lines

    async def expand(self, argument: str) -> None:
        """Set expanded display: always, never, or for tables that are too wide."""
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
        """Set the text for NULL."""
        name, _, text = argument.partition(" ")
        if name not in ("", "null"):
            self._lines.fail("\\pset only supports null: \\pset null TEXT")
            return
        if text.strip():
            self._runner.results.null = shown(text.strip().strip("'")[:NULL_MAX])
        self._lines.print(f'Null display is "{self._runner.results.null}".')

    async def show_raw(self, argument: str) -> None:
        """Set whether replies are shown without types and quotes."""
        adapter = self._adapter
        if adapter.raw is None:
            self._lines.fail("\\raw is only for Redis: values have no other form here")
        elif argument not in ("", "on", "off"):
            self._lines.fail("\\raw takes on or off")
        else:
            adapter.raw = argument == "on" if argument else not adapter.raw
            self._lines.print(f"Raw replies are {'on' if adapter.raw else 'off'}.")

    async def time(self, argument: str) -> None:
        """Set whether the duration of statements is shown."""
        if argument not in ("", "on", "off"):
            self._lines.fail("\\timing takes on or off")
            return
        runner = self._runner
        runner.timing = argument == "on" if argument else not runner.timing
        self._lines.print(f"Timing is {'on' if runner.timing else 'off'}.")
