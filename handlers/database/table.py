"""Results as text: aligned tables, or a record below the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from guacr.showable import escaped, showable
from handlers.database.adapter import Column, Row
from terminal.pyte_widths import width_of

CELL_MAX = 4096
"""Characters of a value that are shown."""
NULL = "NULL"
HEAD_STYLE = "\x1b[1m", "\x1b[22m"
LABEL_WIDTH_MAX = 40
VALUE_WIDTH_MIN = 20
"""Columns of a record's values, at least, where the window has them."""


def shown(value: str | None, null: str = NULL) -> str:
    """A value in one line: line ends are arrows, other control characters are escaped."""
    if value is None:
        return null
    if len(value) > CELL_MAX:
        value = value[: CELL_MAX - 1] + "…"
    return showable(value, _escaped)


def clipped(row: Row) -> Row:
    """A row without what `shown` leaves out of its values anyway."""
    if any(value is not None and len(value) > CELL_MAX for value in row):
        return tuple(value and value[: CELL_MAX + 1] for value in row)
    return row


def wrapped(text: str, width: int) -> list[str]:
    """A line of any length in parts that are at most `width` columns wide."""
    text = showable(text, _escaped)
    if text.isascii():
        return [text[i : i + width] for i in range(0, len(text), width)] or [""]
    parts = [""]
    used = 0
    for character in text:
        size = width_of(character)
        if used + size > width:
            parts.append("")
            used = 0
        parts[-1] += character
        used += size
    return parts


def _escaped(character: str) -> str:
    if character == "\n":
        return "↵"
    if character == "\t":
        return "    "
    return escaped(character)


def cells(text: str) -> int:
    """Columns of the terminal that a printable text takes: those of its characters one by one, as
    terminals count them that no program has asked for clusters (mode 2027)."""
    if text.isascii():
        return len(text)
    return sum(map(width_of, text))


def cut(text: str, start: int, width: int) -> str:
    """The part of a printable text from column `start` on, at most `width` columns wide."""
    if text.isascii():
        return text[start : start + width]
    parts: list[str] = []
    column = 0
    for character in text:
        size = width_of(character)
        if column >= start and column + size <= start + width:
            parts.append(character)
        elif column < start < column + size:
            parts.append(" ")
        column += size
        if column > start + width:
            break
    return "".join(parts)


class Table:
    """Columns that grow as wide as what they have been shown needs; `null` stands for NULL."""

    __slots__ = ("_columns", "_null", "_widths")

    def __init__(self, columns: Sequence[Column], null: str = NULL) -> None:
        self._columns = columns
        self._null = null
        self._widths = [cells(shown(column.name)) for column in columns]

    def measure(self, rows: Iterable[Row]) -> None:
        """Make room for these rows."""
        widths = self._widths
        for row in rows:
            for index, value in enumerate(row):
                width = cells(shown(value, self._null))
                if width > widths[index]:
                    widths[index] = width

    @property
    def width(self) -> int:
        """Columns of the terminal that a line takes."""
        return sum(self._widths) + 3 * len(self._widths) - 1

    def head(self) -> list[str]:
        """The names of the columns, and a rule."""
        pairs = zip(self._columns, self._widths, strict=True)
        names = (_centred(shown(column.name), width) for column, width in pairs)
        return [
            " " + " │ ".join(names) + " ",
            "─" + "─┼─".join("─" * width for width in self._widths) + "─",
        ]

    def line(self, row: Row) -> str:
        """A row."""
        parts = zip(row, self._columns, self._widths, strict=True)
        return (
            " "
            + " │ ".join(
                _aligned(shown(value, self._null), width, right=column.right)
                for value, column, width in parts
            )
            + " "
        )


def records(
    columns: Sequence[Column], rows: Iterable[Row], first: int, null: str = NULL, *, width: int
) -> list[str]:
    """Rows below each other, a value in as many lines of `width` as it needs; `first` is the first
    row's number."""
    names = [cut_marked(shown(column.name), LABEL_WIDTH_MAX) for column in columns]
    label = max(map(cells, names), default=0)
    label = max(min(label, width - VALUE_WIDTH_MIN - 3), 1)
    names = [cut_marked(name, label) for name in names]
    room = max(width - label - 3, 1)
    lines: list[str] = []
    for number, row in enumerate(rows, first):
        lines.append(cut(f"─[ RECORD {number} ]".ljust(label + 12, "─"), 0, width))
        for name, value in zip(names, row, strict=True):
            lines += _record_lines(_aligned(name, label), value, null, room)
    return lines


def _record_lines(label: str, value: str | None, null: str, room: int) -> list[str]:
    """A value behind its label; what is wrapped goes on behind another rule."""
    blank = " " * cells(label)
    lines: list[str] = []
    for text in [null] if value is None else _limited(value).split("\n"):
        rule = "│"
        for part in wrapped(text.removesuffix("\r"), room):
            lines.append(f"{blank if lines else label} {rule} {part}")
            rule = "┊"
    return lines


def _limited(value: str) -> str:
    return value if len(value) <= CELL_MAX else value[: CELL_MAX - 1] + "…"


def cut_marked(text: str, width: int) -> str:
    """A text in `width` columns; what is cut from it leaves a mark."""
    return text if cells(text) <= width else cut(text, 0, width - 1) + "…"


def _aligned(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - cells(text))
    return blanks + text if right else text + blanks


def _centred(text: str, width: int) -> str:
    before = (width - cells(text)) // 2
    return _aligned(" " * before + text, width)
