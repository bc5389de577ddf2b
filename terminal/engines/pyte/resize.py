"""Resize a pyte terminal: rewrap the primary screen, and cut the alternate one."""

from __future__ import annotations

from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.reflow import Place, reflow
from terminal.engines.pyte.rows import Kept, Line, pack, unpack
from terminal.engines.pyte.tracking import Mark


def resize(grid: Grid, cursor: Cursor, columns: int, rows: int, view: int | None) -> int | None:
    """Change the size; `view` is the number of a row, whose new number is returned."""
    if (columns, rows) == (grid.columns, grid.lines):
        return view
    primary = grid.hidden_rows if grid.on_alternate else grid.rows
    place = Place(0, 0)
    if not grid.on_alternate:
        place = Place(cursor.y, cursor.x, solid=True)
    top = Place(0, 0)
    if view is not None:
        top = Place(max(view - grid.scrollback.dropped, 0), 0)
    if cursor.pending and columns != grid.columns:
        cursor.pending = False
        place.column += not grid.on_alternate
    if primary is not None:
        primary = _primary(grid, primary, (columns, rows), place, top)
    if grid.on_alternate:
        grid.hidden_rows = primary
        lost = max(_used(grid.rows, cursor.y) - rows, 0)
        grid.rows = _cut(grid, grid.rows[lost:], columns, rows)
        grid.tracking.alternate_top += lost
        cursor.y = max(cursor.y - lost, 0)
        cursor.x = min(cursor.x, columns - 1)
    else:
        grid.rows = primary or []
        cursor.y, cursor.x = place.row, min(place.column, columns - 1)
        if grid.hidden_rows is not None:
            grid.hidden_rows = _cut(grid, grid.hidden_rows, columns, rows)
    grid.settle(columns, rows)
    return None if view is None else top.row + grid.scrollback.dropped


def _primary(
    grid: Grid, lines: list[Line], size: tuple[int, int], cursor: Place, top: Place
) -> list[Line]:
    """The rows of the primary screen in its new size; scrollback and places are updated."""
    columns, rows = size
    store = grid.scrollback
    above = len(store.rows)
    used = _used(lines, cursor.row)
    cursor.row += above
    start, at_bottom = Place(above, 0), cursor.row - above == grid.lines - 1
    marks = [mark for mark in grid.tracking.marks if not mark.alternate]
    places = [_place(mark, store.dropped) for mark in marks]
    everything: list[Kept | Line] = [*store.rows, *lines[:used]]
    if columns != grid.columns:
        kept = [cursor, top, start, *places]
        everything = reflow(everything, columns, grid.pens, kept)
    pulls = columns > grid.columns or (columns == grid.columns and at_bottom)
    above = 0 if pulls else min(start.row, len(everything) - 1)
    first = max(len(everything) - rows, above)
    plain, pens = grid.pens.plain, grid.pens
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
    """The number of rows down to the last one that is not empty, or to the cursor."""
    used = len(lines)
    while used > cursor + 1 and not lines[used - 1].length:
        used -= 1
    return used


def _cut(grid: Grid, lines: list[Line], columns: int, rows: int) -> list[Line]:
    """Cut rows to a size, or fill them with blanks."""
    plain = grid.pens.plain
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
