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

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows = ROWS_FIRST
        """The next portion."""

    def took(self, rows: Sequence[Sequence[object]]) -> None:
        """These were fetched."""
        some = rows[::_SAMPLE]
        found = sum(map(weight_of, some))
        fitting = CHARACTERS * len(some) // max(found, 1)
        self.rows = max(1, min(self.rows * GROWTH, ROWS_MAX, fitting))


def weight_of(row: Sequence[object]) -> int:
    """Characters that a row counts for; numbers and the like have none of their own."""
    own = sum(len(value) for value in row if isinstance(value, (str, bytes)))
    return own + len(row) * PER_VALUE
