"""Rectangle functions of DEC's VT420 for the pyte engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from terminal.engines import checksums
from terminal.engines.checksums import checksum
from terminal.engines.contents import Style
from terminal.engines.pyte.charsets import Charsets
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.editing import Editing, Protection
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import ORIGIN, Modes
from terminal.engines.pyte.pens import Pen
from terminal.engines.pyte.rows import BLANK, HEAD, SPACER, Line
from terminal.engines.rectangles import Rectangle, changed, flipped

_TEXTS = {BLANK: "", HEAD: "", SPACER: checksums.SPACER}


class Rectangles:
    """Fills, copies, erases and restyles rectangles of cells."""

    def __init__(
        self,
        grid: Grid,
        cursor: Cursor,
        margins: Margins,
        modes: Modes,
        *,
        charsets: Charsets,
        editing: Editing,
    ) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self._charsets = charsets
        self._editing = editing
        self.restyles_rectangles = False
        """True if DECCARA and DECRARA change a rectangle, or the text between two cells
        (DECSACE)."""

    def reset(self) -> None:
        """Restyle text between cells, the default."""
        self.restyles_rectangles = False

    def _area(self, corners: Sequence[int]) -> Rectangle:
        """The rectangle of four parameters, relative to the screen or, in origin mode, to the
        region."""
        screen = Rectangle(0, 0, self._grid.lines - 1, self._grid.columns - 1)
        if ORIGIN in self._modes:
            margins = self._margins
            screen = Rectangle(margins.top, margins.left, margins.bottom, margins.right)
        return screen.cut(corners)

    def fill_rectangle(self, code: int = 0, *corners: int) -> None:
        """DECFRA, with a character of ASCII or Latin-1."""
        if not (32 <= code <= 126 or 160 <= code <= 255):
            return
        char = self._charsets.in_shifted(chr(code))
        area = self._area(corners)
        count = area.width
        for line in self._grid.touched(area):
            line.erase(area.left, area.right + 1, self._cursor.pen)
            line.cells[area.left : area.right + 1] = char * count

    def erase_rectangle(self, *corners: int) -> None:
        """DECERA."""
        area = self._area(corners)
        for line in self._grid.touched(area):
            line.erase(area.left, area.right + 1, self._cursor.pen.blank)

    def selective_erase_rectangle(self, *corners: int) -> None:
        """DECSERA: erase characters that DECSCA does not protect; their styles remain."""
        area = self._area(corners)
        for line in self._grid.touched(area):
            if self._editing.protection is Protection.DEC:
                line.erase_unprotected(area.left, area.right + 1, None)
            else:
                line.blank(area.left, area.right + 1)

    def copy_rectangle(self, *parameters: int) -> None:
        """DECCRA; there is only one page."""
        source = self._area(parameters[:4])
        target = self._area(parameters[5:7])
        height = min(source.bottom - source.top, target.bottom - target.top) + 1
        width = min(source.right - source.left, target.right - target.left) + 1
        if height < 1 or width < 1:
            return
        end = source.left + width
        lines = self._grid.rows[source.top : source.top + height]
        rows = [(_clipped(line, source.left, end), line.pens[source.left : end]) for line in lines]
        area = Rectangle(target.top, target.left, target.top + height - 1, target.left + width - 1)
        for line, (cells, pens) in zip(self._grid.touched(area), rows, strict=True):
            line.cut(area.left, area.right + 1)
            line.cells[area.left : area.right + 1] = cells
            line.pens[area.left : area.right + 1] = pens

    # Attributes

    def set_attribute_extent(self, how: int = 0, *_: int) -> None:
        """DECSACE."""
        if how <= 2:
            self.restyles_rectangles = how == 2

    def change_attributes(self, *parameters: int) -> None:
        """DECCARA."""
        self._restyle(parameters[:4], lambda style: changed(style, parameters[4:]))

    def reverse_attributes(self, *parameters: int) -> None:
        """DECRARA."""
        self._restyle(parameters[:4], lambda style: flipped(style, parameters[4:]))

    def _restyle(self, corners: tuple[int, ...], change: Callable[[Style], Style]) -> None:
        """Change the pens of a rectangle, or of the text from its first cell to its last."""
        area = self._area(corners)
        sides = (0, self._grid.columns - 1)
        if ORIGIN in self._modes:
            sides = (self._margins.left, self._margins.right)
        pens = self._grid.pens
        known: dict[Pen, Pen] = {}
        self._grid.work += len(area.rows) * self._grid.columns
        for row, first, last in area.spans(self.restyles_rectangles, *sides):
            line = self._grid.rows[row]
            for pen in set(line.pens[first : last + 1]) - known.keys():
                known[pen] = pens.pen(change(pen.style), pen.link, protected=pen.protected)
            _repaint(line, first, [known[pen] for pen in line.pens[first : last + 1]])
        self._grid.dirty.update(area.rows)

    def checksum_of(self, *corners: int) -> int:
        """The checksum of DECRQCRA."""
        area = self._area(corners)
        # Cells are processed one by one, which takes about ten times as long.
        self._grid.work += 10 * len(area.rows) * self._grid.columns
        return checksum(
            (_TEXTS.get(cell, cell), pen.style)
            for line in self._grid.rows[area.top : area.bottom + 1]
            for cell, pen in zip(
                line.cells[area.left : area.right + 1],
                line.pens[area.left : area.right + 1],
                strict=True,
            )
        )


def _repaint(line: Line, first: int, pens: list[Pen]) -> None:
    """Give cells from the first on other pens; blanks that show more than a background become
    spaces."""
    end = first + len(pens)
    line.pens[first:end], line.origin = pens, None
    if any(pen.blank is not pen for pen in set(pens)):
        line.cells[first:end] = [
            " " if cell == BLANK and pen.blank is not pen else cell
            for cell, pen in zip(line.cells[first:end], pens, strict=True)
        ]


def _clipped(line: Line, start: int, end: int) -> list[str]:
    """A range of cells without halves of wide characters."""
    cells = [BLANK if cell == HEAD else cell for cell in line.cells[start:end]]
    if cells[0] == SPACER:
        cells[0] = BLANK
    if end < len(line.cells) and line.cells[end] == SPACER:
        cells[-1] = BLANK
    return cells
