"""The active screen of libghostty, for functions that guacr adds: cells, cursor, margins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from terminal.engines import checksums
from terminal.engines.contents import CLUSTER_BASE, Style, Width
from terminal.engines.ghostty.cells import CellTables
from terminal.engines.ghostty.characters import HostText
from terminal.engines.ghostty.events import Events
from terminal.engines.ghostty.library import PROTECTED_BIT, check, ffi, lib, scroll_viewport
from terminal.engines.ghostty.reader import ScreenReader
from terminal.engines.rectangles import Rectangle

_ANSI = 1 << 15
_SIDES = 69


class ScreenCells:
    """A snapshot of the cells of a screen."""

    def __init__(self, terminal: Any, columns: int, rows: int) -> None:
        reader, self._tables = ScreenReader(), CellTables()
        raw = reader.read(terminal, columns, rows, full=True)
        self._codes, self._widths, self._styles = self._tables.read(terminal, raw)
        self._protected = (raw.cells >> np.uint64(PROTECTED_BIT)) & np.uint64(1)
        reader.close()

    def is_wide(self, row: int, column: int) -> bool:
        """Return whether a cell is the left half of a wide character."""
        return bool(self._widths[row, column] == Width.WIDE)

    def row(self, row: int, left: int, right: int) -> Iterator[tuple[str | None, Style, bool]]:
        """The text, style and protection of the cells of a row: an empty text for cells never
        written, `checksums.SPACER` for the right half of a wide character."""
        styles, clusters = self._tables.styles, self._tables.clusters
        part = slice(left, right + 1)
        for code, width, style, protected in zip(
            self._codes[row, part].tolist(),
            self._widths[row, part].tolist(),
            self._styles[row, part].tolist(),
            self._protected[row, part].tolist(),
            strict=True,
        ):
            text: str | None = ""
            if width == Width.SPACER:
                text = checksums.SPACER
            elif code:
                text = clusters[code - CLUSTER_BASE] if code >= CLUSTER_BASE else chr(code)
            yield text, styles[style], bool(protected)


class GhosttyScreen:
    """The screen of one terminal; nothing may be called once that is freed."""

    __slots__ = ("_events", "_host", "_mode", "_number", "_terminal", "_truth")

    def __init__(self, terminal: Any, host: HostText, events: Events) -> None:
        self._terminal = terminal
        self._host = host
        self._events = events
        self._mode = ffi.new("GhosttyTerminalModeConfig*")
        self._number, self._truth = ffi.new("uint16_t*"), ffi.new("bool*")

    def write(self, data: bytes) -> None:
        """Write bytes to the library."""
        self._host.write(data)

    def reply(self, text: str) -> None:
        """Answer the host."""
        self._events.reply(text.encode())

    def ask(self, query: str) -> str:
        """Return the library's reply to a query; the host does not receive it."""
        self._events.captured = captured = bytearray()
        try:
            self.write(query.encode())
        finally:
            self._events.captured = None
        return captured.decode(errors="replace")

    def setting(self, what: str) -> str:
        """The library's reply to DECRQSS without the function itself; empty if there is none."""
        reply = self.ask(f"\x1bP$q{what}\x1b\\")
        return reply[5 : -2 - len(what)] if reply.startswith("\x1bP1$r") else ""

    @property
    def in_string(self) -> bool:
        """True if a sequence is incomplete."""
        self._get(lib.GHOSTTY_TERMINAL_DATA_VT_GROUND, self._truth)
        return not self._truth[0]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._events.size[:2]

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height of a cell in pixels."""
        return self._events.size[2:]

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        self._get(lib.GHOSTTY_TERMINAL_DATA_CURSOR_X, self._number)
        column = self._number[0]
        self._get(lib.GHOSTTY_TERMINAL_DATA_CURSOR_Y, self._number)
        return column, self._number[0]

    def mode(self, number: int, ansi: bool = False) -> bool:
        """Return whether a mode is set."""
        self._mode.mode = number | (_ANSI if ansi else 0)
        result = lib.ghostty_terminal_get(
            self._terminal, lib.GHOSTTY_TERMINAL_DATA_MODE, self._mode
        )
        return result == lib.GHOSTTY_SUCCESS and bool(self._mode.value)

    @property
    def whole(self) -> Rectangle:
        """All cells."""
        columns, rows = self.size
        return Rectangle(0, 0, rows - 1, columns - 1)

    @property
    def region(self) -> Rectangle:
        """The area between the margins."""
        whole = self.whole
        top, bottom = _pair(self.setting("r"), whole.bottom + 1)
        left, right = 1, whole.right + 1
        if self.mode(_SIDES):
            left, right = _pair(self.setting("s"), whole.right + 1)
        return Rectangle(top - 1, left - 1, bottom - 1, right - 1)

    def cells(self) -> ScreenCells:
        """All cells; the viewport is moved to the screen for this, and back."""
        bar = ffi.new("GhosttyTerminalScrollbar*")
        self._get(lib.GHOSTTY_TERMINAL_DATA_SCROLLBAR, bar)
        away = bar.offset + bar.len < bar.total
        if away:
            self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM, 0)
        cells = ScreenCells(self._terminal, *self.size)
        if away:
            self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_ROW, bar.offset)
        return cells

    def _scroll(self, tag: int, value: int) -> None:
        behaviour = ffi.new("GuacrScrollViewport*", {"tag": tag, "value": value})
        scroll_viewport(self._terminal, behaviour[0])

    def _get(self, data: int, out: Any) -> None:
        check(lib.ghostty_terminal_get(self._terminal, data, out), "read its state")


def _pair(text: str, last: int) -> tuple[int, int]:
    first, _, second = text.partition(";")
    return int(first or 1), int(second or last)
