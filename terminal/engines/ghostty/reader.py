"""Read changed rows from libghostty's render state, a whole row at a time."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from terminal.engines.contents import Colours, Cursor, CursorShape
from terminal.engines.ghostty.library import (
    CELL_BYTES,
    CONTENT_MASK,
    WIDTH_MASK,
    WIDTH_SHIFT,
    check,
    ffi,
    lib,
)

Cells = NDArray[np.uint64]

_SHAPES = {
    lib.GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_BAR: CursorShape.BAR,
    lib.GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_BLOCK: CursorShape.BLOCK,
    lib.GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_UNDERLINE: CursorShape.UNDERLINE,
    lib.GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_BLOCK_HOLLOW: CursorShape.HOLLOW,
}
_NO_CELLS: Cells = np.zeros((0, 0), np.uint64)
_CELL_BITS = 8 * CELL_BYTES
_SPECIAL = CONTENT_MASK | WIDTH_MASK << WIDTH_SHIFT
"""The bits that are set in cells other than a single narrow character."""
FEW_CELLS = 4
"""Neighbouring cells of a row up to which only these are read."""
READERS_MAX = 128
"""Maximum readers in a process. The least recently used one is closed to make room: its terminal,
which is probably idle, is read completely when it changes again, which takes 0.3 ms longer. With a
reader for each terminal, hundreds of sessions opened at once would all allocate this memory, and a
process does not return memory that it has allocated."""
_SIZE_OF_CURSOR = ffi.sizeof("GhosttyRenderStateCursor")
_SIZE_OF_COLOURS = ffi.sizeof("GhosttyRenderStateColors")
_STATE_KEYS = ffi.new(
    "GhosttyRenderStateData[]",
    [
        lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR,
        lib.GHOSTTY_RENDER_STATE_DATA_DIRTY,
        lib.GHOSTTY_RENDER_STATE_DATA_CURSOR,
        lib.GHOSTTY_RENDER_STATE_DATA_COLORS,
    ],
)
_ROW_KEYS = ffi.new(
    "GhosttyRenderStateRowData[]",
    [lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, lib.GHOSTTY_RENDER_STATE_ROW_DATA_ID],
)


@dataclass(slots=True)
class RawScreen:
    """The contents of the library's render state after an update."""

    rows: list[int]
    """The changed viewport rows, ascending."""
    pages: list[int]
    """The library's page of each row: style numbers are local to the page."""
    cells: Cells
    """(rows, columns)."""
    cursor: Cursor
    colours: Colours
    left: int = 0
    """The column at which `cells` begin; see `ScreenUpdate.left`."""


class ScreenReader:
    """A render state of the library, which tracks the rows of a terminal that changed since it was
    read.

    It takes about 80 bytes per cell, and is closed when `READERS_MAX` others have been read since.
    """

    _kept: ClassVar[OrderedDict[weakref.finalize[..., Any], None]] = OrderedDict()
    """The close functions of the open readers, the most recently used last."""

    def __init__(self) -> None:
        self._state = ffi.new("GhosttyRenderState*")
        self._iterator = ffi.new("GhosttyRenderStateRowIterator*")
        check(lib.ghostty_render_state_new(ffi.NULL, self._state), "start a render state")
        check(
            lib.ghostty_render_state_row_iterator_new(ffi.NULL, self._iterator),
            "start a row iterator",
        )
        self._close = weakref.finalize(self, _free, self._state[0], self._iterator[0])
        self._close.atexit = False
        self._cursor = ffi.new("GhosttyRenderStateCursor*", {"size": _SIZE_OF_CURSOR})
        self._colours = ffi.new("GhosttyRenderStateColors*", {"size": _SIZE_OF_COLOURS})
        self._dirty = ffi.new("GhosttyRenderStateDirty*")
        self._values = ffi.new(
            "void*[]", [self._iterator, self._dirty, self._cursor, self._colours]
        )
        self._row = ffi.new("uint16_t*")
        self._view = ffi.new("GhosttyCellsView*")
        self._row_id = ffi.new("GhosttyRenderStateRowId*")
        self._row_values = ffi.new("void*[]", [self._view, self._row_id])
        self._typed: tuple[int, int, int] | None = None
        """The row that changed last, if no other did: its number, its page, and its cells as one
        integer."""
        self._seen = b""
        self._known: Colours | None = None

    @property
    def closed(self) -> bool:
        """True if it can no longer read."""
        return not self._close.alive

    def close(self) -> None:
        """Free the render state; may be called twice."""
        self._kept.pop(self._close, None)
        self._close()

    def _keep(self) -> None:
        """Stay open; close another reader if necessary."""
        self._kept[self._close] = None
        self._kept.move_to_end(self._close)
        while len(self._kept) > READERS_MAX:
            close, _ = self._kept.popitem(last=False)
            close()

    def read(self, terminal: Any, columns: int, rows: int, full: bool) -> RawScreen:
        """The rows that changed since the last call, or all of them.

        Raises:
            EngineError: the library is out of memory.
        """
        self._keep()
        state = self._state[0]
        check(lib.ghostty_render_state_update(state, terminal), "read the screen")
        check(
            lib.ghostty_render_state_get_multi(
                state, len(_STATE_KEYS), _STATE_KEYS, self._values, ffi.NULL
            ),
            "read the state of the screen",
        )
        screen = RawScreen([], [], _NO_CELLS, self._read_cursor(), self._read_colours())
        if full or self._dirty[0] != lib.GHOSTTY_RENDER_STATE_DIRTY_FALSE:
            self._read_rows(screen, columns, rows, full)
        lib.ghostty_render_state_clean(state)
        return screen

    def _read_rows(self, screen: RawScreen, columns: int, rows: int, full: bool) -> None:
        length = columns * CELL_BYTES
        lines: list[bytes] = []
        for row in self._each_row(full):
            if row >= rows:
                break
            lib.ghostty_render_state_row_get_multi(
                self._iterator[0], len(_ROW_KEYS), _ROW_KEYS, self._row_values, ffi.NULL
            )
            view = self._view
            line = ffi.buffer(view.ptr, min(view.len * CELL_BYTES, length))[:]
            lines.append(line if len(line) == length else line.ljust(length, b"\0"))
            screen.rows.append(row)
            screen.pages.append(self._row_id.bits[0])
        data = b"".join(lines)
        if len(lines) == 1 and not full:
            screen.left, data = self._narrowed(screen.rows[0], screen.pages[0], data)
        else:
            self._typed = None
        if lines:
            screen.cells = np.frombuffer(data, np.uint64).reshape(len(lines), -1)

    def _narrowed(self, row: int, page: int, line: bytes) -> tuple[int, bytes]:
        """The first cell that changed since this row was last read, and the cells from there to the
        last changed one; the whole row unless these are few, and narrow."""
        cells = int.from_bytes(line, "little")
        typed, self._typed = self._typed, (row, page, cells)
        if typed is None or typed[:2] != (row, page):
            return 0, line
        difference = cells ^ typed[2]
        left = max((difference & -difference).bit_length() - 1, 0) // _CELL_BITS
        right = max(difference.bit_length() - 1, 0) // _CELL_BITS + 1
        special = _special(len(line) // CELL_BYTES)
        if right - left > FEW_CELLS or cells & special or typed[2] & special:
            return 0, line
        return left, line[left * CELL_BYTES : right * CELL_BYTES]

    def _each_row(self, full: bool) -> Iterator[int]:
        iterator = self._iterator[0]
        if full:
            advance, row = lib.ghostty_render_state_row_iterator_next, 0
            while advance(iterator):
                yield row
                row += 1
        else:
            advance_dirty, out = lib.ghostty_render_state_row_iterator_next_dirty, self._row
            while advance_dirty(iterator, out):
                yield out[0]

    def _read_cursor(self) -> Cursor:
        cursor = self._cursor
        return Cursor(
            visible=bool(cursor.visible and cursor.viewport_has_value),
            column=cursor.viewport_x - 1 if cursor.wide_tail else cursor.viewport_x,
            row=cursor.viewport_y,
            shape=_SHAPES.get(cursor.visual_style, CursorShape.BLOCK),
            blinking=bool(cursor.blinking),
        )

    def _read_colours(self) -> Colours:
        raw = bytes(ffi.buffer(self._colours))
        if self._known is None or raw != self._seen:
            colours = self._colours
            self._seen = raw
            self._known = Colours(
                foreground=_rgb(colours.foreground),
                background=_rgb(colours.background),
                cursor=_rgb(colours.cursor) if colours.cursor_has_value else None,
                palette=bytes(ffi.buffer(colours.palette)),
            )
        return self._known


@lru_cache
def _special(columns: int) -> int:
    """`_SPECIAL` for a row of cells as one integer."""
    return int.from_bytes(_SPECIAL.to_bytes(CELL_BYTES, "little") * columns, "little")


def _free(state: Any, iterator: Any) -> None:
    lib.ghostty_render_state_row_iterator_free(iterator)
    lib.ghostty_render_state_free(state)


def _rgb(colour: Any) -> tuple[int, int, int]:
    return colour.r, colour.g, colour.b
