"""Functions that reset a pyte terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from terminal.engines.pyte.charsets import ASCII, Charsets
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.editing import Editing
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import Modes
from terminal.engines.pyte.rectangles import Rectangles
from terminal.engines.pyte.saved import SavedCursors


class Resettable(Protocol):
    """A part of a terminal with state that RIS resets."""

    def reset(self) -> object:
        """Restore the initial state."""


class Resets:
    """Resets all parts, or the state that DECSTR names. Only RIS resets `others`, and first."""

    def __init__(
        self,
        cursor: Cursor,
        margins: Margins,
        modes: Modes,
        *,
        charsets: Charsets,
        saved: SavedCursors,
        editing: Editing,
        rectangles: Rectangles,
        others: Iterable[Resettable],
    ) -> None:
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self._charsets = charsets
        self._saved = saved
        self._editing = editing
        self._rectangles = rectangles
        self._others = tuple(others)

    def full_reset(self) -> None:
        """RIS."""
        for part in (
            *self._others,
            self._cursor,
            self._margins,
            self._modes,
            self._charsets,
            self._saved,
            self._editing,
            self._rectangles,
        ):
            part.reset()

    def soft_reset(self, *_: int) -> None:
        """DECSTR (DEC STD 070)."""
        self._cursor.soft_reset()
        self._margins.reset()
        self._modes.soft_reset()
        self._charsets.restore(ASCII)
        self._saved.forget()
        self._editing.reset()
        self._rectangles.reset()

    def set_conformance_level(self, level: int = 0, *_: int) -> None:
        """DECSCL: a soft reset; the level has no effect."""
        if 61 <= level <= 65:
            self._modes.level = level
            self.soft_reset()
