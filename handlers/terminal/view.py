"""A terminal on a session's display: background, text, selection, scroll bar, mouse cursor."""

from __future__ import annotations

from guacr.display import cursor
from guacr.display.display import Display
from guacr.display.geometry import Rect
from guacr.display.overlay import Fill, Overlay
from guacr.display.solid import SolidSurface
from terminal.pointing import Pointer
from terminal.terminal import Terminal

SELECTION_COLOUR = (0x00, 0x80, 0xFF, 0x60)
TRACK_COLOUR = (0x80, 0x80, 0x80, 0x40)
HANDLE_COLOUR = (0xA0, 0xA0, 0xA0, 0x8F)
"""Red, green, blue, alpha; guacd's."""

_CURSORS = {
    Pointer.TEXT: cursor.TEXT,
    Pointer.ARROW: cursor.POINTER,
    Pointer.LINK: cursor.LINK,
    Pointer.HIDDEN: cursor.NONE,
}


class TerminalView:
    """The layers of one terminal. `refresh` brings them up to date; the text's layer asks its
    surface by itself."""

    __slots__ = ("_background", "_display", "_handle", "_selection", "_terminal", "_text", "_track")

    def __init__(self, display: Display, terminal: Terminal) -> None:
        layout = terminal.layout
        text = layout.text
        self._display = display
        self._terminal = terminal
        colour = terminal.scheme.colours.background
        self._background = SolidSurface(layout.width, layout.height, colour)
        display.set_surface(self._background)
        self._text = display.add_layer(terminal.surface, x=text.x, y=text.y)
        self._selection = display.add_overlay(*text)
        self._track = display.add_overlay(*layout.scrollbar)
        self._handle = display.add_overlay(*layout.scrollbar)
        self.refresh()

    def refresh(self) -> None:
        """Show the selection, the scroll bar and the mouse cursor as they are now."""
        self._refresh_selection()
        bar = self._terminal.pointing.scrollbar
        _cover(self._track, bar.track, TRACK_COLOUR, shown=not bar.hidden)
        _cover(self._handle, bar.handle, HANDLE_COLOUR, shown=not bar.hidden)
        self._display.set_cursor(_CURSORS[self._terminal.pointing.shape])

    def rearrange(self) -> None:
        """Follow a change of the window's size, the font or the colours."""
        layout = self._terminal.layout
        text = layout.text
        self._background.resize(layout.width, layout.height)
        self._background.paint(self._terminal.scheme.colours.background)
        self._text.place(text.x, text.y)
        self._selection.place(text.x, text.y)
        self._selection.resize(text.width, text.height)
        self.refresh()

    def _refresh_selection(self) -> None:
        width, height = self._terminal.layout.cell_width, self._terminal.layout.cell_height
        fills: list[Fill] = [
            (Rect(r.x * width, r.y * height, r.width * width, r.height * height), SELECTION_COLOUR)
            for r in self._terminal.selection.rects()
        ]
        self._selection.show(fills)


def _cover(overlay: Overlay, rect: Rect, colour: tuple[int, int, int, int], *, shown: bool) -> None:
    """Have an overlay cover `rect` with one colour, or show nothing."""
    overlay.place(rect.x, rect.y)
    overlay.resize(rect.width, rect.height)
    overlay.show([(Rect(0, 0, rect.width, rect.height), colour)] if shown else [])
