"""The rectangles of cells that a span of text fills."""

from __future__ import annotations

from guacr.display.geometry import Rect
from terminal.engines.contents import Span
from terminal.engines.emulator import Emulator


def cells_of(span: Span, columns: int, *, rectangle: bool = False) -> list[Rect]:
    """The rectangles of a span, in columns and absolute rows: the text from start to end in rows of
    so many columns, or the rectangle between the two."""
    (left, top), (right, bottom) = span
    if rectangle or top == bottom:
        return [Rect(left, top, right - left + 1, bottom - top + 1)]
    return [
        Rect(left, top, columns - left, 1),
        Rect(0, top + 1, columns, bottom - top - 1),
        Rect(0, bottom, right + 1, 1),
    ]


def shown(emulator: Emulator, span: Span, *, rectangle: bool = False) -> list[Rect]:
    """The visible part of a span, in columns and viewport rows; at most three rectangles."""
    bar = emulator.scrollbar
    viewport = Rect(0, 0, emulator.columns, bar.visible)
    parts = cells_of(span, emulator.columns, rectangle=rectangle)
    visible = (part.moved(0, -bar.offset).intersection(viewport) for part in parts)
    return [rect for rect in visible if rect is not None]
