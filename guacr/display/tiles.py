"""Pictures of desktops in tiles: of one colour, compressible, or like photos.

A desktop mixes text, which must stay sharp, with pictures and video, which may lose detail for a
while. Tiles of the same kind are joined into few rectangles in a simple way.
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
"""The share of pixels equal to their left neighbour below which deflating is inefficient."""
SAMPLE_STEP = 8
"""Pixels between two samples of a tile's colours, horizontally and vertically."""
TEXT_COLOURS = 16
"""Colours among a tile's samples up to which it is like text, which has to stay sharp."""
HOT = 1.5
"""The heat from which a tile counts as moving: about its third change within a second."""

REST = 1.5
"""Seconds without a change after which a tile rests, however often it has changed before."""

_KNOWN = -1
"""Used instead of a kind: the viewers already have the tile."""


class Kind(IntEnum):
    """The best way to send a tile."""

    LOSSLESS = 0
    LOSSY = 1
    SOLID = 2


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of joined tiles and how to send it."""

    rect: Rect
    kind: Kind


class TileGrid:
    """The state of each tile of a surface: how often it changes, and whether the viewers have it
    with losses."""

    __slots__ = ("_changed_at", "_heat", "_size", "lossy")

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        shape = (-(-height // TILE), -(-width // TILE))
        self._heat = np.zeros(shape, np.float32)
        self._changed_at = np.full(shape, -1e9)
        self.lossy = np.zeros(shape, np.bool_)

    def touch(self, rect: Rect, now: float, tiles: NDArray[np.bool_] | None = None) -> None:
        """Note that the picture within `rect` changed at `now` (seconds), or only some of the tiles
        that it touches."""
        part = _covering(rect)
        changed_at, heat = self._changed_at[part], self._heat[part]
        hotter = heat * np.exp(-np.minimum(now - changed_at, 20.0)) + 1.0
        if tiles is None:
            heat[:], changed_at[:] = hotter, now
        else:
            heat[tiles], changed_at[tiles] = hotter[tiles], now

    def hot(self, rect: Rect, now: float) -> NDArray[np.bool_]:
        """Return which of the tiles that `rect` touches are moving."""
        part = _covering(rect)
        moving: NDArray[np.bool_] = self._heat[part] >= HOT
        return moving & (now - self._changed_at[part] <= REST)

    def moving_area(self, now: float, delay: float) -> int:
        """Return about how many pixels are in tiles that change continuously, and have changed
        within `delay` seconds."""
        moving = (self._heat >= HOT) & (now - self._changed_at <= delay)
        return int(np.count_nonzero(moving)) * TILE * TILE

    def sent(self, rect: Rect, *, lossy: bool) -> None:
        """Note that the viewers have new pixels within `rect`."""
        if lossy:
            self.lossy[_covering(rect)] = True
        else:
            self.lossy[self._covered(rect)] = False

    def moved(self, source: Rect, target: Rect, now: float) -> None:
        """Note that the viewers copied `source` to `target`, losses included."""
        if self.lossy[_covering(source)].any():
            self.lossy[_covering(target)] = True
        self._changed_at[_covering(target)] = now

    def lossy_in(self, rect: Rect) -> bool:
        """Return whether the viewers have any of `rect` with losses."""
        return bool(self.lossy[_covering(rect)].any())

    def resting(self, now: float, delay: float) -> NDArray[np.bool_]:
        """Return tiles that were sent with losses and have not changed for `delay` seconds; those
        that change continuously must not have changed for `REST` seconds."""
        age = now - self._changed_at
        cool = self._heat * np.exp(-np.minimum(age, 20.0)) < HOT
        resting: NDArray[np.bool_] = self.lossy & (age > delay) & (cool | (age > REST))
        return resting

    def _covered(self, rect: Rect) -> tuple[slice, slice]:
        """Return the tiles that lie within `rect`, including partial ones at the surface's
        edges."""
        width, height = self._size
        right = rect.right + TILE if rect.right >= width else rect.right
        bottom = rect.bottom + TILE if rect.bottom >= height else rect.bottom
        return (
            slice(-(-rect.y // TILE), bottom // TILE),
            slice(-(-rect.x // TILE), right // TILE),
        )


class Tiling:
    """The tiles of a surface that `rect` touches, as far as they lie within it.

    Pixels are (height, width) of 32-bit colours, whose unused byte is constant; masks have a value
    for each tile.
    """

    __slots__ = ("_areas", "_columns", "_heights", "_rows", "_widths", "rect")

    def __init__(self, rect: Rect) -> None:
        self.rect = rect
        self._columns = _edges(rect.x, rect.right)
        self._rows = _edges(rect.y, rect.bottom)
        self._widths = np.diff(np.append(self._columns, rect.right))
        self._heights = np.diff(np.append(self._rows, rect.bottom))
        self._areas = self._heights[:, None] * self._widths[None, :]

    def changed(
        self, pixels: NDArray[np.uint32], shown: NDArray[np.uint32] | None
    ) -> NDArray[np.bool_]:
        """Return which tiles differ from what is shown; all of them if nothing is."""
        if shown is None:
            return np.ones(self._areas.shape, np.bool_)
        flags = _flags(pixels)
        np.equal(pixels, shown, out=flags[:, : self.rect.width].view(np.bool_))
        changed: NDArray[np.bool_] = self._counts(flags) < self._areas
        return changed

    def box(self, mask: NDArray[np.bool_]) -> Rect:
        """Return the smallest rectangle around the tiles in a mask, which is not empty."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        x, y = int(self._columns[columns[0]]), int(self._rows[rows[0]])
        right = int(self._columns[columns[-1]] + self._widths[columns[-1]])
        bottom = int(self._rows[rows[-1]] + self._heights[rows[-1]])
        return Rect(x, y, right - x, bottom - y)

    def area(self, mask: NDArray[np.bool_]) -> int:
        """Return the pixels of the tiles in a mask."""
        return int(self._areas[mask].sum())

    def classify(
        self, pixels: NDArray[np.uint32], lossy: NDArray[np.bool_], wanted: NDArray[np.bool_]
    ) -> Iterator[Tile]:
        """Yield the `wanted` tiles, joined by kind; `lossy` is True where losses are allowed."""
        flags = _flags(pixels)
        flags[:, 0] = 1
        left = flags[:, 1 : self.rect.width].view(np.bool_)
        np.equal(pixels[:, 1:], pixels[:, :-1], out=left)
        counts = self._counts(flags)
        lossy = lossy & wanted & (counts < SAME_NEIGHBOURS * self._areas)
        if lossy.any():
            lossy &= self._sampled_colours(pixels) > TEXT_COLOURS
        kinds = np.where(lossy, Kind.LOSSY, Kind.LOSSLESS).astype(np.int64)
        kinds[~wanted] = _KNOWN
        flat = wanted & (counts >= self._areas - self._heights[:, None])
        for row, column in np.argwhere(flat):
            y, x = int(self._rows[row]) - self.rect.y, int(self._columns[column]) - self.rect.x
            tile = pixels[y : y + self._heights[row], x : x + self._widths[column]]
            if (tile == tile[0, 0]).all():
                kinds[row, column] = Kind.SOLID + 1 + int(tile[0, 0])
        yield from _joined(self.rect, kinds, self._rows, self._columns)

    def _counts(self, flags: NDArray[np.uint8]) -> NDArray[np.uint32]:
        return counts_of(flags, self._rows - self.rect.y, self._columns - self.rect.x)

    def _sampled_colours(self, pixels: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return about how many colours each tile has, up to the number of samples."""
        x, y = self.rect.x % TILE, self.rect.y % TILE
        left, top = -(-x // SAMPLE_STEP), -(-y // SAMPLE_STEP)
        found = pixels[top * SAMPLE_STEP - y :: SAMPLE_STEP, left * SAMPLE_STEP - x :: SAMPLE_STEP]
        side = TILE // SAMPLE_STEP
        rows, columns = self._areas.shape
        samples = np.zeros((rows * side, columns * side), np.uint32)
        samples[top : top + found.shape[0], left : left + found.shape[1]] = found
        by_tile = samples.reshape(rows, side, columns, side).swapaxes(1, 2)
        ordered = np.sort(by_tile.reshape(rows, columns, side * side), axis=2)
        colours: NDArray[np.int64] = 1 + (np.diff(ordered, axis=2) != 0).sum(axis=2)
        return colours


def _flags(pixels: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return a byte per pixel, all 0, in rows of whole 64-bit words."""
    height, width = pixels.shape
    return np.zeros((height, -(-width // 8) * 8), np.uint8)


def counts_of(
    flags: NDArray[np.uint8], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Return how many pixels of each tile have the flag. Eight columns are added at once: no byte
    of a word overflows, since a tile has fewer than 256 rows."""
    words = np.add.reduceat(flags.view(np.uint64), rows, axis=0)
    counts: NDArray[np.uint32] = np.add.reduceat(
        words.view(np.uint8), columns, axis=1, dtype=np.uint32
    )
    return counts


def rects_of(mask: NDArray[np.bool_], size: tuple[int, int]) -> list[Rect]:
    """Return the pixels of a mask of tiles, as rectangles within a surface of `size`."""
    if not mask.any():
        return []
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
    """Yield runs of one kind along each row, joined with equal runs of the rows below."""
    right_edges = np.append(columns, rect.right)
    bottom_edges = np.append(rows, rect.bottom)
    open_runs: dict[tuple[int, int, int], int] = {}  # (kind, first, last column) -> first row
    for row in range(len(rows) + 1):
        found = _kind_runs(kinds[row]) if row < len(rows) else []
        runs = {run for run in found if run[0] != _KNOWN}
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
    """Return where tiles begin between `start` and `end`, `start` first."""
    inner = np.arange((start // TILE + 1) * TILE, end, TILE, dtype=np.int64)
    return np.concatenate((np.array([start], np.int64), inner))


def _covering(rect: Rect) -> tuple[slice, slice]:
    return (
        slice(rect.y // TILE, -(-rect.bottom // TILE)),
        slice(rect.x // TILE, -(-rect.right // TILE)),
    )
