"""A terminal on a session's display: background, text, selection, scroll bar, mouse cursor."""

from __future__ import annotations

from guacr.api import Display, Fill, Overlay, Rect, SolidSurface, Surface, cursor
from handlers.terminal.finder import Finder
from terminal.drawing.scrollbar import ScrollbarGeometry
from terminal.drawing.spans import shown
from terminal.input.pointing import Pointer
from terminal.terminal import Terminal

SELECTION_COLOUR = (0x00, 0x80, 0xFF, 0x60)
MATCH_COLOUR = (0xFF, 0xC8, 0x00, 0x60)
FOUND_COLOUR = (0xFF, 0x50, 0x00, 0x80)
LINK_COLOUR = (0x40, 0x90, 0xFF, 0xFF)
TRACK_COLOUR = (0x80, 0x80, 0x80, 0x40)
HANDLE_COLOUR = (0xA0, 0xA0, 0xA0, 0x8F)
"""Red, green, blue, alpha, as in guacd."""

Colour = tuple[int, int, int, int]

_CURSORS = {
    Pointer.TEXT: cursor.TEXT,
    Pointer.ARROW: cursor.POINTER,
    Pointer.LINK: cursor.LINK,
    Pointer.HIDDEN: cursor.NONE,
}


class TerminalView:
    """The layers of one terminal. `refresh` updates them; the layer of the text reads its surface
    itself."""

    __slots__ = (
        "_background",
        "_bar",
        "_colour",
        "_display",
        "_finder",
        "_handle",
        "_marks",
        "_terminal",
        "_text",
        "_track",
    )

    def __init__(
        self, display: Display, terminal: Terminal, surface: Surface, finder: Finder
    ) -> None:
        layout = terminal.layout
        text = layout.text
        self._display = display
        self._terminal = terminal
        self._finder = finder
        colour = self._colour = terminal.background
        self._background = SolidSurface(layout.width, layout.height, colour)
        display.set_surface(self._background)
        self._text = display.add_layer(surface, x=text.x, y=text.y)
        self._marks = display.add_overlay(*text)
        self._track = display.add_overlay(*layout.scrollbar)
        self._handle = display.add_overlay(*layout.scrollbar)
        self._bar: ScrollbarGeometry | None = None
        """The scroll bar that is shown."""
        self.refresh()

    def refresh(self) -> None:
        """Update the selection, the scroll bar and the mouse cursor."""
        if self._terminal.background != self._colour:
            self._colour = self._terminal.background
            self._background.paint(self._colour)
        self._refresh_marks()
        bar = self._terminal.pointing.scrollbar
        if bar != self._bar:
            self._bar = bar
            _cover(self._track, bar.track, TRACK_COLOUR, shown=not bar.hidden)
            _cover(self._handle, bar.handle, HANDLE_COLOUR, shown=not bar.hidden)
        self._display.set_cursor(_CURSORS[self._terminal.pointing.shape])

    def rearrange(self) -> None:
        """Apply a change of the window's size, the font or the colours."""
        layout = self._terminal.layout
        text = layout.text
        self._background.resize(layout.width, layout.height)
        self._text.place(text.x, text.y)
        self._marks.place(text.x, text.y)
        self._marks.resize(text.width, text.height)
        self.refresh()

    def _refresh_marks(self) -> None:
        """Mark the selection, search results, and the link under the pointer."""
        terminal = self._terminal
        fills = self._fills(terminal.selection.rects(), SELECTION_COLOUR)
        matches, found = self._finder.shown()
        for span in matches:
            colour = FOUND_COLOUR if span == found else MATCH_COLOUR
            fills += self._fills(shown(terminal.emulator, span), colour)
        if terminal.pointing.link is not None:
            cells = shown(terminal.emulator, terminal.pointing.link.span)
            line = terminal.surface.atlas.metrics.line
            for rect, colour in self._fills(cells, LINK_COLOUR):
                fills += _underlines(rect, terminal.layout.cell_height, line, colour)
        self._marks.show(fills)

    def _fills(self, cells: list[Rect], colour: Colour) -> list[Fill]:
        width, height = self._terminal.layout.cell_width, self._terminal.layout.cell_height
        return [
            (Rect(r.x * width, r.y * height, r.width * width, r.height * height), colour)
            for r in cells
        ]


def _underlines(rect: Rect, row: int, line: int, colour: Colour) -> list[Fill]:
    """Return a line at the lower edge of each row in a rectangle."""
    bottoms = range(rect.y + row, rect.bottom + 1, row)
    return [(Rect(rect.x, bottom - line, rect.width, line), colour) for bottom in bottoms]


def _cover(overlay: Overlay, rect: Rect, colour: Colour, *, shown: bool) -> None:
    """Make an overlay cover `rect` with one colour, or show nothing."""
    overlay.place(rect.x, rect.y)
    overlay.resize(rect.width, rect.height)
    overlay.show([(Rect(0, 0, rect.width, rect.height), colour)] if shown else [])
