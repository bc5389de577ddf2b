r"""Results as a grid of two of their columns, like psql's `\crosstabview`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

from guacr.api import BadRequestError, OverrunError
from handlers.database.adapter import Column, Columns, Event, Row, Rows

COLUMNS_MAX = 1600
"""Maximum values of the horizontal header, as in psql."""
CELLS_MAX = 1 << 20
"""Maximum cells of a grid, most of which may be empty."""
ARGUMENTS_MAX = 4
BATCH = 100
"""Rows of the grid that are built at a time."""
_NUMBER = re.compile(r"-?[0-9]*", re.ASCII)
_QUOTED_OR_NOT = re.compile(r'"((?:[^"]|"")*)"?|([^"]+)')
_DIGITS_MAX = 18
"""Maximum digits of a rank, which is a C integer in psql."""


class Crosstab:
    """A grid made from a result.

    Args:
        columns: the columns of the result.
        rows: the rows of the result.
        wanted: the columns for the vertical header, the horizontal header, the data and the order
            of the horizontal header, by number or name; missing ones default as in psql.
        null: the text for NULL in the horizontal header.

    Raises:
        GuacrError: the result cannot be shown as a grid.
    """

    def __init__(
        self, columns: Sequence[Column], rows: Sequence[Row], wanted: Sequence[str], null: str
    ) -> None:
        vertical, horizontal, data, order = _chosen(columns, wanted)
        self._left: dict[str | None, int] = {}
        self._cells: dict[tuple[int, int], str | None] = {}
        heads: dict[str | None, int] = {}
        ranks: dict[str | None, str | None] = {}
        for row in rows:
            name, head = row[vertical], row[horizontal]
            place = (
                self._left.setdefault(name, len(self._left)),
                heads.setdefault(head, len(heads)),
            )
            if len(heads) > COLUMNS_MAX:
                raise OverrunError(f"maximum number of columns ({COLUMNS_MAX}) exceeded")
            if place in self._cells:
                shown = [f'"{null if value is None else value[:100]}"' for value in (name, head)]
                raise BadRequestError(
                    "query result contains multiple data values for row "
                    f"{shown[0]}, column {shown[1]}"
                )
            self._cells[place] = row[data]
            if order is not None:
                ranks.setdefault(head, row[order])
        if len(self._left) * len(heads) > CELLS_MAX:
            raise OverrunError(
                f"{len(self._left)} rows and {len(heads)} columns are more than {CELLS_MAX} cells: "
                "select less"
            )
        self._order = [heads[head] for head in (_sorted(ranks) if ranks else heads)]
        names = [null if head is None else head for head in heads]
        self.columns = (
            columns[vertical],
            *(Column(names[place], columns[data].right) for place in self._order),
        )
        """The column of the vertical header, and one for each value of the horizontal header."""

    async def events(self) -> AsyncIterator[Event]:
        """The grid as a result."""
        yield Columns(self.columns)
        left = list(self._left)
        for start in range(0, len(left), BATCH):
            yield Rows([self._row(n, name) for n, name in enumerate(left[start:][:BATCH], start)])
        yield Rows([], last=True)

    def _row(self, number: int, name: str | None) -> Row:
        """A row; cells without data are empty, not NULL."""
        return (name, *(self._cells.get((number, place), "") for place in self._order))


def _chosen(columns: Sequence[Column], wanted: Sequence[str]) -> tuple[int, int, int, int | None]:
    """The columns for the vertical and horizontal header, the data and the order."""
    if len(columns) < 3:
        raise BadRequestError("query must return at least three columns")
    if len(wanted) < 3 and len(columns) > 3:
        raise BadRequestError(
            "data column must be specified when query returns more than three columns"
        )
    found = [_index(columns, text) for text in wanted[:2]]
    found += [0, 1][len(found) :]
    if found[0] == found[1]:
        raise BadRequestError("vertical and horizontal headers must be different columns")
    if len(wanted) > 2:
        data = _index(columns, wanted[2])
    else:
        data = next(place for place in range(3) if place not in found)
    return found[0], found[1], data, _index(columns, wanted[3]) if len(wanted) > 3 else None


def _index(columns: Sequence[Column], text: str) -> int:
    """The index of a column, by its number or its name as an identifier."""
    if text.isascii() and text.isdigit():
        number = int(text[:_DIGITS_MAX])
        if not 1 <= number <= len(columns):
            raise BadRequestError(f"column number {number} is out of range 1..{len(columns)}")
        return number - 1
    name = _QUOTED_OR_NOT.sub(
        lambda match: match[2].lower() if match[1] is None else match[1].replace('""', '"'), text
    )
    found = [place for place, column in enumerate(columns) if column.name == name]
    if len(found) != 1:
        what = "ambiguous column name" if found else "column name not found"
        raise BadRequestError(f'{what}: "{name[:100]}"')
    return found[0]


def _sorted(ranks: dict[str | None, str | None]) -> list[str | None]:
    """The values of the horizontal header ordered by rank, then by bytes, with NULL last."""

    def key(head: str | None) -> tuple[int, bool, bytes]:
        return _rank(ranks[head]), head is None, (head or "").encode(errors="surrogatepass")

    return sorted(ranks, key=key)


def _rank(text: str | None) -> int:
    """The rank of a text; 0 if it is not an integer."""
    digits = text is not None and _NUMBER.fullmatch(text) and text.strip("-")
    return int(text[:_DIGITS_MAX]) if text and digits else 0
