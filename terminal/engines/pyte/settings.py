"""Settings and capabilities that the host of a pyte terminal queries."""

from __future__ import annotations

import binascii

from terminal.engines.pyte.calls import Calls
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import SIDES, Modes
from terminal.engines.pyte.rectangles import Rectangles
from terminal.engines.reports import setting_report
from terminal.engines.sgr import sgr_of

MAX_CAPABILITIES = 16
"""Maximum names in one XTGETTCAP; further ones are ignored."""

_CAPABILITIES = {"Co": "256", "colors": "256", "RGB": "8"}
"""The capabilities that XTGETTCAP reports."""


class Settings:
    """Replies to device control strings: DECRQSS and XTGETTCAP."""

    def __init__(
        self,
        calls: Calls,
        grid: Grid,
        cursor: Cursor,
        margins: Margins,
        modes: Modes,
        *,
        rectangles: Rectangles,
    ) -> None:
        self._calls = calls
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self._rectangles = rectangles

    def dcs(self, text: str, _terminator: str) -> None:
        """A device control string."""
        if text.startswith("$q"):
            value = self._setting(text[2:])
            found = "0$r" if value is None else f"1$r{value}{text[2:]}"
            self._calls.send(f"\x1bP{found}\x1b\\")
        elif text.startswith("+q"):
            for name in text[2:].split(";")[:MAX_CAPABILITIES]:
                self._capability(name)

    def _setting(self, what: str) -> str | None:
        margins, cursor, modes = self._margins, self._cursor, self._modes
        if what == "s" and not modes.private(SIDES):
            return None
        shape = 2 * ((max(cursor.shape, 1) + 1) // 2) - modes.private(12)
        own = {
            "m": sgr_of(cursor.pen.style),
            "r": f"{margins.top + 1};{margins.bottom + 1}",
            "s": f"{margins.left + 1};{margins.right + 1}",
            " q": str(shape),
        }
        return own.get(what) or setting_report(
            what,
            rows=self._grid.lines,
            columns=self._grid.columns,
            protected=cursor.pen.protected,
            rectangle=self._rectangles.restyles_rectangles,
            level=modes.level,
        )

    def _capability(self, name: str) -> None:
        try:
            value = _CAPABILITIES.get(binascii.unhexlify(name).decode("latin-1"))
        except (binascii.Error, ValueError):
            value = None
        if value is None:
            self._calls.send("\x1bP0+r\x1b\\")
        else:
            self._calls.send(f"\x1bP1+r{name}={value.encode().hex().upper()}\x1b\\")
