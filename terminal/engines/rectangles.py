"""The rectangles of DEC's functions, and the style changes of these functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from terminal.engines.contents import Attributes, Style, Underline
from terminal.engines.sgr import select

_CHANGED = frozenset((0, 1, 4, 5, 7, 8, 22, 24, 25, 27, 28))
_REVERSED = {
    0: (1, 4, 5, 7),
    **{number: (number,) for number in (1, 4, 5, 7, 8)},
}
_FLIPPED = {
    1: Attributes.BOLD,
    5: Attributes.BLINK,
    7: Attributes.INVERSE,
    8: Attributes.INVISIBLE,
}
_PLAIN = ~(Attributes.BOLD | Attributes.BLINK | Attributes.INVERSE)


class Rectangle(NamedTuple):
    """Rows and columns from 0, the ends included; empty if the top is below the bottom."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def rows(self) -> range:
        """The rows."""
        return range(self.top, self.bottom + 1)

    @property
    def width(self) -> int:
        """The number of columns."""
        return self.right - self.left + 1

    def cut(self, corners: Sequence[int]) -> Rectangle:
        """The rectangle of up to four parameters (top, left, bottom, right; 0 and missing ones are
        the edges) within this one, relative to its corner."""
        top, left, bottom, right = (*corners[:4], 0, 0, 0, 0)[:4]
        found = Rectangle(
            max(top, 1) - 1 + self.top,
            max(left, 1) - 1 + self.left,
            min(bottom - 1 + self.top, self.bottom) if bottom else self.bottom,
            min(right - 1 + self.left, self.right) if right else self.right,
        )
        empty = found.top > found.bottom or found.left > found.right
        return Rectangle(0, 0, -1, -1) if empty else found

    def spans(self, rectangular: bool, left: int, right: int) -> Iterator[tuple[int, int, int]]:
        """The rows with their first and last column: of the rectangle, or of the text from its
        first to its last cell in rows from `left` to `right` (DECSACE)."""
        for row in self.rows:
            first = self.left if rectangular or row == self.top else left
            last = self.right if rectangular or row == self.bottom else right
            yield row, first, last


def changed(style: Style, numbers: Sequence[int]) -> Style:
    """A style after DECCARA with these attributes."""
    for number in numbers or (0,):
        if number == 0:
            attributes = style.attributes & _PLAIN
            style = style._replace(attributes=attributes, underline=Underline.NONE)
        elif number in _CHANGED:
            style = select(style, str(number))
    return style


def flipped(style: Style, numbers: Sequence[int]) -> Style:
    """A style after DECRARA with these attributes."""
    for number in (one for given in numbers or (0,) for one in _REVERSED.get(given, ())):
        if number == 4:
            underline = Underline.NONE if style.underline else Underline.SINGLE
            style = style._replace(underline=underline)
        else:
            style = style._replace(attributes=style.attributes ^ _FLIPPED[number])
    return style
