"""The terminal engine on pyte, for machines without libghostty's wheel.

The modules of this package extend pyte's parser and give it a screen; this one implements
`Emulator`. docs/conformance.md describes its conformance.
"""

from __future__ import annotations

import codecs
from concurrent.futures import Future
from dataclasses import replace

from typing_extensions import override

from terminal.engines.contents import (
    Colours,
    Cursor,
    CursorShape,
    MouseFormat,
    MouseTracking,
    Position,
    Rgb,
    Row,
    ScreenUpdate,
    Scrollbar,
    Span,
)
from terminal.engines.emulator import (
    MAX_COLUMNS,
    MAX_ROWS,
    Anchor,
    Emulator,
    EmulatorListener,
    EmulatorOptions,
    EngineError,
)
from terminal.engines.pyte.commands import MAX_COPY_BYTES
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.modes import ANSI_MODES, BLINKING, VISIBLE
from terminal.engines.pyte.rows import HEAD, SPACER, Line
from terminal.engines.pyte.screen import PyteScreen
from terminal.engines.pyte.search import PyteSearch
from terminal.engines.pyte.stream import PyteStream
from terminal.engines.pyte.tracking import Mark, PyteAnchor
from terminal.engines.pyte.update import PyteTables

MAX_SCROLLBACK_ROWS = 1_000_000
"""The maximum that a user may request."""

_DONE: Future[None] = Future()
_DONE.set_result(None)
_TRACKING = (
    MouseTracking.MOTION,
    MouseTracking.DRAG,
    MouseTracking.BUTTONS,
    MouseTracking.PRESS,
)
_FORMATS = (MouseFormat.SGR_PIXELS, MouseFormat.SGR, MouseFormat.URXVT, MouseFormat.UTF8)
_SHAPES = (CursorShape.BLOCK, CursorShape.UNDERLINE, CursorShape.BAR)


class PyteEmulator(Emulator):
    """A terminal of pyte."""

    def __init__(self, options: EmulatorOptions, listener: EmulatorListener) -> None:
        self._open_screen: PyteScreen | None = PyteScreen(options, listener)
        self._stream = PyteStream(self._open_screen)
        self._cursor_shown = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._tables: PyteTables | None = None
        self._view: int | None = None
        """The number of the row at the top of the viewport; None follows the screen."""
        self._shown: tuple[object, ...] = ()
        self._revision = 0
        self.set_scrollback(options.scrollback_rows)
        self.resize(options.columns, options.rows, options.cell_width, options.cell_height)

    @property
    def _grid(self) -> Grid:
        return self._screen.grid

    @property
    def _screen(self) -> PyteScreen:
        if self._open_screen is None:
            raise EngineError("the terminal engine was closed: start a new one")
        return self._open_screen

    @property
    @override
    def columns(self) -> int:
        return self._grid.columns

    @property
    @override
    def rows(self) -> int:
        return self._grid.lines

    @property
    @override
    def revision(self) -> int:
        return self._revision

    @override
    def feed(self, data: bytes) -> None:
        screen, text = self._screen, self._decoder.decode(data)
        if not text.isascii() and (SPACER in text or HEAD in text):
            text = text.replace(SPACER, "\ufffd").replace(HEAD, "\ufffd")
        self._stream.feed(text)
        self._revision += 1
        screen.calls.raise_kept()

    @property
    def pending(self) -> Future[None] | None:
        """A completed future: no thread is working, but others get their turn."""
        return _DONE if self._stream.waiting else None

    @override
    def resize(self, columns: int, rows: int, cell_width: int, cell_height: int) -> None:
        screen = self._screen
        self._view = screen.resize(
            _clamp(columns, MAX_COLUMNS),
            _clamp(rows, MAX_ROWS),
            (max(cell_width, 1), max(cell_height, 1)),
            self._view,
        )
        screen.calls.raise_kept()
        self._tables = None
        self._revision += 1

    @override
    def update(self, full: bool = False) -> ScreenUpdate:
        if self._tables is None or self._tables.full:
            self._tables, full = PyteTables(), True
        grid, tables = self._grid, self._tables
        bar, colours = self.scrollbar, self._colours()
        rows = range(self.rows) if full else self._changed(bar)
        lines = [self._required(bar.offset + row) for row in rows]
        codes, widths, styles = tables.read(lines, grid.columns)
        grid.dirty.clear()
        self._shown = self._state(bar)
        return ScreenUpdate(
            full=full,
            rows=list(rows),
            codes=codes,
            widths=widths,
            styles=styles,
            style_table=tables.styles,
            cluster_table=tables.clusters,
            cursor=self._cursor(bar),
            colours=colours,
        )

    def _state(self, bar: Scrollbar) -> tuple[object, ...]:
        """The state on which every displayed row depends."""
        return (bar.at_bottom or bar.offset + self._grid.oldest(False), self._grid.on_alternate)

    def _changed(self, bar: Scrollbar) -> list[int]:
        if self._state(bar) != self._shown or (self._grid.dirty and not bar.at_bottom):
            return list(range(self.rows))
        return sorted(self._grid.dirty)

    def _cursor(self, bar: Scrollbar) -> Cursor:
        cursor, modes, grid = self._screen.cursor, self._screen.modes, self._grid
        row = bar.total - grid.lines + cursor.y - bar.offset
        column = cursor.x - (grid.rows[cursor.y].cells[cursor.x] == SPACER)
        return Cursor(
            visible=self._cursor_shown and VISIBLE in modes and row < grid.lines,
            column=column,
            row=min(row, grid.lines - 1),
            shape=_SHAPES[max(cursor.shape - 1, 0) // 2],
            blinking=BLINKING in modes,
        )

    def _colours(self) -> Colours:
        now = self._screen.colours.now
        if self._screen.modes.private(5):
            return replace(now, foreground=now.background, background=now.foreground)
        return now

    @override
    def reset(self) -> None:
        self._stream.reset()
        self._decoder.reset()
        self._screen.reset()
        self._view, self._tables = None, None
        self._revision += 1

    @override
    def trim(self) -> None:
        self._grid.dirty.clear()
        self._tables = None

    @override
    def close(self) -> None:
        screen, self._open_screen = self._open_screen, None
        if screen is not None:
            vars(self._stream).clear()  # it refers to the screen

    @property
    @override
    def largest_copy(self) -> int:
        return MAX_COPY_BYTES

    @override
    def set_colours(self, colours: Colours) -> None:
        self._screen.colours.set_defaults(colours)
        self._revision += 1

    @override
    def set_scrollback(self, rows: int) -> None:
        self._grid.scrollback.limit = min(max(rows, 0), MAX_SCROLLBACK_ROWS)
        self._grid.scrollback.trim()
        self._revision += 1

    @override
    def show_cursor(self, shown: bool) -> None:
        self._revision += shown != self._cursor_shown
        self._cursor_shown = shown

    @property
    @override
    def background(self) -> Rgb:
        return self._colours().background

    # Scrollback

    @property
    @override
    def scrollbar(self) -> Scrollbar:
        grid = self._grid
        offset = above = grid.above
        if self._view is not None and not grid.on_alternate:
            offset = min(max(self._view - grid.scrollback.dropped, 0), above)
        return Scrollbar(above + grid.lines, offset, grid.lines)

    @override
    def scroll_by(self, rows: int) -> None:
        self.scroll_to(self.scrollbar.offset + rows)

    @override
    def scroll_to(self, row: int) -> None:
        above = self.scrollbar.total - self.rows
        self._view = None
        if row < above and not self._grid.on_alternate:
            self._view = max(row, 0) + self._grid.scrollback.dropped
        self._revision += 1

    @override
    def scroll_to_top(self) -> None:
        self.scroll_to(0)

    @override
    def scroll_to_bottom(self) -> None:
        self._view = None
        self._revision += 1

    # Modes

    @override
    def mode(self, number: int, ansi: bool = False) -> bool:
        if ansi:
            return number in ANSI_MODES and number in self._screen.modes
        return self._screen.modes.private(number)

    @property
    @override
    def kitty_keyboard(self) -> int:
        return self._screen.keyboards.flags

    @property
    @override
    def alternate_screen(self) -> bool:
        return self._grid.on_alternate

    @property
    @override
    def mouse_tracking(self) -> MouseTracking:
        return next((kind for kind in _TRACKING if self.mode(kind.value)), MouseTracking.NONE)

    @property
    @override
    def mouse_format(self) -> MouseFormat:
        return next((kind for kind in _FORMATS if self.mode(kind.value)), MouseFormat.X10)

    # Text

    @override
    def search(self, text: str) -> PyteSearch:
        return PyteSearch(self, self._grid, text)

    @override
    def text(self, span: Span, rectangle: bool = False) -> str:
        return self._screen.text.text(span, rectangle)

    @override
    def row_at(self, row: int) -> Row | None:
        return self._screen.text.row(row)

    @override
    def word_at(self, position: Position, boundaries: str | None = None) -> Span | None:
        return self._screen.text.word(position, boundaries)

    @override
    def line_at(self, position: Position) -> Span | None:
        return self._screen.text.line(position)

    @override
    def hyperlink_at(self, position: Position) -> str | None:
        return self._screen.text.link(position)

    @override
    def anchor(self, position: Position) -> Anchor | None:
        if not (0 <= position.column < self.columns and 0 <= position.row < self.scrollbar.total):
            return None
        alternate = self._grid.on_alternate
        mark = Mark(position.column, position.row + self._grid.oldest(alternate), alternate)
        self._grid.tracking.marks.add(mark)
        return PyteAnchor(mark, self._oldest)

    def _oldest(self, alternate: bool) -> int:
        return self._grid.oldest(alternate)

    def _required(self, row: int) -> Line:
        line = self._grid.line_at(row)
        return Line(self.columns, self._grid.pens.plain) if line is None else line


def _clamp(value: int, limit: int) -> int:
    return max(1, min(value, limit))
