"""The alternate screen of the pyte engine."""

from __future__ import annotations

from terminal.engines.pyte.editing import Editing
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.saved import SavedCursors


class AlternateScreen:
    """Switches between the screens, in three ways."""

    def __init__(self, grid: Grid, saved: SavedCursors, editing: Editing) -> None:
        self._grid = grid
        self._saved = saved
        self._editing = editing

    def show(self, on: bool) -> None:
        """Mode 47: the alternate screen keeps its contents."""
        if on is not self._grid.on_alternate:
            self._grid.show(on)

    def show_and_clear_after(self, on: bool) -> None:
        """Mode 1047: the alternate screen is cleared on leaving it."""
        if on is not self._grid.on_alternate:
            if not on:
                self._editing.erase_in_display(2)
            self._grid.show(on)

    def show_cleared(self, on: bool) -> None:
        """Mode 1049: the alternate screen is cleared on entering it, and the cursor is saved."""
        if on:
            self._saved.save_cursor()
            self.show(on)
            self._grid.clear()
        else:
            self.show(on)
            self._saved.restore_cursor()
