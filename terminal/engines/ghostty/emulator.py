"""The terminal engine on libghostty, through pyghostty.

The C library parses and holds the cells; this module adds what `Emulator` promises. See
`terminal.engines.ghostty.library` for what it relies on.
"""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from typing_extensions import override

from terminal.engines.contents import (
    Colours,
    MouseFormat,
    MouseTracking,
    PlacedImage,
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
from terminal.engines.ghostty.cells import CellTables
from terminal.engines.ghostty.characters import HostText, stand_in
from terminal.engines.ghostty.controls import GhosttyControls
from terminal.engines.ghostty.events import Events, disconnect
from terminal.engines.ghostty.graphics import GhosttyGraphics
from terminal.engines.ghostty.library import check, ffi, lib, scroll_viewport
from terminal.engines.ghostty.reader import RawScreen, ScreenReader
from terminal.engines.ghostty.search import GhosttySearch
from terminal.engines.ghostty.text import GhosttyText

MAX_SCROLLBACK_ROWS = 1_000_000
"""The maximum that a user may request; the library compresses rows out of view to a few bytes."""

MAX_APC_BYTES = 4096
"""Maximum bytes of an unknown application program command."""

MAX_COPY_BYTES = 6 * 1000 * 1000
"""Maximum bytes of an OSC 52 that writes: the library ignores commands over 8 MiB in base64."""

_CELL_BYTES, _ROW_BYTES, _PAGE_BYTES = 9, 16, 512 << 10
"""Bytes that the library uses per cell, per row and, by rounding up, at once; measured."""

_MODE_AUTO_REPEAT = 8
_REVERSE_SCREEN = 5
_ANSI = 1 << 15
_TRACKING = (
    MouseTracking.MOTION,
    MouseTracking.DRAG,
    MouseTracking.BUTTONS,
    MouseTracking.PRESS,
)
_FORMATS = (MouseFormat.SGR_PIXELS, MouseFormat.SGR, MouseFormat.URXVT, MouseFormat.UTF8)


class GhosttyEmulator(Emulator):
    """A terminal of libghostty.

    Raises:
        EngineError: the library is out of memory.
    """

    def __init__(self, options: EmulatorOptions, listener: EmulatorListener) -> None:
        self._columns = _clamp(options.columns, MAX_COLUMNS)
        self._rows = _clamp(options.rows, MAX_ROWS)
        handle = ffi.new("GhosttyTerminal*")
        check(lib.ghostty_terminal_new(ffi.NULL, handle, self._columns, self._rows), "start")
        self._handle = handle[0]
        self._events = Events(
            listener, options.answerback, min(options.clipboard_bytes, MAX_COPY_BYTES)
        )
        self._close = weakref.finalize(self, _free, self._handle, self._events.number)
        self._close.atexit = False
        self._is_open = True
        self._reader: ScreenReader | None = None
        self._tables = CellTables()
        self._scrollback = options.scrollback_rows
        self._revision = 0
        self._cursor_shown = True
        self._contrast = options.colours.minimum_contrast
        self._full = True
        self._out = _Out()
        self._events.connect(self._terminal)
        self._bound()
        self._host = HostText(self._handle)
        self._controls = GhosttyControls(
            self._handle, self._host, self._events, screen_reports=options.screen_reports
        )
        self._graphics = GhosttyGraphics(
            self._handle, self._controls, self._events, options.image_bytes, options.executor
        )
        self.set_scrollback(options.scrollback_rows)
        self.set_colours(options.colours)
        self.resize(self._columns, self._rows, options.cell_width, options.cell_height)

    @property
    def _terminal(self) -> Any:
        """The library's terminal.

        Raises:
            EngineError: it was closed.
        """
        if not self._is_open:
            self._require_open()
        return self._handle

    def _require_open(self) -> None:
        """Raise if the terminal was closed, because the library would crash the process."""
        if not self._is_open:
            raise EngineError("the terminal engine was closed: start a new one")

    @property
    def _text(self) -> GhosttyText:
        return GhosttyText(self._terminal)

    def _bound(self) -> None:
        """Limit what the host can make the library keep; for images see `GhosttyGraphics`."""
        repeats = {"mode": _MODE_AUTO_REPEAT, "value": True}
        options = (
            (lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_STORAGE_LIMIT, ffi.new("uint64_t*", 0)),
            (lib.GHOSTTY_TERMINAL_OPT_APC_MAX_BYTES, ffi.new("size_t*", MAX_APC_BYTES)),
            (lib.GHOSTTY_TERMINAL_OPT_APC_MAX_BYTES_KITTY, ffi.new("size_t*", 0)),
            (
                lib.GHOSTTY_TERMINAL_OPT_MODE_DEFAULT,
                ffi.new("GhosttyTerminalModeConfig*", repeats),
            ),
            (lib.GHOSTTY_TERMINAL_OPT_MODE, ffi.new("GhosttyTerminalModeConfig*", repeats)),
        )
        for option, value in options:
            self._set(option, value)

    @property
    @override
    def columns(self) -> int:
        return self._columns

    @property
    @override
    def rows(self) -> int:
        return self._rows

    @property
    @override
    def revision(self) -> int:
        return self._revision

    @override
    def feed(self, data: bytes) -> None:
        self._require_open()
        if self._graphics.concerns(data):
            self._graphics.feed(data)
        else:
            self._controls.write(data)
        self._revision += 1
        self._events.raise_kept()

    @property
    @override
    def pending(self) -> Future[Any] | None:
        return self._graphics.pending or self._controls.pending

    @override
    def resize(self, columns: int, rows: int, cell_width: int, cell_height: int) -> None:
        self._columns, self._rows = _clamp(columns, MAX_COLUMNS), _clamp(rows, MAX_ROWS)
        size = (self._columns, self._rows, max(cell_width, 1), max(cell_height, 1))
        self._limit_scrollback()
        check(lib.ghostty_terminal_resize(self._terminal, *size), "resize")
        self._events.size = size
        self._full = True
        self._revision += 1
        self._events.raise_kept()

    @override
    def update(self, full: bool = False) -> ScreenUpdate:
        terminal = self._terminal
        if self._host.marked:
            self._host.marked = False
            self.trim()
        if self._reader is None or self._reader.closed:
            self._reader = ScreenReader()
            full = True
        if self._tables.full:
            self._full = True
        if self._full:
            full, self._full, self._tables = True, False, CellTables()
        screen = self._reader.read(terminal, self._columns, self._rows, full)
        return self._translate(screen, full)

    def _translate(self, screen: RawScreen, full: bool) -> ScreenUpdate:
        tables = self._tables
        codes, widths, styles = tables.read(self._terminal, screen)
        cursor = screen.cursor if self._cursor_shown else replace(screen.cursor, visible=False)
        colours = screen.colours
        if self._contrast != colours.minimum_contrast:
            colours = replace(colours, minimum_contrast=self._contrast)
        return ScreenUpdate(
            full=full,
            rows=screen.rows,
            codes=codes,
            widths=widths,
            styles=styles,
            style_table=tables.styles,
            cluster_table=tables.clusters,
            cursor=cursor,
            colours=colours,
            left=screen.left,
        )

    @override
    def images(self) -> list[PlacedImage]:
        return self._graphics.shown()

    @override
    def reset(self) -> None:
        while self.pending:
            self.feed(b"")
        self._controls.reset()
        lib.ghostty_terminal_reset(self._terminal)
        self._graphics.clear()
        self._full = True
        self._revision += 1
        self._events.raise_kept()

    @override
    def trim(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    @override
    def pack(self) -> bool:
        result = self._out.packed
        mode = lib.GHOSTTY_TERMINAL_COMPRESSION_MODE_INCREMENTAL
        done = lib.ghostty_terminal_compress(self._terminal, mode, result)
        check(done, "compress its scrollback")
        return bool(result[0] != lib.GHOSTTY_TERMINAL_COMPRESSION_RESULT_PENDING)

    @override
    def close(self) -> None:
        if self._is_open:
            self.trim()
            self._graphics.clear()
            self._is_open = False
            self._close()

    @property
    @override
    def largest_copy(self) -> int:
        return MAX_COPY_BYTES

    @override
    def set_colours(self, colours: Colours) -> None:
        self._contrast = colours.minimum_contrast
        cursor = ffi.NULL if colours.cursor is None else _colour(colours.cursor)
        palette = ffi.from_buffer("GhosttyColorRgb[256]", colours.palette)
        self._set(lib.GHOSTTY_TERMINAL_OPT_COLOR_FOREGROUND, _colour(colours.foreground))
        self._set(lib.GHOSTTY_TERMINAL_OPT_COLOR_BACKGROUND, _colour(colours.background))
        self._set(lib.GHOSTTY_TERMINAL_OPT_COLOR_CURSOR, cursor)
        self._set(lib.GHOSTTY_TERMINAL_OPT_COLOR_PALETTE, palette)
        self._events.background = colours.background
        self._revision += 1

    @override
    def set_scrollback(self, rows: int) -> None:
        self._scrollback = min(max(rows, 0), MAX_SCROLLBACK_ROWS)
        self._limit_scrollback()
        self._revision += 1

    def _limit_scrollback(self) -> None:
        """Limit the scrollback by bytes. The library's limit in rows is no more exact, and a flood
        of short lines took seven times as long with it."""
        rows = self._scrollback and self._scrollback + self._rows
        limit = rows * (self._columns * _CELL_BYTES + _ROW_BYTES) + bool(rows) * _PAGE_BYTES
        self._set(lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_BYTES, ffi.new("size_t*", limit))

    @property
    @override
    def scrollbar(self) -> Scrollbar:
        bar = self._out.scrollbar
        self._get(lib.GHOSTTY_TERMINAL_DATA_SCROLLBAR, bar)
        return Scrollbar(bar.total, bar.offset, bar.len)

    @override
    def scroll_by(self, rows: int) -> None:
        limit = MAX_SCROLLBACK_ROWS + MAX_ROWS
        self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_DELTA, max(-limit, min(rows, limit)))

    @override
    def scroll_to(self, row: int) -> None:
        limit = MAX_SCROLLBACK_ROWS + MAX_ROWS
        self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_ROW, max(0, min(row, limit)))

    @override
    def scroll_to_top(self) -> None:
        self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_TOP, 0)

    @override
    def scroll_to_bottom(self) -> None:
        bar = self.scrollbar
        if bar.offset + bar.visible < bar.total:
            self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM, 0)

    @override
    def mode(self, number: int, ansi: bool = False) -> bool:
        config = self._out.mode
        config.mode = (number & (_ANSI - 1)) | (_ANSI if ansi else 0)
        result = lib.ghostty_terminal_get(self._terminal, lib.GHOSTTY_TERMINAL_DATA_MODE, config)
        return result == lib.GHOSTTY_SUCCESS and bool(config.value)

    @override
    def show_cursor(self, shown: bool) -> None:
        self._revision += shown != self._cursor_shown
        self._cursor_shown = shown

    @property
    @override
    def background(self) -> Rgb:
        colour, reverse = self._out.colour, self.mode(_REVERSE_SCREEN)
        foreground = lib.GHOSTTY_TERMINAL_DATA_COLOR_FOREGROUND
        background = lib.GHOSTTY_TERMINAL_DATA_COLOR_BACKGROUND
        self._get(foreground if reverse else background, colour)
        return colour.r, colour.g, colour.b

    @property
    @override
    def kitty_keyboard(self) -> int:
        flags = self._out.flags
        self._get(lib.GHOSTTY_TERMINAL_DATA_KITTY_KEYBOARD_FLAGS, flags)
        return int(flags[0])

    @property
    @override
    def alternate_screen(self) -> bool:
        screen = self._out.screen
        self._get(lib.GHOSTTY_TERMINAL_DATA_ACTIVE_SCREEN, screen)
        return bool(screen[0] == lib.GHOSTTY_TERMINAL_SCREEN_ALTERNATE)

    @property
    @override
    def mouse_tracking(self) -> MouseTracking:
        return next((kind for kind in _TRACKING if self.mode(kind.value)), MouseTracking.NONE)

    @property
    @override
    def mouse_format(self) -> MouseFormat:
        return next((kind for kind in _FORMATS if self.mode(kind.value)), MouseFormat.X10)

    @override
    def text(self, span: Span, rectangle: bool = False) -> str:
        return self._text.text(span, rectangle)

    @override
    def row_at(self, row: int) -> Row | None:
        return self._text.row(row, self._columns)

    @override
    def search(self, text: str) -> GhosttySearch:
        return GhosttySearch(self._terminal, stand_in(text))

    @override
    def word_at(self, position: Position, boundaries: str | None = None) -> Span | None:
        return self._text.word(position, boundaries)

    @override
    def line_at(self, position: Position) -> Span | None:
        return self._text.line(position)

    @override
    def hyperlink_at(self, position: Position) -> str | None:
        return self._text.hyperlink(position)

    @override
    def anchor(self, position: Position) -> Anchor | None:
        return self._text.anchor(position)

    def _scroll(self, tag: int, value: int) -> None:
        behaviour = ffi.new("GuacrScrollViewport*", {"tag": tag, "value": value})
        scroll_viewport(self._terminal, behaviour[0])
        self._revision += 1

    def _set(self, option: int, value: Any) -> None:
        check(lib.ghostty_terminal_set(self._terminal, option, value), "change a setting")

    def _get(self, data: int, out: Any) -> None:
        check(lib.ghostty_terminal_get(self._terminal, data, out), "read its state")


class _Out:
    """Output buffers of the library, allocated once: an allocation costs as much as the call."""

    __slots__ = ("colour", "flags", "mode", "packed", "screen", "scrollbar")

    def __init__(self) -> None:
        self.colour = ffi.new("GhosttyColorRgb*")
        self.flags = ffi.new("uint8_t*")
        self.mode = ffi.new("GhosttyTerminalModeConfig*")
        self.packed = ffi.new("GhosttyTerminalCompressionResult*")
        self.screen = ffi.new("GhosttyTerminalScreen*")
        self.scrollbar = ffi.new("GhosttyTerminalScrollbar*")


def _free(terminal: Any, number: int) -> None:
    lib.ghostty_terminal_free(terminal)
    disconnect(number)


def _clamp(value: int, limit: int) -> int:
    return max(1, min(value, limit))


def _colour(rgb: Rgb) -> Any:
    return ffi.new("GhosttyColorRgb*", dict(zip("rgb", rgb, strict=True)))
