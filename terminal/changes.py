"""Finds out how one screen of cells became another: what scrolled, and what is new."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.renderer import DrawnCells

MIN_SCROLL_ROWS = 3
"""Fewer changed rows are drawn anew: that costs no more than to find out."""

MIN_MOVED_ROWS = 2
GAP_COLUMNS = 16
"""Unchanged cells in a row that are worth a second rectangle."""

MAX_SPLIT_ROWS = 4
"""With more changed rows than this, each counts as one span."""

RECT_COST_CELLS = 24
"""What a rectangle costs by itself, in cells drawn."""


class Move(NamedTuple):
    """Rows that are elsewhere now."""

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
        """Cells in it."""
        return (self.bottom - self.top) * (self.right - self.left)

    def union(self, other: Block) -> Block:
        """The smallest block that holds both."""
        return Block(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


def find_moves(old: DrawnCells, new: DrawnCells, changed: NDArray[np.intp]) -> list[Move]:
    """Rows of the old screen that stand elsewhere on the new one, all by the same distance, in
    an order in which none is overwritten before it has moved.

    Args:
        old: (rows, columns).
        new: the same.
        changed: the rows in which they differ.
    """
    if len(changed) < MIN_SCROLL_ROWS:
        return []
    distance = _distance(old, new, changed)
    if distance == 0:
        return []
    rows = len(old)
    targets = np.arange(max(0, -distance), rows - max(0, distance))
    equal = (new[targets] == old[targets + distance]).all(axis=1)
    useful = np.zeros(rows, np.bool_)
    useful[changed] = True
    useful &= ~_uniform(new)
    moves = [
        Move(int(targets[first]) + distance, int(targets[first]), past - first)
        for first, past in _runs(equal)
        if np.count_nonzero(useful[targets[first:past]]) >= MIN_MOVED_ROWS
    ]
    return moves if distance > 0 else moves[::-1]


def _distance(old: DrawnCells, new: DrawnCells, changed: NDArray[np.intp]) -> int:
    """How far most changed rows have come: the row they stood in, less the one they stand in;
    0 where none was found again."""
    places: dict[bytes, int] = {}
    for row in range(len(old)):
        key = old[row].tobytes()
        places[key] = -1 if key in places else row
    votes: Counter[int] = Counter()
    for row in changed[~_uniform(new[changed])].tolist():
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
    """Where runs of set flags begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(past)) for first, past in edges.reshape(-1, 2)]


def find_blocks(old: DrawnCells, new: DrawnCells, rows: NDArray[np.intp]) -> list[Block]:
    """Few blocks, that do not overlap, with all cells in which two screens differ.

    Args:
        old: (rows, columns).
        new: the same.
        rows: where to look; the others are equal.
    """
    differ = old[rows] != new[rows]
    hit = differ.any(axis=1)
    rows, differ = rows[hit], differ[hit]
    if not len(rows):
        return []
    lefts = differ.argmax(axis=1)
    rights = differ.shape[1] - differ[:, ::-1].argmax(axis=1)
    if len(rows) <= MAX_SPLIT_ROWS:
        spans = [
            Block(row, left, row + 1, right)
            for index, row in enumerate(rows.tolist())
            for left, right in _spans(differ[index])
        ]
        return _merge_any(spans)
    lines = zip(rows.tolist(), lefts.tolist(), rights.tolist(), strict=True)
    return _merge_down([Block(row, left, row + 1, right) for row, left, right in lines])


def _spans(differ: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where the changed cells of a row are, with a gap of GAP_COLUMNS or more between."""
    columns = np.flatnonzero(differ)
    breaks = np.flatnonzero(np.diff(columns) > GAP_COLUMNS)
    lefts = columns[np.concatenate([[0], breaks + 1])]
    rights = columns[np.concatenate([breaks, [len(columns) - 1]])] + 1
    return list(zip(lefts.tolist(), rights.tolist(), strict=True))


def _worth(one: Block, other: Block, union: Block) -> bool:
    return union.area <= one.area + other.area + RECT_COST_CELLS


def _merge_down(spans: list[Block]) -> list[Block]:
    """Join each row's one span with those above it; so the blocks stay one below the other."""
    blocks = [spans[0]]
    for span in spans[1:]:
        union = blocks[-1].union(span)
        if _worth(blocks[-1], span, union):
            blocks[-1] = union
        else:
            blocks.append(span)
    return blocks


def _merge_any(blocks: list[Block]) -> list[Block]:
    """Join any two that overlap or are worth it, until there are none; for few blocks."""
    for index, one in enumerate(blocks):
        for other in blocks[index + 1 :]:
            union = one.union(other)
            if _worth(one, other, union):
                rest = [block for block in blocks if block not in (one, other)]
                return _merge_any([union, *rest])
    return blocks
