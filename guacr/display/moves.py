"""Moves that a host does not report, found by comparing two pictures: scrolls, dragged windows.

Rows of both pictures are sampled in steps without a common divisor, so that for any distance some
rows of one picture are found in the other. In these rows, points are chosen by their content, not
by their position, and matched; the most common distance is tried. A copy need not be correct
everywhere, since the following pixels are compared one by one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guacr.display.geometry import Rect
from guacr.display.surface import Copy
from guacr.display.tiles import counts_of

AREA_MIN = 128 * 128
"""Pixels below which there is no search."""
STEPS = (5, 6)
"""The intervals of sampled rows in the previous and in the new picture."""
FACTORS = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1], np.uint32)
"""Odd factors. Each doubles the number of pixels to the right of a point that are hashed, to 32 in
total: in text of two colours, fewer would look the same everywhere."""
CHOSEN_BITS = 5
"""One point of 32 is chosen."""
VOTES_MIN = 6
"""Minimum points that have moved by the same distance."""
CELL = 32
"""Pixels along the edge of the squares in which the benefit of a move is measured."""
GAIN_MIN = 8
"""By how many the squares that a copy makes equal must exceed those that it makes different."""

LOOK_STEP, LOOK_MIN = 16, 64
"""First, one pixel of so many in each direction is compared, and so many must have changed."""
LOOK_DRIFT = 7
"""By how many pixels more than in the row above the sampled rows lie in their group of `LOOK_STEP`:
where lines of text have that height, rows at regular intervals could all lie between lines."""
PAUSE_MAX = 31
"""Maximum frames without a search if nothing moves."""

Words = NDArray[np.uint32]


class MoveSearch:
    """Searches for moves as often as is worthwhile: in every picture as long as there are moves,
    and less and less often if there are none."""

    __slots__ = ("_pause", "_skip")

    def __init__(self) -> None:
        self._pause = self._skip = 0

    def next_is_due(self) -> bool:
        """Return whether to search the next picture, and count it."""
        due, self._skip = self._skip == 0, max(0, self._skip - 1)
        return due

    def find(self, before: Words, after: Words) -> Copy | None:
        """Return the move, as `find_move` does, if a few pixels show that enough has changed."""
        groups = np.arange(len(before) // LOOK_STEP)
        rows = groups * LOOK_STEP + groups * LOOK_DRIFT % LOOK_STEP
        if int((before[rows, ::LOOK_STEP] != after[rows, ::LOOK_STEP]).sum()) < LOOK_MIN:
            return None
        copy = find_move(before, after)
        self._pause = 0 if copy else min(2 * self._pause + 1, PAUSE_MAX)
        self._skip = self._pause
        return copy


def find_move(before: Words, after: Words) -> Copy | None:
    """Return the copy within a picture that brings `before` closer to `after`; None if none is
    worth it. Both are (height, width) of 32-bit colours."""
    if before.size < AREA_MIN:
        return None
    shift = _likely_shift(before, after)
    return None if shift is None else _copy_by(before, after, *shift)


def _likely_shift(before: Words, after: Words) -> tuple[int, int] | None:
    """Return the most common distance of points to the right and down."""
    keys_before, y_before, x_before = _places(before, STEPS[0])
    keys_after, y_after, x_after = _places(after, STEPS[1])
    _, there, here = np.intersect1d(
        keys_before, keys_after, assume_unique=True, return_indices=True
    )
    dx = x_after[here] - x_before[there]
    dy = y_after[here] - y_before[there]
    moved = (dx != 0) | (dy != 0)
    if moved.sum() < VOTES_MIN:
        return None
    width = before.shape[1]
    codes, votes = np.unique(dy[moved] * (2 * width) + dx[moved] + width, return_counts=True)
    best = int(np.argmax(votes))
    if votes[best] < VOTES_MIN:
        return None
    down, right = divmod(int(codes[best]), 2 * width)
    return right - width, down


def _places(picture: Words, step: int) -> tuple[Words, NDArray[np.int64], NDArray[np.int64]]:
    """Return points by their content: their unique keys and their positions."""
    rows = keys = picture[::step]
    for level, factor in enumerate(FACTORS):
        distance = 1 << level
        keys = keys[:, :-distance] * factor + keys[:, distance:]
    length = keys.shape[1]
    chosen = (keys >> np.uint32(32 - CHOSEN_BITS)) == 0
    chosen &= rows[:, :length] != rows[:, 1 : length + 1]  # uniform areas contain no information
    y, x = np.nonzero(chosen)
    unique, first, counts = np.unique(keys[y, x], return_index=True, return_counts=True)
    once = first[counts == 1]
    return unique[counts == 1], y[once] * step, x[once]


def _copy_by(before: Words, after: Words, dx: int, dy: int) -> Copy | None:
    """Return a copy by this distance, as one rectangle around the area that becomes equal."""
    height, width = before.shape
    target = Rect(0, 0, width, height).intersection(Rect(dx, dy, width, height))
    if target is None:
        return None
    now = after[target.y : target.bottom, target.x : target.right]
    stays = before[target.y : target.bottom, target.x : target.right]
    source = target.moved(-dx, -dy)
    comes = before[source.y : source.bottom, source.x : source.right]
    already, equal = _equal_cells(stays, now), _equal_cells(comes, now)
    gained = equal & ~already
    if not gained.any():
        return None
    rows, columns = np.flatnonzero(gained.any(axis=1)), np.flatnonzero(gained.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    within = np.s_[top:bottom, left:right]
    if int(equal[within].sum()) - int(already[within].sum()) < GAIN_MIN:
        return None
    x, y = target.x + int(left) * CELL, target.y + int(top) * CELL
    part = Rect(
        x,
        y,
        min(int(right) * CELL, target.width) - int(left) * CELL,
        min(int(bottom) * CELL, target.height) - int(top) * CELL,
    )
    return Copy(part.moved(-dx, -dy), part.x, part.y)


def _equal_cells(one: Words, other: Words) -> NDArray[np.bool_]:
    """Return the squares in which two pictures are equal."""
    height, width = one.shape
    flags = np.zeros((height, -(-width // 8) * 8), np.uint8)
    np.equal(one, other, out=flags[:, :width].view(np.bool_))
    rows, columns = np.arange(0, height, CELL), np.arange(0, width, CELL)
    heights = np.diff(np.append(rows, height))
    widths = np.diff(np.append(columns, width))
    equal: NDArray[np.bool_] = counts_of(flags, rows, columns) == heights[:, None] * widths
    return equal
