"""The screen of the pyte engine: the parts that the parser drives, put together.

Each part receives the parts that it needs: first come those with the state that all share (`Grid`,
`Cursor`, `Margins`, `Modes`, `Charsets`), then those that change it, then those that reply to the
host. No part refers to the screen or to a part made after it, so that there are no reference
cycles.
"""

from __future__ import annotations

from collections.abc import Callable

from terminal.engines.emulator import EmulatorListener, EmulatorOptions
from terminal.engines.pyte.alternate import AlternateScreen
from terminal.engines.pyte.calls import Calls
from terminal.engines.pyte.charsets import Charsets
from terminal.engines.pyte.colours import HostColours
from terminal.engines.pyte.columns import Columns
from terminal.engines.pyte.commands import Commands
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.editing import Editing
from terminal.engines.pyte.flood import Flood
from terminal.engines.pyte.functions import Functions
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.keyboard import Keyboards
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import SIDES, SIZE_REPORTS, ModeFunctions, Modes
from terminal.engines.pyte.moves import Moves
from terminal.engines.pyte.readout import Readout
from terminal.engines.pyte.rectangles import Rectangles
from terminal.engines.pyte.regions import Regions
from terminal.engines.pyte.reports import Reports
from terminal.engines.pyte.resets import Resets
from terminal.engines.pyte.resize import resize
from terminal.engines.pyte.saved import SavedCursors
from terminal.engines.pyte.scrolling import Scrolling
from terminal.engines.pyte.settings import Settings
from terminal.engines.pyte.tabs import TabStops
from terminal.engines.pyte.text import PyteText
from terminal.engines.pyte.writing import Writing
from terminal.engines.titles import Titles


class PyteScreen:
    """A terminal's parts, and those of their functions that the parser calls directly."""

    def __init__(self, options: EmulatorOptions, listener: EmulatorListener) -> None:
        # Long, because it only says which part receives which others.
        self.calls = calls = Calls(listener)
        self.grid = grid = Grid(options.columns, options.rows, options.scrollback_rows)
        self.cursor = cursor = Cursor(grid.pens.plain)
        self._margins = margins = Margins(grid)
        self.modes = modes = Modes()
        self._tabs = tabs = TabStops(grid, cursor, margins, modes)
        self.keyboards = keyboards = Keyboards(grid)
        self.colours = colours = HostColours(options.colours, calls.send)
        charsets, titles = Charsets(), Titles()
        scrolling = Scrolling(grid, cursor, margins)
        editing = Editing(grid, cursor, margins, modes)
        writing = Writing(
            grid, cursor, margins, modes, charsets=charsets, scrolling=scrolling, editing=editing
        )
        moves = Moves(grid, cursor, margins, modes, scrolling)
        regions = Regions(grid, cursor, margins, moves)
        saved = SavedCursors(grid, cursor, modes, charsets=charsets, regions=regions)
        alternate = AlternateScreen(grid, saved, editing)
        rectangles = Rectangles(grid, cursor, margins, modes, charsets=charsets, editing=editing)
        self._reports = reports = Reports(
            calls, grid, cursor, margins, modes, keyboards=keyboards, colours=colours
        )
        readout = Readout(calls, titles, reports, rectangles, allowed=options.screen_reports)
        settings = Settings(calls, grid, cursor, margins, modes, rectangles=rectangles)
        commands = Commands(options, calls, cursor, grid.pens, colours=colours, titles=titles)
        effects: dict[int, Callable[[bool], None]] = {
            5: lambda _on: grid.touch_all(),
            6: lambda _on: moves.home(),
            47: alternate.show,
            SIDES: lambda on: None if on else margins.reset_sides(),
            1047: alternate.show_and_clear_after,
            1048: saved.exchange,
            1049: alternate.show_cleared,
            SIZE_REPORTS: lambda on: reports.report_size() if on else None,
        }
        mode_functions = ModeFunctions(modes, cursor, effects)
        resets = Resets(
            cursor,
            margins,
            modes,
            charsets=charsets,
            saved=saved,
            editing=editing,
            rectangles=rectangles,
            others=(grid, tabs, writing, mode_functions, keyboards, colours, titles),
        )
        self.flood = Flood(grid, cursor, margins, modes, charsets)
        self.function = Functions(
            cursor,
            (
                *(writing, moves, tabs, scrolling, editing, mode_functions, saved, regions),
                *(charsets, keyboards, rectangles, Columns(grid, cursor, margins), reports),
                *(readout, commands, resets),
            ),
        ).find
        self.draw = writing.draw
        self.select_graphic_rendition = writing.select_graphic_rendition
        self.linefeed = moves.linefeed
        self.define_charset = charsets.define_charset
        self.text = PyteText(grid.line_at)
        self.strings = {"]": commands.osc, "P": settings.dcs, "k": commands.screen_title}
        self.reset = resets.full_reset

    def resize(
        self, columns: int, rows: int, cell_size: tuple[int, int], view: int | None
    ) -> int | None:
        """Change the size; `view` is the number of a row, and where it is now is given back."""
        grid, reports = self.grid, self._reports
        before = (grid.columns, grid.lines, reports.cell_size)
        reports.cell_size = cell_size
        view = resize(grid, self.cursor, columns, rows, view)
        if (columns, rows) != before[:2]:
            self._margins.reset()
        if columns != before[0]:
            self._tabs.reset()
        if (columns, rows, cell_size) != before and self.modes.private(SIZE_REPORTS):
            reports.report_size()
        return view
