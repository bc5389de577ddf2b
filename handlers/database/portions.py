"""How much of a result is fetched at a time."""

from __future__ import annotations

from collections.abc import Sequence

ROWS_FIRST = 16
ROWS_MAX = 500
"""Rows: few at first, so that they are there soon, and more each time."""
GROWTH = 4
CHARACTERS = 1 << 20
"""Characters, about, of a portion: there are fewer rows where they are long."""
PER_VALUE = 16
"""Characters that a value counts for beside its own: as many take as long to lay out."""
_SAMPLE = 16
"""One of so many rows is looked at for its length."""


class Portions:
    """Says how many rows to fetch next, from those that were fetched."""

    __slots__ = ("_gathered", "rows")

    def __init__(self) -> None:
        self.rows = ROWS_FIRST
        """The next portion."""
        self._gathered = 0

    def is_full(self, rows: Sequence[Sequence[object]]) -> bool:
        """Whether these are a portion; asked after each row, where they come one by one."""
        count = len(rows)
        if count <= _SAMPLE:
            self._gathered += weight_of(rows[-1])
        elif count % _SAMPLE == 0:
            self._gathered += weight_of(rows[-1]) * _SAMPLE
        return count >= self.rows or self._gathered > CHARACTERS

    def took(self, rows: Sequence[Sequence[object]]) -> None:
        """These were fetched."""
        self._gathered = 0
        some = rows[::_SAMPLE]
        found = sum(map(weight_of, some))
        fitting = CHARACTERS * len(some) // max(found, 1)
        self.rows = max(1, min(self.rows * GROWTH, ROWS_MAX, fitting))


def weight_of(row: Sequence[object]) -> int:
    """Characters that a row counts for; numbers and the like have none of their own."""
    own = sum(len(value) for value in row if isinstance(value, (str, bytes)))
    return own + len(row) * PER_VALUE
