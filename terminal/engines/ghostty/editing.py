"""Editing functions of DEC's VT420 that libghostty lacks, expressed in sequences that it knows.

Rows are written one by one, with origin mode, autowrap, insertion and the side margins switched
off. Copied or restyled cells lose their links, and the pen its underline colour, because the
library does not report them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby

from terminal.engines import checksums
from terminal.engines.contents import Style
from terminal.engines.ghostty.screen import GhosttyScreen, ScreenCells
from terminal.engines.rectangles import Rectangle, changed, flipped
from terminal.engines.sgr import sgr_of

_INSERT, _ORIGIN, _WRAP, _SIDES = 4, 6, 7, 69
_SOFT_RESET = (
    "\x1b[?1;6;45;66;69;1045l\x1b[4l\x1b[?7;25h\x1b[r\x1b[m\x1b[0\"q"
    "\x1b(B\x1b)B\x1b*B\x1b+B\x0f\x1b[0 q\x1b[H\x1b7"
)  # fmt: skip

Cell = tuple[str | None, Style, bool]
"""Text, style and protection; see `ScreenCells.row`."""


class GhosttyEditing:
    """The editing functions; parameters are those of the sequence."""

    def __init__(self, screen: GhosttyScreen) -> None:
        self._screen = screen
        self.spent = 0
        """Cells that were read or written since this was set to 0."""
        self.reset()

    def reset(self) -> None:
        """Reset to the state after RIS."""
        self.protected = False
        self.attribute_rectangle = False

    def soft_reset(self) -> None:
        """DECSTR, except for the cursor position."""
        column, row = self._screen.cursor
        self.reset()
        self._write(_SOFT_RESET + _at(row, column))

    # Rectangles

    def fill(self, code: int, corners: list[int]) -> None:
        """DECFRA, with a character of ASCII or Latin-1."""
        if 32 <= code <= 126 or 160 <= code <= 255:
            area = self._rectangle(corners)
            with self._free():
                self._each(area, lambda row: chr(code) * area.width)

    def erase(self, corners: list[int]) -> None:
        """DECERA."""
        area = self._rectangle(corners)
        with self._free():
            self._each(area, lambda row: f"\x1b[{area.width}X")

    def erase_selectively(self, corners: list[int]) -> None:
        """DECSERA: erase characters that are not protected; their styles remain."""
        area = self._rectangle(corners)

        def erased(cell: Cell) -> Cell:
            text, style, protected = cell
            return cell if protected or text == "" else (" ", style, False)

        self._redraw(((row, area.left, area.right) for row in area.rows), erased)

    def copy(self, parameters: list[int]) -> None:
        """DECCRA; there is only one page."""
        source, target = self._rectangle(parameters[:4]), self._rectangle(parameters[5:7])
        height = min(len(source.rows), len(target.rows))
        width = min(source.width, target.width)
        if height < 1 or width < 1:
            return
        cells, end = self._cells(), source.left + width - 1
        with self._free(pen=True):
            for row in range(height):
                copied = list(cells.row(source.top + row, source.left, end))
                if cells.is_wide(source.top + row, end):
                    copied[-1] = ("", copied[-1][1], False)
                self._draw(target.top + row, target.left, copied)

    def change(self, parameters: list[int]) -> None:
        """DECCARA."""
        self._restyle(parameters[:4], lambda style: changed(style, parameters[4:]))

    def reverse(self, parameters: list[int]) -> None:
        """DECRARA."""
        self._restyle(parameters[:4], lambda style: flipped(style, parameters[4:]))

    def checksum(self, corners: list[int]) -> int:
        """The checksum of DECRQCRA."""
        area, cells = self._rectangle(corners), self._cells()
        return checksums.checksum(
            (text, style)
            for row in area.rows
            for text, style, _ in cells.row(row, area.left, area.right)
        )

    # Columns

    def shift_at_cursor(self, count: int) -> None:
        """DECIC; with a negative count, DECDC."""
        self._shift(self._screen.cursor[0], count)

    def shift(self, count: int) -> None:
        """SR; with a negative count, SL."""
        self._shift(self._screen.region.left, count)

    def back_index(self) -> None:
        """DECBI."""
        column = self._screen.cursor[0]
        if column == self._screen.region.left:
            self._shift(column, 1)
        elif column:
            self._write("\x1b[D")

    def forward_index(self) -> None:
        """DECFI."""
        column, region = self._screen.cursor[0], self._screen.region
        if column == region.right:
            self._shift(region.left, -1)
        else:
            self._write("\x1b[C")

    def _shift(self, left: int, count: int) -> None:
        """Shift the columns between the margins right, or left if negative, if the cursor is
        inside."""
        region, (column, row) = self._screen.region, self._screen.cursor
        if region.left <= column <= region.right and row in region.rows:
            final = "@" if count > 0 else "P"
            moved = f"\x1b[{min(abs(count), region.right - left + 1)}{final}"
            with self._free(sides=True):
                self._each(region._replace(left=left), lambda _row: moved)

    # Memory lock

    def lock_memory(self, locked: bool) -> None:
        """HP's memory lock: the rows above the cursor do not scroll."""
        region, (_, row) = self._screen.region, self._screen.cursor
        top = row if locked else 0
        if top < region.bottom:
            with self._free(sides=True):
                self._write(f"\x1b[{top + 1};{region.bottom + 1}r")

    # Within

    def _rectangle(self, corners: list[int]) -> Rectangle:
        within = self._screen.mode(_ORIGIN)
        return (self._screen.region if within else self._screen.whole).cut(corners)

    def _restyle(self, corners: list[int], change: Callable[[Style], Style]) -> None:
        area, whole = self._rectangle(corners), self._screen.whole
        sides = self._screen.region if self._screen.mode(_ORIGIN) else whole
        spans = area.spans(self.attribute_rectangle, sides.left, sides.right)
        known: dict[Style, Style] = {}

        def restyled(cell: Cell) -> Cell:
            text, style, protected = cell
            if style not in known:
                known[style] = change(style)
            after = known[style]
            return text if text != "" or _is_blank(after) else " ", after, protected

        self._redraw(spans, restyled)

    def _redraw(
        self, spans: Iterator[tuple[int, int, int]], change: Callable[[Cell], Cell]
    ) -> None:
        """Rewrite cells, from the first to the last column of rows."""
        cells = self._cells()
        with self._free(pen=True):
            for row, left, right in spans:
                before = list(cells.row(row, left, right))
                after = list(map(change, before))
                if after != before:
                    self._draw(row, left, after)

    def _draw(self, row: int, column: int, cells: list[Cell]) -> None:
        """Write cells; halves of wide characters at the ends become blank."""
        parts = [_at(row, column), '\x1b[m\x1b[0"q']
        before = (Style(), False)
        if cells[0][0] is checksums.SPACER:
            cells[0] = ("", *cells[0][1:])
        for (blank, style, protected), run in groupby(cells, _kind):
            texts = [text for text, _, _ in run if text is not checksums.SPACER]
            pen = (Style(background=style.background), False) if blank else (style, protected)
            if pen != before:
                parts.append(_pen(before, pen))
                before = pen
            parts.append(f"\x1b[{len(texts)}X\x1b[{len(texts)}C" if blank else "".join(texts))
        self.spent += len(cells)
        self._write("".join(parts))

    def _each(self, area: Rectangle, text: Callable[[int], str]) -> None:
        """Write something at the first cell of each row of a rectangle."""
        self._write("".join(_at(row, area.left) + text(row) for row in area.rows))
        self.spent += len(area.rows) * max(area.width, 0)

    @contextmanager
    def _free(self, *, sides: bool = False, pen: bool = False) -> Iterator[None]:
        """A context in which cells can be written anywhere, with or without the side margins and,
        with `pen`, in any style. The cursor is restored."""
        screen, region = self._screen, self._screen.region
        column, row = screen.cursor
        origin, wraps = screen.mode(_ORIGIN), screen.mode(_WRAP)
        inserts = screen.mode(_INSERT, ansi=True)
        frees = screen.mode(_SIDES) and not sides
        style = screen.setting("m") if pen else ""
        begin = ["\x1b[?6l" * origin, "\x1b[?7l" * wraps, "\x1b[4l" * inserts, "\x1b[?69l" * frees]
        self._write("".join(begin))
        yield
        end = ["\x1b[?7h" * wraps, "\x1b[4h" * inserts]
        end.append(f"\x1b[?69h\x1b[{region.left + 1};{region.right + 1}s" * frees)
        end.append(f'\x1b[{style}m\x1b[{int(self.protected)}"q' * pen)
        if origin:
            row, column = row - region.top, column - region.left
            end.append("\x1b[?6h")
        self._write("".join(end) + _at(row, column))

    def _cells(self) -> ScreenCells:
        columns, rows = self._screen.size
        self.spent += columns * rows
        return self._screen.cells()

    def _write(self, text: str) -> None:
        self._screen.write(text.encode())


def _kind(cell: Cell) -> tuple[bool, Style, bool]:
    """The key of cells that can be written together."""
    text, style, protected = cell
    return text == "", style, protected


def _is_blank(style: Style) -> bool:
    """Return whether a style is that of an erased cell."""
    return style == Style(background=style.background)


def _at(row: int, column: int) -> str:
    return f"\x1b[{row + 1};{column + 1}H"


def _pen(before: tuple[Style, bool], now: tuple[Style, bool]) -> str:
    """The sequences that change from one style and protection to another."""
    parts = f"\x1b[{sgr_of(now[0])}m" if now[0] != before[0] else ""
    return parts + (f'\x1b[{int(now[1])}"q' if now[1] != before[1] else "")
