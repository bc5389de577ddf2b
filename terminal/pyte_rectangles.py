"""Rectangles and columns of the pyte engine: what DEC's VT420 copies, fills, erases and shifts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from terminal import checksums
from terminal.checksums import checksum
from terminal.contents import Style
from terminal.pyte_editing import Protection
from terminal.pyte_grid import ORIGIN
from terminal.pyte_library import Margins
from terminal.pyte_modes import PyteModes
from terminal.pyte_pens import Pen
from terminal.pyte_rows import BLANK, HEAD, SPACER, Line
from terminal.rectangles import Rectangle, changed, flipped

_TEXTS = {BLANK: "", HEAD: "", SPACER: checksums.SPACER}


class PyteRectangles(PyteModes):
    """A screen with rectangles."""

    def rectangle(self, corners: Sequence[int]) -> Rectangle:
        """The rectangle of four parameters on the screen, or in origin mode in the region."""
        screen = Rectangle(0, 0, self.lines - 1, self.columns - 1)
        if ORIGIN in self.mode:
            (top, bottom), (left, right) = self.region, self.span
            screen = Rectangle(top, left, bottom, right)
        return screen.cut(corners)

    def _touched(self, area: Rectangle) -> Iterator[Line]:
        """The rows of a rectangle, to be changed between its sides."""
        self.dirty.update(area.rows)
        self.work += len(area.rows) * self.columns
        for line in self.rows[area.top : area.bottom + 1]:
            if area.right == self.columns - 1:
                line.wrapped = False
            yield line

    def fill_rectangle(self, code: int = 0, *corners: int) -> None:
        """DECFRA, with a character of ASCII or Latin-1."""
        if not (32 <= code <= 126 or 160 <= code <= 255):
            return
        char = chr(code).translate(self.charsets[self.charset])
        area = self.rectangle(corners)
        count = area.width
        for line in self._touched(area):
            line.erase(area.left, area.right + 1, self.pen)
            line.cells[area.left : area.right + 1] = char * count

    def erase_rectangle(self, *corners: int) -> None:
        """DECERA."""
        area = self.rectangle(corners)
        for line in self._touched(area):
            line.erase(area.left, area.right + 1, self.pen.blank)

    def selective_erase_rectangle(self, *corners: int) -> None:
        """DECSERA: the characters that DECSCA does not protect; their styles stay."""
        area = self.rectangle(corners)
        for line in self._touched(area):
            if self.protection is Protection.DEC:
                line.erase_unprotected(area.left, area.right + 1, None)
            else:
                line.blank(area.left, area.right + 1)

    def copy_rectangle(self, *parameters: int) -> None:
        """DECCRA, on the one page there is."""
        source = self.rectangle(parameters[:4])
        target = self.rectangle(parameters[5:7])
        height = min(source.bottom - source.top, target.bottom - target.top) + 1
        width = min(source.right - source.left, target.right - target.left) + 1
        if height < 1 or width < 1:
            return
        end = source.left + width
        lines = self.rows[source.top : source.top + height]
        rows = [(_clipped(line, source.left, end), line.pens[source.left : end]) for line in lines]
        area = Rectangle(target.top, target.left, target.top + height - 1, target.left + width - 1)
        for line, (cells, pens) in zip(self._touched(area), rows, strict=True):
            line.cut(area.left, area.right + 1)
            line.cells[area.left : area.right + 1] = cells
            line.pens[area.left : area.right + 1] = pens

    # Attributes

    def set_attribute_extent(self, how: int = 0, *_: int) -> None:
        """DECSACE."""
        if how <= 2:
            self.attribute_rectangle = how == 2

    def change_attributes(self, *parameters: int) -> None:
        """DECCARA."""
        self._restyle(parameters[:4], lambda style: changed(style, parameters[4:]))

    def reverse_attributes(self, *parameters: int) -> None:
        """DECRARA."""
        self._restyle(parameters[:4], lambda style: flipped(style, parameters[4:]))

    def _restyle(self, corners: tuple[int, ...], change: Callable[[Style], Style]) -> None:
        """Change the pens of a rectangle, or of the text from its first cell to its last."""
        area = self.rectangle(corners)
        sides = self.span if ORIGIN in self.mode else (0, self.columns - 1)
        known: dict[Pen, Pen] = {}
        self.work += len(area.rows) * self.columns
        for row, first, last in area.spans(self.attribute_rectangle, *sides):
            line = self.rows[row]
            for pen in set(line.pens[first : last + 1]) - known.keys():
                known[pen] = self.pens_known.pen(
                    change(pen.style), pen.link, protected=pen.protected
                )
            pens = [known[pen] for pen in line.pens[first : last + 1]]
            line.pens[first : last + 1], line.origin = pens, None
            if any(pen.blank is not pen for pen in set(pens)):
                line.cells[first : last + 1] = [
                    " " if cell == BLANK and pen.blank is not pen else cell
                    for cell, pen in zip(line.cells[first : last + 1], pens, strict=True)
                ]
        self.dirty.update(area.rows)

    # Columns

    def insert_columns(self, count: int = 0, *_: int) -> None:
        """DECIC: blank columns at the cursor, within the margins."""
        if self._within:
            self._shift_columns(self.cursor.x, -(count or 1))

    def delete_columns(self, count: int = 0, *_: int) -> None:
        """DECDC."""
        if self._within:
            self._shift_columns(self.cursor.x, count or 1)

    def scroll_left(self, count: int = 0, *_: int) -> None:
        """SL: what is between the margins goes left."""
        if self._within:
            self._shift_columns(self.span[0], count or 1)

    def scroll_right(self, count: int = 0, *_: int) -> None:
        """SR."""
        if self._within:
            self._shift_columns(self.span[0], -(count or 1))

    def back_index(self) -> None:
        """DECBI: to the left; at the left margin what is between the margins goes right."""
        if self.cursor.x == self.span[0]:
            if self._within:
                self._shift_columns(self.cursor.x, -1)
        elif self.cursor.x:
            self.cursor.x -= 1

    def forward_index(self) -> None:
        """DECFI: to the right; at the right margin what is between the margins goes left."""
        if self.cursor.x == self.span[1]:
            if self._within:
                self._shift_columns(self.span[0], 1)
        elif self.cursor.x < self.columns - 1:
            self.cursor.x += 1

    @property
    def _within(self) -> bool:
        """Whether the cursor is between all margins."""
        top, bottom = self.region
        return self.within_sides and top <= self.cursor.y <= bottom

    def _shift_columns(self, left: int, count: int) -> None:
        """Move cells left, or with a negative count right, up to the right margin."""
        (top, bottom), end = self.region, self.span[1] + 1
        count = max(left - end, min(count, end - left))
        empty, blank = [BLANK] * abs(count), [self.pen.blank] * abs(count)
        for line in self._touched(Rectangle(top, left, bottom, end - 1)):
            for edge in (left, end, left + count if count > 0 else end + count):
                if edge < self.columns:
                    line.cut(edge, edge)
            cells, pens = line.cells[left:end], line.pens[left:end]
            if count > 0:
                line.cells[left:end], line.pens[left:end] = (
                    cells[count:] + empty,
                    pens[count:] + blank,
                )
            else:
                line.cells[left:end], line.pens[left:end] = (
                    empty + cells[:count],
                    blank + pens[:count],
                )

    # Memory lock

    def lock_memory(self) -> None:
        """HP's memory lock: the rows above the cursor do not scroll."""
        if self.cursor.y < self.lines - 1:
            self._set_top(self.cursor.y)

    def unlock_memory(self) -> None:
        """The end of it."""
        self._set_top(0)

    def _set_top(self, top: int) -> None:
        bottom = self.region[1]
        if top < bottom:
            self.margins = Margins(top, bottom) if (top, bottom) != (0, self.lines - 1) else None

    def checksum_of(self, *corners: int) -> int:
        """DECRQCRA's."""
        area = self.rectangle(corners)
        self.work += 10 * len(area.rows) * self.columns  # as they are gone through one by one
        return checksum(
            (_TEXTS.get(cell, cell), pen.style)
            for line in self.rows[area.top : area.bottom + 1]
            for cell, pen in zip(
                line.cells[area.left : area.right + 1],
                line.pens[area.left : area.right + 1],
                strict=True,
            )
        )


def _clipped(line: Line, start: int, end: int) -> list[str]:
    """Cells without halves of wide characters."""
    cells = [BLANK if cell == HEAD else cell for cell in line.cells[start:end]]
    if cells[0] == SPACER:
        cells[0] = BLANK
    if end < len(line.cells) and line.cells[end] == SPACER:
        cells[-1] = BLANK
    return cells
