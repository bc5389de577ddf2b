"""A notice above the picture, for protocols without a terminal to print it in."""

from __future__ import annotations

import textwrap

import numpy as np

from guacr.api import Array8, FrameBuffer, Layer, Rect, SessionContext, SolidSurface, compute
from handlers.lettering import Colour, Lettering
from terminal.drawing.fonts import FontsError

INK: Colour = (255, 255, 255)
PAPER: Colour = (40, 40, 40)
LETTERS_MIN, LETTERS_PER_HEIGHT = 14, 50
"""The height of the letters in pixels: at least so many, and this fraction of the picture's."""
LINES_MAX = 3
COLUMNS_MIN = 8


class Notice:
    """One notice at the top of the picture, until it is cleared."""

    def __init__(self, session: SessionContext) -> None:
        self._session = session
        self._layer: Layer | None = None
        self.text = ""
        """The text that is shown; empty for none."""

    def show(self, text: str) -> None:
        """Show a sentence instead of any other. If there is no picture yet, show it on an empty
        one."""
        if text != self.text:
            self.text = text
            self._session.start_task(self._show(text), "notice")

    def clear(self) -> None:
        """Show nothing."""
        self.text = ""
        self._remove()

    async def _show(self, text: str) -> None:
        display = self._session.display
        if display.size == (0, 0):
            display.set_surface(SolidSurface(*self._session.size, (0, 0, 0)))
        width, height = display.size
        try:
            pixels = await compute(drawn, text, width, height)
        except FontsError as error:
            self._session.log.warning("not shown, as %s: %s", error, text)
            return
        if text != self.text:
            return
        self._remove()
        rows, columns = pixels.shape[:2]
        surface = FrameBuffer(columns, rows)
        surface.blit(Rect(0, 0, columns, rows), pixels)
        self._layer = display.add_layer(surface, x=(width - columns) // 2)
        self._session.set_connected()
        self._session.changed()

    def _remove(self) -> None:
        layer, self._layer = self._layer, None
        if layer is not None:
            self._session.display.remove(layer)
            self._session.changed()


def drawn(text: str, width: int, height: int) -> Array8:
    """Draw a notice for a picture of `width` by `height` pixels."""
    letters = Lettering(max(LETTERS_MIN, height // LETTERS_PER_HEIGHT))
    margin = letters.height // 2
    columns = max(COLUMNS_MIN, letters.columns(width - 2 * margin))
    lines = textwrap.wrap(text, columns, max_lines=LINES_MAX, placeholder="…")
    across = max(letters.width(line) for line in lines)
    image = np.empty((letters.height * len(lines) + margin, across + 2 * margin, 4), np.uint8)
    image[:] = (*PAPER[::-1], 0)
    for number, line in enumerate(lines):
        top = margin // 2 + number * letters.height
        image[top : top + letters.height, margin:-margin] = letters.line(line, across, INK, PAPER)
    return image[:, :width]
