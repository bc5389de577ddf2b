"""The cells of the pyte engine: pyte's screen on rows of lists, with all that moves them."""

from __future__ import annotations

from terminal.pyte_library import Screen
from terminal.pyte_pens import Pen, Pens
from terminal.pyte_rows import (
    BLANK,
    HEAD,
    SPACER,
    Kept,
    Line,
    Scrollback,
    pack,
)
from terminal.pyte_tracking import Tracking
from terminal.pyte_widths import MAX_CLUSTER, NARROW, attaches, joined_width, joins, width_of
from terminal.widths import CLUSTERS

INSERT = 4
"""IRM, as pyte numbers modes; private ones are shifted."""
AUTOWRAP = 7 << 5
ORIGIN = 6 << 5
CLUSTERED = CLUSTERS << 5


class PyteGrid(Screen):
    """What is written where. `cursor.x` never passes the last column: `pending` says that the next
    character goes to the next row (DEC STD 070's last column flag)."""

    def __init__(self, columns: int, rows: int, scrollback: int) -> None:
        self.pens_known = Pens()
        self.pen: Pen = self.pens_known.plain
        self.pending = False
        self.rows: list[Line] = []
        self.scrollback = Scrollback(scrollback)
        self.tracking = Tracking()
        self.on_alternate = False
        self.last_drawn = ""
        self.work = 0
        """Cells that costly functions have gone through since it was set to 0."""
        self.sides: tuple[int, int] | None = None
        """The margins at the sides: the first and the last column that scroll."""
        self.columns, self.lines = columns, rows
        self.rows = self.blank_rows(rows)
        super().__init__(columns, rows)

    @property
    def region(self) -> tuple[int, int]:
        """The first and the last row that scroll."""
        return self.margins if self.margins else (0, self.lines - 1)

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last column between the margins at the sides."""
        return self.sides or (0, self.columns - 1)

    @property
    def within_sides(self) -> bool:
        """Whether the cursor is between the margins at the sides."""
        return self.sides is None or self.sides[0] <= self.cursor.x <= self.sides[1]

    @property
    def edge(self) -> int:
        """The column at which what the cursor writes ends: behind the right margin, or the last
        column when it is beyond that."""
        if self.sides is None or self.cursor.x > self.sides[1]:
            return self.columns
        return self.sides[1] + 1

    def blank_rows(self, count: int) -> list[Line]:
        """New rows in the colour of the background."""
        if count > 1:
            self.work += count * self.columns
        return [Line(self.columns, self.pen.blank) for _ in range(count)]

    # Text

    def draw(self, data: str) -> None:
        """Write text of no control characters at the cursor."""
        if data.isascii():
            self._draw_narrow(data)
            return
        at = 0
        while at < len(data):
            if run := NARROW.match(data, at):
                self._draw_narrow(run[0])
                at = run.end()
            else:
                self._draw_other(data[at])
                at += 1

    def _draw_narrow(self, text: str) -> None:
        self.last_drawn = text[-1]
        while text:
            if self.pending and AUTOWRAP in self.mode:
                self._wrap()
            edge = self.columns if self.sides is None else self.edge
            room = edge - self.cursor.x
            if len(text) > room and AUTOWRAP not in self.mode:
                text = text[: room - 1] + text[-1]
            if INSERT in self.mode:
                room = self._insert(min(len(text), room))
            part, text = text[:room], text[room:]
            self._put(part, edge)

    def _insert(self, count: int) -> int:
        """Make room for so many characters, before the left margin up to that; gives how many."""
        before = self.span[0] - self.cursor.x
        count = min(count, before) if before > 0 else count
        self.insert_characters(count)
        return count

    def _put(self, part: str, edge: int) -> None:
        """Write characters of one cell each that fit before the edge."""
        start, count = self.cursor.x, len(part)
        end, line = start + count, self.rows[self.cursor.y]
        if start < 2:
            self._behead(line)
        line.cut(start, end, self.pen.blank)
        line.cells[start:end] = part
        line.pens[start:end] = [self.pen] * count
        self.dirty.add(self.cursor.y)
        self.pending = end == edge
        self.cursor.x = end - self.pending

    def _behead(self, line: Line) -> None:
        """A wide character at the start of a row is written over: nothing more stands for it at
        the end of the row above."""
        above = self.rows[self.cursor.y - 1]
        if self.cursor.y and self.columns > 1 and line.cells[1] == SPACER:
            above.cells[-1] = BLANK if above.cells[-1] == HEAD else above.cells[-1]
            self.dirty.add(self.cursor.y - 1)

    def _draw_other(self, char: str) -> None:
        if CLUSTERED in self.mode and self._join(char):
            return
        width = width_of(char)
        if width == 0:
            if CLUSTERED not in self.mode:
                self._attach(char)
            return
        self.last_drawn = char
        if width == 1:
            self._draw_narrow(char)
        else:
            self._draw_wide(char)

    def _draw_wide(self, text: str) -> None:
        if self.pending and AUTOWRAP in self.mode:
            self._wrap()
        edge = self.edge
        if edge - self.span[0] < 2:
            return
        if self.cursor.x == edge - 1:
            if AUTOWRAP not in self.mode:
                return
            self._put(HEAD if edge == self.columns else BLANK, edge)
            self._wrap()
            edge = self.edge
        if INSERT in self.mode:
            self.insert_characters(2)
        start, line = self.cursor.x, self.rows[self.cursor.y]
        if start < 2:
            self._behead(line)
        line.cut(start, start + 2, self.pen.blank)
        line.cells[start : start + 2] = [text, SPACER]
        line.pens[start : start + 2] = [self.pen] * 2
        self.dirty.add(self.cursor.y)
        self.pending = start + 2 == edge
        self.cursor.x = start + 2 - self.pending

    def _before(self) -> int | None:
        """The column of the character before the cursor; None where nothing was written."""
        cells, x = self.rows[self.cursor.y].cells, self.cursor.x - (not self.pending)
        if x < 0:
            return None
        x -= cells[x] == SPACER
        return None if cells[x] in (BLANK, HEAD) else x

    def _attach(self, char: str) -> None:
        """Add a character that has no cell of its own to the one before the cursor."""
        x = self._before()
        if x is not None and attaches(self.rows[self.cursor.y].cells[x], char):
            self._append(x, char)

    def _append(self, x: int, char: str) -> None:
        line = self.rows[self.cursor.y]
        line.cells[x], line.origin = (line.cells[x] + char)[:MAX_CLUSTER], None
        self.dirty.add(self.cursor.y)

    def _join(self, char: str) -> bool:
        """Add a character to the cluster before the cursor, if it belongs there."""
        x, line = self._before(), self.rows[self.cursor.y]
        if x is None or not joins(before := line.cells[x], char):
            return False
        width = 1 + (x + 1 < self.columns and line.cells[x + 1] == SPACER)
        self._append(x, char)
        self._widen(line, x, width, joined_width(before, char, width))
        return True

    def _widen(self, line: Line, x: int, width: int, wanted: int) -> None:
        """Give a cluster that just grew the cells it needs now."""
        if wanted == 2 and width == 1:
            text = line.cells[x]
            line.cells[x] = BLANK
            self.cursor.x, self.pending = x, False
            self._draw_wide(text)
        elif wanted == 1 and width == 2:
            line.cells[x + 1] = BLANK
            self.cursor.x, self.pending = x + 1, False

    def _wrap(self) -> None:
        if self.cursor.x == self.columns - 1:
            self.rows[self.cursor.y].wrapped = True
        self.index()
        self.cursor.x, self.pending = self.span[0], False

    def repeat(self, count: int = 0, *_: int) -> None:
        """REP: write the last character again."""
        if self.last_drawn:
            count = min(count or 1, self.columns * self.lines)
            self.work += count
            self.draw(self.last_drawn * count)

    # Rows

    def index(self) -> None:
        """IND: down by a row; scrolls at the bottom margin."""
        top, bottom = self.region
        if self.cursor.y == bottom:
            if self.within_sides:
                self.shift_up(top, bottom, 1, keep=top == 0)
        elif self.cursor.y < self.lines - 1:
            self.cursor.y += 1

    def reverse_index(self) -> None:
        """RI: up by a row; scrolls at the top margin."""
        top, bottom = self.region
        if self.cursor.y == top:
            if self.within_sides:
                self.shift_down(top, bottom, 1)
        elif self.cursor.y:
            self.cursor.y -= 1

    def scroll_up(self, count: int = 0, *_: int) -> None:
        """SU: the region goes up."""
        top, bottom = self.region
        self.shift_up(top, bottom, count or 1, keep=top == 0)
        if top:
            self._part(top, bottom)

    def scroll_down(self, count: int = 0, *rest: int) -> None:
        """SD: the region goes down; with more parameters it is mouse highlighting."""
        if not rest:
            self.shift_down(*self.region, count or 1)

    def shift_up(self, top: int, bottom: int, count: int, keep: bool = False) -> None:
        """Take rows off the top of a region; with `keep` they go to the scrollback."""
        count = min(count, bottom - top + 1)
        if self.sides:
            self._shift_between_sides(top, bottom, count)
            return
        gone = self.rows[top : top + count]
        del self.rows[top : top + count]
        self.rows[bottom - count + 1 : bottom - count + 1] = self.blank_rows(count)
        self.dirty.update(range(top, bottom + 1))
        if keep:
            self.push(gone)
            if bottom < self.lines - 1:
                self.tracking.shift(self.screen_top + bottom - count + 1, count)
        else:
            self.tracking.cut(self.screen_top + top, self.screen_top + bottom, -count)

    def shift_down(self, top: int, bottom: int, count: int) -> None:
        """Insert blank rows at the top of a region; those pushed beyond it are gone."""
        count = min(count, bottom - top + 1)
        if self.sides:
            self._shift_between_sides(top, bottom, -count)
            return
        del self.rows[bottom - count + 1 : bottom + 1]
        self.rows[top:top] = self.blank_rows(count)
        self._part(top, bottom)
        self.dirty.update(range(top, bottom + 1))
        self.tracking.cut(self.screen_top + top, self.screen_top + bottom, count)

    def _shift_between_sides(self, top: int, bottom: int, count: int) -> None:
        """Move the cells between the margins at the sides up, or down, by so many rows."""
        left, right = self.span
        rows, blank = self.rows[top : bottom + 1], self.pen.blank
        self.work += len(rows) * self.columns
        for line in rows:
            line.part(left)
            line.part(right + 1)
        moved = [(line.cells[left : right + 1], line.pens[left : right + 1]) for line in rows]
        width = right + 1 - left
        empty = [([BLANK] * width, [blank] * width) for _ in range(abs(count))]
        moved = moved[count:] + empty if count > 0 else empty + moved[:count]
        for line, (cells, pens) in zip(rows, moved, strict=True):
            line.cells[left : right + 1], line.pens[left : right + 1] = cells, pens
        self._part(top, bottom)
        self.dirty.update(range(top, bottom + 1))

    def _part(self, top: int, bottom: int) -> None:
        """Rows that moved within a region are lines of their own."""
        for line in self.rows[top : bottom + 1]:
            line.wrapped = False
            line.cells[-1] = BLANK if line.cells[-1] == HEAD else line.cells[-1]

    def push(self, lines: list[Line]) -> None:
        """Rows leave the screen at its top."""
        if self.on_alternate or not self.scrollback.limit:
            self.keep_packed([""] * len(lines))
        else:
            self.keep_packed([pack(line, self.pens_known) for line in lines])

    def keep_packed(self, rows: list[Kept]) -> None:
        """Rows enter the scrollback; the alternate screen has none."""
        if self.on_alternate:
            self.tracking.alternate_top += len(rows)
        else:
            self.scrollback.extend(rows)

    @property
    def screen_top(self) -> int:
        """The number of the screen's first row, counted since the start; see `Tracking`."""
        if self.on_alternate:
            return self.tracking.alternate_top
        return self.scrollback.dropped + len(self.scrollback.rows)

    def insert_lines(self, count: int | None = None, *_: int) -> None:
        """IL, within the region."""
        top, bottom = self.region
        if top <= self.cursor.y <= bottom and self.within_sides:
            self.shift_down(self.cursor.y, bottom, count or 1)
            self.cursor.x, self.pending = self.span[0], False

    def delete_lines(self, count: int | None = None, *_: int) -> None:
        """DL, within the region."""
        top, bottom = self.region
        if top <= self.cursor.y <= bottom and self.within_sides:
            self.shift_up(self.cursor.y, bottom, count or 1)
            self._part(self.cursor.y, bottom)
            self.cursor.x, self.pending = self.span[0], False
