"""How much of a result is fetched at a time."""

from __future__ import annotations

from collections.abc import Sequence

ROWS_FIRST = 16
ROWS_MAX = 500
"""Rows: few at first, so that they are there soon, and more each time."""
GROWTH = 4
CHARACTERS = 1 << 20
"""Characters, about, of a portion: there are fewer rows where they are long."""
_SAMPLE = 16
"""One of so many rows is looked at for its length."""


class Portions:
    """Says how many rows to fetch next, from those that were fetched."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows = ROWS_FIRST
        """The next portion."""

    def took(self, rows: Sequence[Sequence[object]]) -> None:
        """These were fetched; numbers and the like count for nothing."""
        some = rows[::_SAMPLE]
        found = sum(len(value) for row in some for value in row if isinstance(value, (str, bytes)))
        fitting = CHARACTERS * len(some) // max(found, 1)
        self.rows = max(1, min(self.rows * GROWTH, ROWS_MAX, fitting))
