"""Turn drawn cells into pixels by looking up whole blocks in the tiles of the atlas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from guacr.display.pixels import Array8, BgrxPixels, IndexedPixels, Pixels
from terminal.drawing.atlas import LEVELS, GlyphSheet
from terminal.drawing.decorations import CellMetrics
from terminal.drawing.pens import PairTable
from terminal.drawing.renderer import (
    FIELD_MASK,
    OVER_PAIR_SHIFT,
    OVER_SHIFT,
    PAIR_SHIFT,
    DrawnCells,
    is_blank,
)
from terminal.engines.contents import Rgb

_Item = TypeVar("_Item", np.uint8, np.uint32)

MAX_COLOURS = 256
_FEW_PAIRS = MAX_COLOURS // LEVELS
_LEVEL_MASK = LEVELS - 1
_LEVEL = 255 // _LEVEL_MASK


def compose(cells: DrawnCells, sheet: GlyphSheet, pairs: PairTable) -> Pixels:
    """Return the picture of a block of cells, (rows, columns); indexed if 256 colours suffice."""
    shape, flat = cells.shape, cells.ravel()
    if _one_blank(flat):
        background = pairs[int(flat[0]) >> PAIR_SHIFT & FIELD_MASK][1]
        width, height = shape[1] * sheet.metrics.width, shape[0] * sheet.metrics.height
        return IndexedPixels.of_one_colour(width, height, background)
    pair = (flat >> PAIR_SHIFT) & FIELD_MASK
    over = (flat >> OVER_SHIFT) & FIELD_MASK
    used = np.zeros(len(pairs), np.bool_)
    used[pair.astype(np.intp)] = True
    if over.any():
        used[(flat[over > 0] >> OVER_PAIR_SHIFT).astype(np.intp)] = True
    numbers = np.flatnonzero(used)
    palette = _Palette(numbers, pairs)
    if len(numbers) <= _FEW_PAIRS and not _has_coloured(flat, sheet):
        indices = _few_pairs(flat, sheet, palette)
        return IndexedPixels(_joined(indices, shape, sheet.metrics), palette.ramps.reshape(-1, 3))
    return _many_colours(cells, sheet, palette)


def _one_blank(flat: DrawnCells) -> bool:
    """Return whether all cells are the same, and blank."""
    return is_blank(int(flat[0])) and flat[0] == flat[-1] and bool((flat == flat[0]).all())


@dataclass(frozen=True, slots=True)
class Ground:
    """The pixels that images below the text are drawn on."""

    colours: Array8
    """(height, width, 4): the backgrounds, laid out as in BgrxPixels."""
    coverage: Array8
    """(height, width): the coverage of the glyphs, up to 255."""
    filled: NDArray[np.bool_]
    """(height, width): where the background differs from the terminal's own."""


def ground(cells: DrawnCells, sheet: GlyphSheet, pairs: PairTable, own: Rgb) -> Ground:
    """The ground of a block of cells, where `own` is the terminal's background."""
    numbers, where = np.unique((cells >> PAIR_SHIFT) & FIELD_MASK, return_inverse=True)
    table: Array8 = np.array(pairs.backgrounds(numbers.astype(np.intp)), np.uint8)
    where = where.reshape(cells.shape).repeat(sheet.metrics.height, 0)
    where = where.repeat(sheet.metrics.width, 1)
    filled = (table != own).any(axis=1)
    bgrx = np.zeros((len(table), 4), np.uint8)
    bgrx[:, :3] = table[:, ::-1]
    return Ground(bgrx[where], _coverage(cells, sheet), filled.take(where))


def _coverage(cells: DrawnCells, sheet: GlyphSheet) -> Array8:
    flat = cells.ravel()
    glyphs = (flat & FIELD_MASK).astype(np.intp)
    over = ((flat >> OVER_SHIFT) & FIELD_MASK).astype(np.intp)
    tiles: Array8 = sheet.tiles.take(glyphs, 0)
    tiles &= _LEVEL_MASK
    tiles *= _LEVEL
    if sheet.coloured:
        for cell in np.flatnonzero(_is_coloured(flat, sheet)).tolist():
            tiles[cell] = sheet.coloured[int(glyphs[cell])][:, 3]
    tiles[sheet.tiles.take(over, 0) > 0] = 255
    return _joined(tiles, cells.shape, sheet.metrics)


class _Palette:
    """The colours of the pairs in a block, renumbered from 0."""

    def __init__(self, numbers: NDArray[np.intp], pairs: PairTable) -> None:
        self.ramps = pairs.ramps(numbers)
        self._backgrounds = pairs.backgrounds(numbers)
        self._small = np.zeros(int(numbers[-1]) + 1, np.intp)
        self._small[numbers] = np.arange(len(numbers))

    def small(self, numbers: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
        """The numbers of pairs within the block."""
        return self._small.take(numbers.astype(np.intp))

    def bases(self) -> NDArray[np.intp]:
        """For each pair, the first one with the same background. Its index is used for both, so
        that each background has a single index."""
        first: dict[tuple[int, int, int], int] = {}
        bases = [first.setdefault(rgb, number) for number, rgb in enumerate(self._backgrounds)]
        return np.array(bases, np.intp)

    def packed(self) -> NDArray[np.uint32]:
        """(pairs * LEVELS,): the colours as 0xRRGGBB."""
        ramps = self.ramps.astype(np.uint32)
        shifted = ramps << np.array([16, 8, 0], np.uint32)
        packed: NDArray[np.uint32] = np.bitwise_or.reduce(shifted, axis=2)
        return packed.ravel()


def _has_coloured(flat: DrawnCells, sheet: GlyphSheet) -> bool:
    if not sheet.coloured:
        return False
    return bool(_is_coloured(flat, sheet).any())


def _is_coloured(flat: DrawnCells, sheet: GlyphSheet) -> NDArray[np.bool_]:
    coloured = np.zeros(len(sheet.tiles), np.bool_)
    coloured[list(sheet.coloured)] = True
    return coloured.take((flat & FIELD_MASK).astype(np.intp))


def _few_pairs(flat: DrawnCells, sheet: GlyphSheet, palette: _Palette) -> Array8:
    """(cells, pixels): the indices for up to 16 pairs."""
    bases = palette.bases() * LEVELS
    offsets = np.arange(len(bases)) * LEVELS - bases
    low, high = bases.astype(np.uint8), (offsets | _LEVEL_MASK).astype(np.uint8)
    pair = palette.small((flat >> PAIR_SHIFT) & FIELD_MASK)
    tiles = sheet.tiles.take((flat & FIELD_MASK).astype(np.intp), 0)
    tiles &= high.take(pair)[:, None]
    if low.any():
        tiles += low.take(pair)[:, None]
    covered = np.flatnonzero((flat >> OVER_SHIFT) & FIELD_MASK)
    if len(covered):
        over, over_pair = _over(flat[covered], sheet, palette)
        indices = (over & high.take(over_pair)[:, None]) + low.take(over_pair)[:, None]
        tiles[covered] = np.where(over > 0, indices, tiles[covered])
    return tiles


def _over(
    flat: DrawnCells, sheet: GlyphSheet, palette: _Palette
) -> tuple[Array8, NDArray[np.intp]]:
    """The tiles drawn over cells, and their pairs."""
    glyphs = ((flat >> OVER_SHIFT) & FIELD_MASK).astype(np.intp)
    return sheet.tiles.take(glyphs, 0), palette.small(flat >> OVER_PAIR_SHIFT)


def _many_colours(cells: DrawnCells, sheet: GlyphSheet, palette: _Palette) -> Pixels:
    """Draw each distinct cell once, in true colour, and look for a palette that fits."""
    distinct, where = np.unique(cells.ravel(), return_inverse=True)
    pair = palette.small((distinct >> PAIR_SHIFT) & FIELD_MASK)
    glyphs = (distinct & FIELD_MASK).astype(np.intp)
    entries = sheet.tiles.take(glyphs, 0).astype(np.intp)
    entries &= _LEVEL_MASK
    entries += (pair * LEVELS)[:, None]
    special, colours = _special(distinct, entries, sheet, palette)
    indexed = _indexed(entries, special, colours, palette)
    if indexed is not None:
        tiles, table = indexed
        return IndexedPixels(_joined(tiles.take(where, 0), cells.shape, sheet.metrics), table)
    packed = palette.packed().take(entries)
    packed[special] = colours
    picture = _joined(packed.take(where, 0), cells.shape, sheet.metrics)
    return BgrxPixels(picture.astype("<u4", copy=False).view(np.uint8).reshape(*picture.shape, 4))


def _special(
    distinct: DrawnCells, entries: NDArray[np.intp], sheet: GlyphSheet, palette: _Palette
) -> tuple[NDArray[np.intp], NDArray[np.uint32]]:
    """The cells whose colours are not just those of their pair, and all their pixels."""
    coloured = _is_coloured(distinct, sheet)
    covered = ((distinct >> OVER_SHIFT) & FIELD_MASK) > 0
    special = np.flatnonzero(coloured | covered)
    table = palette.packed()
    colours = table.take(entries[special])
    for number, index in enumerate(special.tolist()):
        if coloured[index]:
            picture = sheet.coloured[int(distinct[index]) & FIELD_MASK]
            colours[number] = _blended(picture, colours[number])
        if covered[index]:
            over, pair = _over(distinct[index : index + 1], sheet, palette)
            above = table.take((over[0] & _LEVEL_MASK) + pair * LEVELS)
            colours[number] = np.where(over[0] > 0, above, colours[number])
    return special, colours


def _blended(picture: Array8, below: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Blend a coloured character with the pixels below it, both (pixels,)."""
    alpha = picture[:, 3].astype(np.uint32)
    result = np.zeros_like(below)
    for channel, shift in enumerate((16, 8, 0)):
        under = below >> shift & 0xFF
        mixed = picture[:, channel] * alpha + under * (255 - alpha)
        result |= (mixed + 127) // 255 << shift
    return result


def _indexed(
    entries: NDArray[np.intp],
    special: NDArray[np.intp],
    colours: NDArray[np.uint32],
    palette: _Palette,
) -> tuple[Array8, Array8] | None:
    """Indices of the distinct cells and their palette, or None if there are too many colours."""
    packed = palette.packed()
    if len(packed) > MAX_COLOURS * LEVELS:
        return None
    plain = np.ones(len(entries), np.bool_)
    plain[special] = False
    present = np.zeros(len(packed), np.bool_)
    present[entries[plain]] = True
    table = np.unique(np.concatenate([packed[present], colours.ravel()]))
    if len(table) > MAX_COLOURS:
        return None
    tiles = np.searchsorted(table, packed).astype(np.uint8).take(entries)
    tiles[special] = np.searchsorted(table, colours)
    return tiles, table.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].copy()


def _joined(tiles: NDArray[_Item], shape: tuple[int, ...], metrics: CellMetrics) -> NDArray[_Item]:
    """Arrange tiles (cells, pixels) side by side into a picture (height, width)."""
    rows, columns = shape
    line = np.dtype(f"V{metrics.width * tiles.itemsize}")
    lines = tiles.view(line).reshape(rows, columns, metrics.height)
    joined = np.ascontiguousarray(lines.transpose(0, 2, 1))
    return joined.view(tiles.dtype).reshape(rows * metrics.height, columns * metrics.width)
