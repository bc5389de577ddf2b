"""The state that DECSC saves, in the pyte engine."""

from __future__ import annotations

from dataclasses import dataclass

from terminal.engines.pyte.charsets import ASCII, Charsets, Designations
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.modes import ORIGIN, SIDES, Modes
from terminal.engines.pyte.pens import Pen
from terminal.engines.pyte.regions import Regions


@dataclass(frozen=True, slots=True)
class Saved:
    """A cursor, and the state saved with it; None is the plain pen."""

    column: int = 0
    row: int = 0
    pending: bool = False
    pen: Pen | None = None
    origin: bool = False
    charsets: Designations = ASCII


class SavedCursors:
    """The saved cursor of each screen."""

    def __init__(
        self, grid: Grid, cursor: Cursor, modes: Modes, *, charsets: Charsets, regions: Regions
    ) -> None:
        self._grid = grid
        self._cursor = cursor
        self._modes = modes
        self._charsets = charsets
        self._regions = regions
        self.reset()

    def reset(self) -> None:
        """Discard both."""
        self._saved = {False: Saved(), True: Saved()}

    def forget(self) -> None:
        """Discard that of the displayed screen."""
        self._saved[self._grid.on_alternate] = Saved()

    def save_cursor(self) -> None:
        """DECSC."""
        cursor = self._cursor
        self._saved[self._grid.on_alternate] = Saved(
            cursor.x,
            cursor.y,
            cursor.pending,
            cursor.pen,
            ORIGIN in self._modes,
            self._charsets.save(),
        )

    def save_cursor_or_margins(self, left: int = 0, right: int = 0, *_: int) -> None:
        """DECSLRM if side margins are enabled, otherwise SCOSC."""
        if self._modes.private(SIDES):
            self._regions.set_sides(left, right)
        elif not left and not right:
            self.save_cursor()

    def restore_cursor(self, *_: int) -> None:
        """DECRC and SCORC."""
        saved, cursor = self._saved[self._grid.on_alternate], self._cursor
        cursor.x = min(saved.column, self._grid.columns - 1)
        cursor.y = min(saved.row, self._grid.lines - 1)
        cursor.pending = saved.pending
        cursor.pen = saved.pen or self._grid.pens.plain
        self._charsets.restore(saved.charsets)
        self._modes.turn(ORIGIN, saved.origin)

    def exchange(self, save: bool) -> None:
        """Mode 1048: save the cursor, or restore it."""
        (self.save_cursor if save else self.restore_cursor)()
