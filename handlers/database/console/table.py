"""Results as text: aligned tables, or expanded display."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from guacr.api import escaped, showable
from handlers.database.adapter import Column, Row
from terminal.engines.pyte.widths import width_of

CELL_MAX = 4096
"""Maximum characters of a value that are shown."""
NULL = "NULL"
HEAD_STYLE = "\x1b[1m", "\x1b[22m"
LABEL_WIDTH_MAX = 40
BROKEN_MAX = 65_536
"""Maximum cells, including blank ones, of the lines of a row."""
VALUE_WIDTH_MIN = 20
"""Minimum width of a record's values, if the window is wide enough."""


def shown(value: str | None, null: str = NULL) -> str:
    """A value in one line: line ends are arrows, other control characters are escaped."""
    if value is None:
        return null
    if len(value) > CELL_MAX:
        value = value[: CELL_MAX - 1] + "…"
    return showable(value, _escaped)


def clipped(row: Row) -> Row:
    """A row without the parts of its values that `shown` would cut anyway."""
    if any(value is not None and len(value) > CELL_MAX for value in row):
        return tuple(value and value[: CELL_MAX + 1] for value in row)
    return row


def broken(row: Row) -> list[Row]:
    """The table lines of a row: as in psql, a value that ends with a line end continues in the next
    one."""
    if not any(value is not None and "\n" in value for value in row):
        return [row]
    most = max(BROKEN_MAX // len(row), 2)
    columns = [[value] if value is None else _parts(_limited(value), most) for value in row]
    return list(zip_longest(*columns, fillvalue=""))


def _parts(value: str, most: int) -> list[str]:
    """The lines of a value, all but the last with their ends."""
    *parts, last = value.split("\n", most)
    return [f"{part}\n" for part in parts[: most - 1]] + ["…" if len(parts) == most else last]


def wrapped(text: str, width: int) -> list[str]:
    """Split a line of any length into parts that are at most `width` columns wide."""
    text = showable(text, _escaped)
    if text.isascii():
        return [text[i : i + width] for i in range(0, len(text), width)] or [""]
    parts = []
    start = used = 0
    for index, size in enumerate(map(width_of, text)):
        if used + size > width:
            parts.append(text[start:index])
            start, used = index, 0
        used += size
    return [*parts, text[start:]]


def _escaped(character: str) -> str:
    if character == "\n":
        return "↵"
    if character == "\t":
        return "    "
    return escaped(character)


def cells(text: str) -> int:
    """The width of a printable text in columns: the sum over its characters, as in terminals in
    which no program has enabled clusters (mode 2027)."""
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
    """A table whose columns grow to fit their values; `null` is the text for NULL. Its rows are
    those returned by `broken`."""

    __slots__ = ("_columns", "_null", "_widths")

    def __init__(self, columns: Sequence[Column], null: str = NULL) -> None:
        self._columns = columns
        self._null = null
        self._widths = [cells(shown(column.name)) for column in columns]

    def measure(self, rows: Iterable[Row]) -> None:
        """Widen the columns for rows."""
        widths = self._widths
        for row in rows:
            for index, value in enumerate(row):
                width = cells(self._shown(value))
                if width > widths[index]:
                    widths[index] = width

    @property
    def width(self) -> int:
        """The width of a line in columns."""
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
        """A row; an arrow after a value says that it continues in the next line."""
        parts = zip(row, self._columns, self._widths, strict=True)
        return "│".join(
            f" {_aligned(self._shown(value), width, right=column.right)}{_mark(value)}"
            for value, column, width in parts
        )

    def _shown(self, value: str | None) -> str:
        return self._null if value is None else shown(value.removesuffix("\n"))


def _mark(value: str | None) -> str:
    return "↵" if value is not None and value.endswith("\n") else " "


def records(
    columns: Sequence[Column], rows: Iterable[Row], first: int, null: str = NULL, *, width: int
) -> list[str]:
    """Rows in expanded display, each value in as many lines of `width` as it needs; `first` is the
    number of the first row."""
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
    """A value after its label; wrapped lines continue after a different rule."""
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
    """A text in `width` columns, with a mark if it is cut."""
    return text if cells(text) <= width else cut(text, 0, width - 1) + "…"


def _aligned(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - cells(text))
    return blanks + text if right else text + blanks


def _centred(text: str, width: int) -> str:
    before = (width - cells(text)) // 2
    return _aligned(" " * before + text, width)
