"""Searching the scrollback with libghostty."""

from __future__ import annotations

import weakref
from typing import Any

from typing_extensions import override

from terminal.engines.contents import Position, Span
from terminal.engines.emulator import Search
from terminal.engines.ghostty.library import check, ffi, lib, sized

TICKS = 8
"""Steps of the library in one step of the search; about a thousand rows each."""
SHOWN_MAX = 4096
"""Maximum matches in the viewport that are reported."""


class GhosttySearch(Search):
    """A search of the library, over a terminal that outlives it."""

    def __init__(self, terminal: Any, text: str) -> None:
        self._terminal = terminal
        handle = ffi.new("GhosttySearch*")
        check(lib.ghostty_search_new(ffi.NULL, handle, terminal), "start a search")
        self._search = handle[0]
        self._close = weakref.finalize(self, lib.ghostty_search_free, self._search)
        self._close.atexit = False
        self._status = ffi.new("GhosttySearchStatus*")
        needle = text.encode(errors="replace")
        buffer = ffi.new("uint8_t[]", needle or b"\0")
        string = ffi.new("GhosttyString*", {"ptr": buffer, "len": len(needle)})
        check(lib.ghostty_search_set(self._search, lib.GHOSTTY_SEARCH_OPT_NEEDLE, string), "search")

    @override
    def step(self) -> bool:
        status = self._status
        for _ in range(TICKS):
            check(lib.ghostty_search_tick(self._search, status), "search")
            if status[0] == lib.GHOSTTY_SEARCH_STATUS_FEED_REQUIRED:
                check(lib.ghostty_search_feed(self._search), "search")
            elif status[0] == lib.GHOSTTY_SEARCH_STATUS_COMPLETE:
                return True
        return False

    @override
    def select(self, newer: bool) -> None:
        if self.total:
            option = (
                lib.GHOSTTY_SEARCH_OPT_SELECT_PREV if newer else lib.GHOSTTY_SEARCH_OPT_SELECT_NEXT
            )
            lib.ghostty_search_set(self._search, option, ffi.NULL)  # fails where none is left

    @property
    @override
    def total(self) -> int:
        total = ffi.new("size_t*")
        check(
            lib.ghostty_search_get(self._search, lib.GHOSTTY_SEARCH_DATA_TOTAL_MATCHES, total),
            "count matches",
        )
        return int(total[0])

    @property
    @override
    def selected(self) -> tuple[int, Span] | None:
        number, match = ffi.new("size_t*"), sized("GhosttySelection")
        get = lib.ghostty_search_get
        if get(self._search, lib.GHOSTTY_SEARCH_DATA_SELECTED_INDEX, number) or get(
            self._search, lib.GHOSTTY_SEARCH_DATA_SELECTED_MATCH, match
        ):
            return None
        span = self._span(match)
        return None if span is None else (int(number[0]), span)

    @override
    def shown(self) -> list[Span]:
        matches = ffi.new("GhosttySelection[]", SHOWN_MAX)
        blank = sized("GhosttySelection")
        for number in range(SHOWN_MAX):
            matches[number] = blank[0]
        buffer = ffi.new("GhosttySelectionBuffer*", {"ptr": matches, "cap": SHOWN_MAX})
        key = lib.GHOSTTY_SEARCH_DATA_VIEWPORT_MATCHES
        if lib.ghostty_search_get(self._search, key, buffer):
            return []
        spans = [self._span(ffi.addressof(matches, number)) for number in range(buffer.len)]
        bar = ffi.new("GhosttyTerminalScrollbar*")
        where = lib.GHOSTTY_TERMINAL_DATA_SCROLLBAR
        check(lib.ghostty_terminal_get(self._terminal, where, bar), "search")
        first, past = bar.offset, bar.offset + bar.len
        # the library reports matches in whole pages
        return [s for s in spans if s is not None and s.start.row < past and s.end.row >= first]

    @override
    def close(self) -> None:
        self._close()

    def _span(self, match: Any) -> Span | None:
        start, end = self._position(match.start), self._position(match.end)
        return None if start is None or end is None else Span(start, end)

    def _position(self, ref: Any) -> Position | None:
        out = ffi.new("GhosttyPointCoordinate*")
        failed = lib.ghostty_terminal_point_from_grid_ref(
            self._terminal, ffi.addressof(ref), lib.GHOSTTY_POINT_TAG_SCREEN, out
        )
        return None if failed else Position(out.x, out.y)
