"""Text, words, lines and links from libghostty, anywhere in the scrollback."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from terminal.engines.contents import Position, Row, Span
from terminal.engines.emulator import Anchor
from terminal.engines.ghostty.characters import original
from terminal.engines.ghostty.library import check, ffi, grid_ref, grid_ref_track, lib, sized

MAX_LINK_BYTES = 8192
"""Maximum bytes of a link's URI; a longer one is ignored."""

MAX_CODES = 32
"""Maximum code points of a cell's text."""


class GhosttyText:
    """Reads a terminal's text; positions are absolute."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal

    def text(self, span: Span, rectangle: bool) -> str:
        """Implement `Emulator.text`."""
        first, last = self._locate(span.start), self._locate(span.end)
        if first is None or last is None:
            return ""
        selection = sized("GhosttySelection")
        selection.start, selection.end, selection.rectangle = first[0], last[0], rectangle
        options = sized("GhosttyTerminalSelectionFormatOptions")
        options.emit = lib.GHOSTTY_FORMATTER_FORMAT_PLAIN
        options.unwrap, options.trim, options.selection = not rectangle, True, selection
        length = ffi.new("size_t*")
        formatter = lib.ghostty_terminal_selection_format_buf
        formatter(self._terminal, options[0], ffi.NULL, 0, length)
        buffer = ffi.new("uint8_t[]", max(length[0], 1))
        check(formatter(self._terminal, options[0], buffer, len(buffer), length), "copy text")
        return original(bytes(ffi.buffer(buffer, length[0])).decode(errors="replace"))

    def row(self, row: int, columns: int) -> Row | None:
        """Implement `Emulator.row_at`."""
        ref = self._locate(Position(0, row))
        if ref is None:
            return None
        raw, wrapped = ffi.new("GhosttyRow*"), ffi.new("bool*")
        check(lib.ghostty_grid_ref_row(ref, raw), "read a row")
        check(lib.ghostty_row_get(raw[0], lib.GHOSTTY_ROW_DATA_WRAP, wrapped), "read a row")
        codes, length = ffi.new("uint32_t[]", MAX_CODES), ffi.new("size_t*")
        cell, kind = ffi.new("GhosttyCell*"), ffi.new("GhosttyCellWide*")
        texts = []
        for column in range(columns):
            ref.x = column
            check(lib.ghostty_grid_ref_cell(ref, cell), "read a cell")
            check(lib.ghostty_cell_get(cell[0], lib.GHOSTTY_CELL_DATA_WIDE, kind), "read a cell")
            if kind[0] == lib.GHOSTTY_CELL_WIDE_SPACER_TAIL:
                texts.append("")
                continue
            result = lib.ghostty_grid_ref_graphemes(ref, codes, MAX_CODES, length)
            codes_read = codes[0 : length[0]] if result == 0 else [0xFFFD]
            texts.append(original("".join(map(chr, codes_read))) or " ")
        return Row(tuple(texts), bool(wrapped[0]))

    def word(self, position: Position, boundaries: str | None) -> Span | None:
        """Implement `Emulator.word_at`."""
        ref = self._locate(position)
        if ref is None:
            return None
        options = sized("GhosttyTerminalSelectWordOptions")
        options.ref = ref[0]
        ends = ffi.new("uint32_t[]", list(map(ord, boundaries))) if boundaries else ffi.NULL
        options.boundary_codepoints, options.boundary_codepoints_len = ends, len(boundaries or "")
        return self._select(lib.ghostty_terminal_select_word, options)

    def line(self, position: Position) -> Span | None:
        """Implement `Emulator.line_at`."""
        ref = self._locate(position)
        if ref is None:
            return None
        options = sized("GhosttyTerminalSelectLineOptions")
        options.ref = ref[0]
        return self._select(lib.ghostty_terminal_select_line, options)

    def hyperlink(self, position: Position) -> str | None:
        """Implement `Emulator.hyperlink_at`."""
        ref = self._locate(position)
        if ref is None:
            return None
        buffer, length = ffi.new("uint8_t[]", MAX_LINK_BYTES), ffi.new("size_t*")
        result = lib.ghostty_grid_ref_hyperlink_uri(ref, buffer, MAX_LINK_BYTES, length)
        if result or not length[0]:
            return None
        return bytes(ffi.buffer(buffer, length[0])).decode(errors="replace")

    def anchor(self, position: Position) -> GhosttyAnchor | None:
        """Implement `Emulator.anchor`."""
        tracked = ffi.new("GhosttyTrackedGridRef*")
        result = grid_ref_track(self._terminal, _point(position), tracked)
        return None if result else GhosttyAnchor(tracked[0])

    def _locate(self, position: Position) -> Any:
        """A reference to a cell, valid until the terminal changes; None if it does not exist."""
        if position.column < 0 or position.row < 0:
            return None
        ref = sized("GhosttyGridRef")
        return None if grid_ref(self._terminal, _point(position), ref) else ref

    def _select(self, function: Any, options: Any) -> Span | None:
        selection = sized("GhosttySelection")
        if function(self._terminal, options, selection):
            return None
        start, end = self._position(selection.start), self._position(selection.end)
        ordered = (start.row, start.column) <= (end.row, end.column)
        return Span(start, end) if ordered else Span(end, start)

    def _position(self, ref: Any) -> Position:
        out = ffi.new("GhosttyPointCoordinate*")
        check(
            lib.ghostty_terminal_point_from_grid_ref(
                self._terminal, ffi.addressof(ref), lib.GHOSTTY_POINT_TAG_SCREEN, out
            ),
            "find a position",
        )
        return Position(out.x, out.y)


class GhosttyAnchor(Anchor):
    """A tracked reference of the library."""

    def __init__(self, tracked: Any) -> None:
        self._tracked: Any = tracked

    @override
    def position(self) -> Position | None:
        if self._tracked is None or not lib.ghostty_tracked_grid_ref_has_value(self._tracked):
            return None
        out = ffi.new("GhosttyPointCoordinate*")
        result = lib.ghostty_tracked_grid_ref_point(
            self._tracked, lib.GHOSTTY_POINT_TAG_SCREEN, out
        )
        return None if result else Position(out.x, out.y)

    @override
    def close(self) -> None:
        if self._tracked is not None:
            lib.ghostty_tracked_grid_ref_free(self._tracked)
            self._tracked = None


def _point(position: Position) -> Any:
    point = ffi.new("GhosttyPointS*", {"tag": lib.GHOSTTY_POINT_TAG_SCREEN})
    point.value.x, point.value.y = position
    return point[0]
