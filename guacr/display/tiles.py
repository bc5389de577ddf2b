"""Desktop pictures in tiles: which are one colour, which compress well, which are like photos.

A desktop mixes text, which must stay sharp, with pictures and video, which may lose detail for
a while. Tiles of the same kind are joined into as few rectangles as simply possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from guacr.display.geometry import Rect

TILE = 64
"""Pixels along the edge of a tile."""
SAME_NEIGHBOURS = 0.8
"""Below this share of pixels that equal their left neighbour, deflating does badly."""
HOT = 2.5
"""Heat from which on a tile counts as moving: about three changes within the last second."""


class Kind(IntEnum):
    """How a tile is best sent."""

    LOSSLESS = 0
    LOSSY = 1
    SOLID = 2


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of joined tiles and how to send it."""

    rect: Rect
    kind: Kind


class TileGrid:
    """What is remembered of each tile of a surface: how often it changes, and whether the
    viewers have it with losses."""

    __slots__ = ("_changed_at", "_heat", "_size", "lossy")

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        shape = (-(-height // TILE), -(-width // TILE))
        self._heat = np.zeros(shape, np.float32)
        self._changed_at = np.full(shape, -1e9)
        self.lossy = np.zeros(shape, np.bool_)

    def touch(self, rect: Rect, now: float) -> None:
        """The picture within `rect` changed at `now` (seconds)."""
        part = _covering(rect)
        age = np.minimum(now - self._changed_at[part], 20.0)
        self._heat[part] = self._heat[part] * np.exp(-age) + 1.0
        self._changed_at[part] = now

    def hot(self, rect: Rect) -> NDArray[np.bool_]:
        """Which of the tiles that `rect` touches are moving."""
        return self._heat[_covering(rect)] >= HOT

    def sent(self, rect: Rect, *, lossy: bool) -> None:
        """The viewers have new pixels within `rect`."""
        if lossy:
            self.lossy[_covering(rect)] = True
        else:
            self.lossy[self._covered(rect)] = False

    def moved(self, source: Rect, target: Rect, now: float) -> None:
        """The viewers copied `source` to `target`, losses included."""
        if self.lossy[_covering(source)].any():
            self.lossy[_covering(target)] = True
        self._changed_at[_covering(target)] = now

    def lossy_in(self, rect: Rect) -> bool:
        """Whether the viewers have any of `rect` with losses."""
        return bool(self.lossy[_covering(rect)].any())

    def resting(self, now: float, delay: float) -> NDArray[np.bool_]:
        """Tiles that were sent with losses and have not changed for `delay` seconds."""
        return self.lossy & (self._changed_at < now - delay)

    def _covered(self, rect: Rect) -> tuple[slice, slice]:
        """The tiles that lie within `rect` as far as the surface goes."""
        width, height = self._size
        right = rect.right + TILE if rect.right >= width else rect.right
        bottom = rect.bottom + TILE if rect.bottom >= height else rect.bottom
        return (
            slice(-(-rect.y // TILE), bottom // TILE),
            slice(-(-rect.x // TILE), right // TILE),
        )


def classify(rect: Rect, pixels: NDArray[np.uint32], lossy: NDArray[np.bool_]) -> Iterator[Tile]:
    """The tiles of `rect` joined by kind.

    `pixels` is (height, width) of 32-bit colours, whose unused byte is constant; `lossy` says,
    for each tile that `rect` touches, whether losses are allowed there.
    """
    columns = _edges(rect.x, rect.right)
    rows = _edges(rect.y, rect.bottom)
    same = np.empty(pixels.shape, np.uint8)
    same[:, 0] = 1
    np.equal(pixels[:, 1:], pixels[:, :-1], out=same[:, 1:].view(np.bool_))
    by_column = np.add.reduceat(same, columns - rect.x, axis=1, dtype=np.uint32)
    counts = np.add.reduceat(by_column, rows - rect.y, axis=0)
    widths = np.diff(np.append(columns, rect.right))
    heights = np.diff(np.append(rows, rect.bottom))
    areas = heights[:, None] * widths[None, :]
    kinds = np.where(lossy & (counts < SAME_NEIGHBOURS * areas), Kind.LOSSY, Kind.LOSSLESS)
    for row, column in np.argwhere(counts >= areas - heights[:, None]):
        y, x = int(rows[row]) - rect.y, int(columns[column]) - rect.x
        tile = pixels[y : y + heights[row], x : x + widths[column]]
        if (tile == tile[0, 0]).all():
            kinds[row, column] = Kind.SOLID + 1 + int(tile[0, 0])
    return _joined(rect, kinds.astype(np.int64), rows, columns)


def rects_of(mask: NDArray[np.bool_], size: tuple[int, int]) -> list[Rect]:
    """The pixels of a mask of tiles, as rectangles within a surface of `size`."""
    whole = Rect(0, 0, *size)
    found: list[Rect] = []
    for row in range(mask.shape[0]):
        for first, last in _runs(mask[row]):
            rect = Rect(first * TILE, row * TILE, (last - first) * TILE, TILE)
            clipped = rect.intersection(whole)
            if clipped is not None:
                found.append(clipped)
    return found


def _joined(
    rect: Rect,
    kinds: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> Iterator[Tile]:
    """Runs of one kind along each row, joined with equal runs of the rows below."""
    right_edges = np.append(columns, rect.right)
    bottom_edges = np.append(rows, rect.bottom)
    open_runs: dict[tuple[int, int, int], int] = {}  # (kind, first, last column) -> first row
    for row in range(len(rows) + 1):
        runs = set(_kind_runs(kinds[row])) if row < len(rows) else set()
        for run in [run for run in open_runs if run not in runs]:
            kind, first, last = run
            x, y = int(right_edges[first]), int(bottom_edges[open_runs.pop(run)])
            joined = Rect(x, y, int(right_edges[last]) - x, int(bottom_edges[row]) - y)
            yield Tile(joined, Kind(min(kind, Kind.SOLID)))
        for run in runs:
            open_runs.setdefault(run, row)


def _kind_runs(kinds: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    starts = np.flatnonzero(np.diff(kinds, prepend=kinds[0] - 1))
    ends = np.append(starts[1:], len(kinds))
    return [(int(kinds[a]), int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    return [(first, last) for value, first, last in _kind_runs(mask.astype(np.int64)) if value]


def _edges(start: int, end: int) -> NDArray[np.int64]:
    """Where tiles begin between `start` and `end`, `start` first."""
    inner = np.arange((start // TILE + 1) * TILE, end, TILE, dtype=np.int64)
    return np.concatenate((np.array([start], np.int64), inner))


def _covering(rect: Rect) -> tuple[slice, slice]:
    return (
        slice(rect.y // TILE, -(-rect.bottom // TILE)),
        slice(rect.x // TILE, -(-rect.right // TILE)),
    )
