"""Turn an engine's updates into drawn cells: a glyph and a pair of colours each.

A drawn cell has 64 bits; from the lowest: the glyph, its pair of colours, a second glyph drawn over
it (an underline or a cursor in a separate colour; BLANK for none), and the pair of that one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from terminal.drawing.atlas import BLANK, HALF_SHIFT, GlyphSheet, Variant
from terminal.drawing.decorations import Decoration, Shape
from terminal.drawing.pens import PairTable, PenTable
from terminal.engines.contents import (
    CLUSTER_BASE,
    Colours,
    Cursor,
    CursorShape,
    Rgb,
    ScreenUpdate,
    Width,
)

PAIR_SHIFT, OVER_SHIFT, OVER_PAIR_SHIFT = 16, 32, 48
FIELD_MASK = 0xFFFF

FEW_CELLS = 8
"""Cells up to which plain numbers are faster than arrays, such as while someone types."""
REMEMBERED_CELLS = 4096

DrawnCells = NDArray[np.uint64]

_SHAPES = {
    CursorShape.BAR: Shape.BAR,
    CursorShape.UNDERLINE: Shape.UNDERLINE,
    CursorShape.HOLLOW: Shape.HOLLOW,
}
_HALVES = np.zeros(4, np.uint16)
_HALVES[Width.WIDE] = 1 << HALF_SHIFT
_HALVES[Width.SPACER] = 2 << HALF_SHIFT


class Renderer:
    """Draws the cells of a terminal from a sheet of glyphs."""

    def __init__(self, sheet: GlyphSheet, pairs: PairTable, colours: Colours) -> None:
        self.sheet = sheet
        self.pairs = pairs
        self.colours = colours
        self._pens = PenTable(colours, pairs)
        self._clusters = np.zeros(0, np.uint32)
        """The sheet's code of each cluster, by the engine's number."""
        self._remembered: dict[tuple[int, int], int] = {}
        """Drawn narrow cells by code and style."""

    def restart(self, colours: Colours) -> None:
        """Discard the engine's numbers of styles and clusters, and use these colours."""
        self.colours = colours
        self._pens = PenTable(colours, self.pairs)
        self._clusters = np.zeros(0, np.uint32)
        self._remembered.clear()

    def trim(self) -> None:
        """Clear the cache of drawn cells."""
        self._remembered.clear()

    def cells(self, update: ScreenUpdate) -> DrawnCells:
        """Draw the cells of an update's rows, (rows, columns), without the cursor."""
        if update.codes.size > FEW_CELLS:
            return self._drawn(update)
        widths = update.widths.tobytes()
        if widths.count(0) < len(widths):
            return self._drawn(update)
        codes, styles = update.codes.ravel().tolist(), update.styles.ravel().tolist()
        keys = list(zip(codes, styles, strict=True))
        known = self._remembered
        cells = [known[key] for key in keys if key in known]
        if len(cells) == len(keys):
            return np.array(cells, np.uint64).reshape(update.codes.shape)
        drawn = self._drawn(update)
        if len(known) < REMEMBERED_CELLS and max(codes) < CLUSTER_BASE:
            known.update(zip(keys, drawn.ravel().tolist(), strict=True))
        return drawn

    def _drawn(self, update: ScreenUpdate) -> DrawnCells:
        pens, styles = self._pens, update.styles
        pens.resolve(update.style_table)
        codes = self._codes(update)
        variants = pens.variants.take(styles)
        if np.count_nonzero(update.widths):
            codes, variants = _widen(codes, variants, update.widths)
        cells = self.sheet.glyphs(codes, variants).astype(np.uint64)
        cells |= pens.pairs.take(styles).astype(np.uint64) << PAIR_SHIFT
        if pens.has_underlines:
            cells |= self._underlines(styles)
        return cells

    def _codes(self, update: ScreenUpdate) -> NDArray[np.uint32]:
        codes, table = update.codes, update.cluster_table
        if not len(table):
            return codes
        known = len(self._clusters)
        if known < len(table):
            new = [self.sheet.cluster_code(text) for text in table[known:]]
            self._clusters = np.concatenate([self._clusters, np.array(new, np.uint32)])
        clusters = codes >= CLUSTER_BASE
        translated = codes.copy()
        translated[clusters] = self._clusters.take(codes[clusters] - CLUSTER_BASE)
        return translated

    def _underlines(self, styles: NDArray[np.uint16]) -> DrawnCells:
        variants = self._pens.underlines.take(styles)
        over = self.sheet.glyphs(np.zeros(variants.shape, np.uint32), variants).astype(np.uint64)
        pairs = self._pens.underline_pairs.take(styles).astype(np.uint64) << OVER_PAIR_SHIFT
        cells: DrawnCells = np.where(variants > 0, over << OVER_SHIFT | pairs, np.uint64(0))
        return cells

    def with_cursor(self, cells: DrawnCells, cursor: Cursor) -> DrawnCells:
        """Draw the one or two cells under the cursor, with the cursor."""
        shape = _SHAPES.get(cursor.shape)
        first, *others = cells.tolist()
        drawn = [self._with_cursor(first, shape)]
        if shape is Shape.BAR:
            drawn += others  # it is drawn in front of the character, not inside
        else:
            drawn += [self._with_cursor(cell, shape) for cell in others]
        return np.array(drawn, np.uint64)

    def _with_cursor(self, cell: int, shape: Shape | None) -> int:
        foreground, background = self.pairs[cell >> PAIR_SHIFT & FIELD_MASK]
        colour = self.colours.cursor or foreground
        if colour == background:
            colour = _contrast(background)
        if shape is None:
            pair = self.pairs.number(background, colour)
            return cell & FIELD_MASK | pair << PAIR_SHIFT
        over = self.sheet.glyph(Variant(decoration=Decoration(shape=shape)))
        pair = self.pairs.number(colour, background)
        below = cell & ((1 << OVER_SHIFT) - 1)
        return below | over << OVER_SHIFT | pair << OVER_PAIR_SHIFT if over != BLANK else below

    def cursor_width(self, row: DrawnCells, column: int) -> int:
        """The number of cells of the character at a column."""
        wide = self.sheet.wide[int(row[column]) & FIELD_MASK]
        return 2 if wide and column + 1 < len(row) else 1


def is_blank(cell: int) -> bool:
    """Return whether a drawn cell shows nothing but its background."""
    return cell & FIELD_MASK == BLANK and cell >> OVER_SHIFT & FIELD_MASK == BLANK


def _widen(
    codes: NDArray[np.uint32], variants: NDArray[np.uint16], widths: NDArray[np.uint8]
) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """Show the right half of a wide character in the cell after it."""
    spacers = widths[:, 1:] == Width.SPACER
    codes = codes.copy()
    codes[:, 1:][spacers] = codes[:, :-1][spacers]
    return codes, variants | _HALVES.take(widths)


def _contrast(colour: Rgb) -> Rgb:
    """Black or white, whichever contrasts with a colour."""
    return (0, 0, 0) if sum(colour) > 3 * 127 else (255, 255, 255)
