"""The cells of the pyte engine: the rows of both screens, and the scrollback above them."""

from __future__ import annotations

from collections.abc import Iterator

from terminal.engines.pyte.pens import Pen, Pens
from terminal.engines.pyte.rows import BLANK, HEAD, SPACER, Kept, Line, Scrollback, pack, unpack
from terminal.engines.pyte.tracking import Tracking
from terminal.engines.rectangles import Rectangle


class Grid:
    """The rows of the displayed and of the other screen. It knows neither cursor nor margins."""

    def __init__(self, columns: int, lines: int, scrollback: int) -> None:
        self.columns = columns
        self.lines = lines
        self.pens = Pens()
        self.scrollback = Scrollback(scrollback)
        self.tracking = Tracking()
        self.on_alternate = False
        self.dirty: set[int] = set()
        """Rows that have changed since it was cleared."""
        self.work = 0
        """Cells that costly functions have processed since this was set to 0."""
        self.rows: list[Line] = []
        self.hidden_rows: list[Line] | None = None
        """The rows of the screen that is not displayed; None until the alternate one is."""
        self.reset()

    def reset(self) -> None:
        """Display a blank primary screen, and drop the scrollback."""
        self.on_alternate = self.tracking.alternate = False
        self.hidden_rows = None
        self.scrollback.clear()
        self.clear()

    def clear(self) -> None:
        """Clear the displayed screen, in the plain pen."""
        self.rows = self.blank_rows(self.lines, self.pens.plain)
        self.touch_all()

    def settle(self, columns: int, lines: int) -> None:
        """Adopt another size, which all rows already have."""
        self.columns, self.lines = columns, lines
        self.tracking.renumbered += 1
        self.dirty.clear()
        self.touch_all()

    def touch_all(self) -> None:
        """Mark all rows as changed."""
        self.dirty.update(range(self.lines))

    def touched(self, area: Rectangle) -> Iterator[Line]:
        """The rows of a rectangle, ready to be changed between its sides."""
        self.dirty.update(area.rows)
        self.work += len(area.rows) * self.columns
        for line in self.rows[area.top : area.bottom + 1]:
            if area.right == self.columns - 1:
                line.wrapped = False
            yield line

    def blank_rows(self, count: int, blank: Pen) -> list[Line]:
        """New rows, blank in a pen."""
        if count > 1:
            self.work += count * self.columns
        return [Line(self.columns, blank) for _ in range(count)]

    def show(self, alternate: bool) -> None:
        """Switch to the alternate screen, or back to the primary one."""
        other = self.hidden_rows
        if other is None:
            other = self.blank_rows(self.lines, self.pens.plain)
        self.hidden_rows, self.rows = self.rows, other
        self.on_alternate = self.tracking.alternate = alternate
        self.touch_all()

    @property
    def screen_top(self) -> int:
        """The number of the first row of the screen, counted since the start; see `Tracking`."""
        if self.on_alternate:
            return self.tracking.alternate_top
        return self.scrollback.dropped + len(self.scrollback.rows)

    @property
    def above(self) -> int:
        """The number of scrollback rows above the displayed screen."""
        return 0 if self.on_alternate else len(self.scrollback.rows)

    def oldest(self, alternate: bool) -> int:
        """The number of the oldest row of the primary or the alternate screen."""
        return self.tracking.alternate_top if alternate else self.scrollback.dropped

    def line_at(self, row: int) -> Line | None:
        """A row to read, counted from the oldest one; None if it does not exist."""
        above = self.above
        if 0 <= row < above:
            return unpack(self.scrollback.rows[row], self.columns, self.pens)
        return self.rows[row - above] if 0 <= row - above < self.lines else None

    # Scrolling

    def shift_up(self, top: int, bottom: int, count: int, blank: Pen, keep: bool = False) -> None:
        """Remove rows from the top of a region; with `keep` they go to the scrollback."""
        gone = self.rows[top : top + count]
        del self.rows[top : top + count]
        self.rows[bottom - count + 1 : bottom - count + 1] = self.blank_rows(count, blank)
        self.dirty.update(range(top, bottom + 1))
        if keep:
            self._push(gone)
            if bottom < self.lines - 1:
                self.tracking.shift(self.screen_top + bottom - count + 1, count)
        else:
            self.tracking.cut(self.screen_top + top, self.screen_top + bottom, -count)

    def shift_down(self, top: int, bottom: int, count: int, blank: Pen) -> None:
        """Insert `count` blank rows at the top of a region; those pushed out are lost."""
        del self.rows[bottom - count + 1 : bottom + 1]
        self.rows[top:top] = self.blank_rows(count, blank)
        self.part(top, bottom)
        self.dirty.update(range(top, bottom + 1))
        self.tracking.cut(self.screen_top + top, self.screen_top + bottom, count)

    def shift_cells(self, area: Rectangle, count: int, blank: Pen) -> None:
        """Move the cells of a rectangle up by `count` rows, or down if it is negative."""
        rows = self.rows[area.top : area.bottom + 1]
        start, end = area.left, area.right + 1
        self.work += len(rows) * self.columns
        for line in rows:
            line.part(start)
            line.part(end)
        moved = [(line.cells[start:end], line.pens[start:end]) for line in rows]
        empty = [([BLANK] * area.width, [blank] * area.width) for _ in range(abs(count))]
        moved = moved[count:] + empty if count > 0 else empty + moved[:count]
        for line, (cells, pens) in zip(rows, moved, strict=True):
            line.cells[start:end], line.pens[start:end] = cells, pens
        self.part(area.top, area.bottom)
        self.dirty.update(area.rows)

    def part(self, top: int, bottom: int) -> None:
        """Unwrap the rows of a region, because rows inside it have moved."""
        for line in self.rows[top : bottom + 1]:
            line.wrapped = False
            line.cells[-1] = BLANK if line.cells[-1] == HEAD else line.cells[-1]

    def unmark_row_above(self, row: int) -> None:
        """Remove the mark at the end of the row above if a wide character at the start of this row
        is about to be overwritten."""
        if row and self.columns > 1 and self.rows[row].cells[1] == SPACER:
            above = self.rows[row - 1]
            above.cells[-1] = BLANK if above.cells[-1] == HEAD else above.cells[-1]
            self.dirty.add(row - 1)

    def _push(self, lines: list[Line]) -> None:
        """Add rows that leave the screen at the top to the scrollback."""
        if self.on_alternate or not self.scrollback.limit:
            self.keep([""] * len(lines))
        else:
            self.keep([pack(line, self.pens) for line in lines])

    def keep(self, rows: list[Kept]) -> None:
        """Add packed rows to the scrollback; the alternate screen has none."""
        if self.on_alternate:
            self.tracking.alternate_top += len(rows)
        else:
            self.scrollback.extend(rows)
