"""The portions in which results are fetched."""

from __future__ import annotations

from collections.abc import Sequence

ROWS_FIRST = 16
ROWS_MAX = 500
"""Rows per portion: few at first, so that they arrive soon, and more each time."""
GROWTH = 4
CHARACTERS = 1 << 20
"""Approximate characters per portion: fewer rows if they are long."""
PER_VALUE = 16
"""Characters that each value counts for in addition to its own, for the cost of its layout."""
_SAMPLE = 16
"""One in so many rows is measured."""


class Portions:
    """Determines how many rows to fetch next."""

    __slots__ = ("_gathered", "rows")

    def __init__(self) -> None:
        self.rows = ROWS_FIRST
        """The size of the next portion."""
        self._gathered = 0

    def is_full(self, rows: Sequence[Sequence[object]]) -> bool:
        """Return whether these rows are a portion; called after each row if they arrive one by
        one."""
        count = len(rows)
        if count <= _SAMPLE:
            self._gathered += weight_of(rows[-1])
        elif count % _SAMPLE == 0:
            self._gathered += weight_of(rows[-1]) * _SAMPLE
        return count >= self.rows or self._gathered > CHARACTERS

    def took(self, rows: Sequence[Sequence[object]]) -> None:
        """Record fetched rows."""
        self._gathered = 0
        some = rows[::_SAMPLE]
        found = sum(map(weight_of, some))
        fitting = CHARACTERS * len(some) // max(found, 1)
        self.rows = max(1, min(self.rows * GROWTH, ROWS_MAX, fitting))


def weight_of(row: Sequence[object]) -> int:
    """The characters that a row counts for; numbers and the like have none of their own."""
    own = sum(len(value) for value in row if isinstance(value, (str, bytes)))
    return own + len(row) * PER_VALUE
