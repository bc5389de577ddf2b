"""Find the difference between two screens of cells: what scrolled, and what is new."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.drawing.renderer import DrawnCells

MIN_SCROLL_ROWS = 3
"""With fewer changed rows, redrawing costs no more than searching for moves."""

MIN_MOVED_ROWS = 2
GAP_COLUMNS = 16
"""Unchanged cells in a row that justify a second rectangle."""

MAX_SPLIT_ROWS = 4
"""With more changed rows than this, each counts as one span."""

RECT_COST_CELLS = 24
"""The fixed cost of a rectangle, in drawn cells."""


class Move(NamedTuple):
    """Rows that have moved."""

    source: int
    target: int
    rows: int


class Block(NamedTuple):
    """A rectangle of cells, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        """The number of cells."""
        return (self.bottom - self.top) * (self.right - self.left)

    def union(self, other: Block) -> Block:
        """The smallest block that contains both."""
        return Block(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


def find_moves(old: DrawnCells, new: DrawnCells, rows: list[int]) -> list[Move]:
    """Find rows of the old screen that appear elsewhere on the new one, all moved by the same
    distance, in an order in which none is overwritten before it has moved.

    Args:
        old: (rows, columns).
        new: the same.
        rows: the rows that may differ.
    """
    if len(rows) < MIN_SCROLL_ROWS:
        return []
    useful = (old != new).any(axis=1) & ~_uniform(new)
    distance = _distance(old, new, useful.nonzero()[0].tolist())
    if distance == 0:
        return []
    targets = np.arange(max(0, -distance), len(old) - max(0, distance))
    equal = (new[targets] == old[targets + distance]).all(axis=1)
    moves = [
        Move(int(targets[first]) + distance, int(targets[first]), past - first)
        for first, past in _runs(equal)
        if np.count_nonzero(useful[targets[first:past]]) >= MIN_MOVED_ROWS
    ]
    return moves if distance > 0 else moves[::-1]


def _distance(old: DrawnCells, new: DrawnCells, changed: list[int]) -> int:
    """The distance by which most changed rows have moved (old row minus new row), or 0 if too few
    were found."""
    places: dict[bytes, int] = {}
    for row in range(len(old)):
        key = old[row].tobytes()
        places[key] = -1 if key in places else row
    votes: Counter[int] = Counter()
    for row in changed:
        place = places.get(new[row].tobytes(), -1)
        if place >= 0 and place != row:
            votes[place - row] += 1
    distance, count = max(votes.items(), key=lambda vote: vote[1], default=(0, 0))
    return distance if count >= MIN_MOVED_ROWS else 0


def _uniform(cells: DrawnCells) -> NDArray[np.bool_]:
    """(rows,): whether all cells of a row are the same."""
    uniform: NDArray[np.bool_] = (cells == cells[:, :1]).all(axis=1)
    return uniform


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The ranges of consecutive set flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(past)) for first, past in edges.reshape(-1, 2)]


def find_blocks(old: DrawnCells, new: DrawnCells, rows: list[int]) -> list[Block]:
    """Cover all cells in which two screens differ with a few blocks that do not overlap.

    Args:
        old: (rows, columns).
        new: the same.
        rows: the rows to compare, ascending; all others are equal.
    """
    if len(rows) <= MAX_SPLIT_ROWS:
        return _merge_any(
            [
                Block(row, left, row + 1, right)
                for row in rows
                for left, right in _spans((old[row] != new[row]).nonzero()[0].tolist())
            ]
        )
    differ = old[rows] != new[rows]
    lefts = differ.argmax(axis=1).tolist()
    rights = (differ.shape[1] - differ[:, ::-1].argmax(axis=1)).tolist()
    hits = differ.any(axis=1).tolist()
    lines = zip(rows, lefts, rights, hits, strict=True)
    return _merge_down([Block(row, left, row + 1, right) for row, left, right, hit in lines if hit])


def _spans(columns: list[int]) -> list[tuple[int, int]]:
    """The spans of changed cells in a row, separated by gaps of more than GAP_COLUMNS."""
    if not columns:
        return []
    if columns[-1] - columns[0] <= GAP_COLUMNS:
        return [(columns[0], columns[-1] + 1)]
    spans, first = [], columns[0]
    for left, right in itertools.pairwise(columns):
        if right - left > GAP_COLUMNS:
            spans.append((first, left + 1))
            first = right
    return [*spans, (first, columns[-1] + 1)]


def _overlap(one: Block, other: Block) -> bool:
    rows = max(one.top, other.top) < min(one.bottom, other.bottom)
    return rows and max(one.left, other.left) < min(one.right, other.right)


def _worth(one: Block, other: Block, union: Block) -> bool:
    return union.area <= one.area + other.area + RECT_COST_CELLS


def _merge_down(spans: list[Block]) -> list[Block]:
    """Join each row's single span with those above it, so that blocks stay below one another."""
    blocks = spans[:1]
    for span in spans[1:]:
        union = blocks[-1].union(span)
        if _worth(blocks[-1], span, union):
            blocks[-1] = union
        else:
            blocks.append(span)
    return blocks


def _merge_any(blocks: list[Block]) -> list[Block]:
    """Join blocks while any two overlap or joining them pays off; meant for few blocks."""
    for index, one in enumerate(blocks):
        for other in blocks[index + 1 :]:
            union = one.union(other)
            if _overlap(one, other) or _worth(one, other, union):
                rest = [block for block in blocks if block not in (one, other)]
                return _merge_any([union, *rest])
    return blocks
