"""Another size for a pyte terminal: the primary screen is wrapped anew, the alternate one cut."""

from __future__ import annotations

from terminal.pyte_reflow import Place, reflow
from terminal.pyte_rows import Kept, Line, pack, unpack
from terminal.pyte_screen import PyteScreen
from terminal.pyte_tracking import Mark


def resize(screen: PyteScreen, columns: int, rows: int, view: int | None) -> int | None:
    """Change the size; `view` is the number of a row, and where it is now is given back."""
    if (columns, rows) == (screen.columns, screen.lines):
        return view
    primary = screen.hidden_rows if screen.on_alternate else screen.rows
    cursor = Place(0, 0)
    if not screen.on_alternate:
        cursor = Place(screen.cursor.y, screen.cursor.x, solid=True)
    top = Place(0, 0)
    if view is not None:
        top = Place(max(view - screen.scrollback.dropped, 0), 0)
    if screen.pending and columns != screen.columns:
        screen.pending = False
        cursor.column += not screen.on_alternate
    if primary is not None:
        primary = _primary(screen, primary, (columns, rows), cursor, top)
    if screen.on_alternate:
        screen.hidden_rows = primary
        lost = max(_used(screen.rows, screen.cursor.y) - rows, 0)
        screen.rows = _cut(screen, screen.rows[lost:], columns, rows)
        screen.tracking.alternate_top += lost
        screen.cursor.y = max(screen.cursor.y - lost, 0)
        screen.cursor.x = min(screen.cursor.x, columns - 1)
    else:
        screen.rows = primary or []
        screen.cursor.y, screen.cursor.x = cursor.row, min(cursor.column, columns - 1)
        if screen.hidden_rows is not None:
            screen.hidden_rows = _cut(screen, screen.hidden_rows, columns, rows)
    _settle(screen, columns, rows)
    return None if view is None else top.row + screen.scrollback.dropped


def _settle(screen: PyteScreen, columns: int, rows: int) -> None:
    if columns != screen.columns:
        screen.tabstops = set(range(8, columns, 8))
    screen.columns, screen.lines = columns, rows
    screen.margins = screen.sides = None
    screen.tracking.renumbered += 1
    screen.dirty.clear()
    screen.dirty.update(range(rows))


def _primary(
    screen: PyteScreen, lines: list[Line], size: tuple[int, int], cursor: Place, top: Place
) -> list[Line]:
    """The rows of the primary screen in its new size; scrollback and places follow."""
    columns, rows = size
    store = screen.scrollback
    above = len(store.rows)
    used = _used(lines, cursor.row)
    cursor.row += above
    start, at_bottom = Place(above, 0), cursor.row - above == screen.lines - 1
    marks = [mark for mark in screen.tracking.marks if not mark.alternate]
    places = [_place(mark, store.dropped) for mark in marks]
    everything: list[Kept | Line] = [*store.rows, *lines[:used]]
    if columns != screen.columns:
        kept = [cursor, top, start, *places]
        everything = reflow(everything, columns, screen.pens_known, kept)
    pulls = columns > screen.columns or (columns == screen.columns and at_bottom)
    above = 0 if pulls else min(start.row, len(everything) - 1)
    first = max(len(everything) - rows, above)
    plain, pens = screen.pens_known.plain, screen.pens_known
    store.rows[:] = [
        pack(row, pens) if isinstance(row, Line) else row for row in everything[:first]
    ]
    if not store.limit:
        store.clear()
    for mark, place in zip(marks, places, strict=True):
        mark.column, mark.row = (
            place.column,
            (place.row + store.dropped if place.row >= 0 else None),
        )
    cursor.row -= first
    if cursor.row < 0:
        cursor.row = cursor.column = 0
    shown = [
        row if isinstance(row, Line) else unpack(row, columns, pens) for row in everything[first:]
    ]
    return shown + [Line(columns, plain) for _ in range(rows - len(shown))]


def _place(mark: Mark, dropped: int) -> Place:
    return Place(-1 if mark.row is None else mark.row - dropped, mark.column)


def _used(lines: list[Line], cursor: int) -> int:
    """Rows down to the last that holds something, or the cursor."""
    used = len(lines)
    while used > cursor + 1 and not lines[used - 1].length:
        used -= 1
    return used


def _cut(screen: PyteScreen, lines: list[Line], columns: int, rows: int) -> list[Line]:
    """Rows cut to a size or filled up with blanks."""
    plain = screen.pens_known.plain
    out = []
    for line in lines[:rows]:
        new = Line(columns, plain)
        kept = min(columns, len(line.cells))
        if kept < len(line.cells):
            line.cut(kept, kept)
        new.cells[:kept], new.pens[:kept] = line.cells[:kept], line.pens[:kept]
        new.wrapped = line.wrapped
        out.append(new)
    return out + [Line(columns, plain) for _ in range(rows - len(out))]
