"""Tiles of glyphs, drawn once for all terminals with the same font and size.

A tile is a cell's coverage in 16 levels. It holds `level | 0xF0` where anything is drawn and 0
elsewhere, so that one AND with a pair's index turns it into palette indices that share the
background's.
"""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from guacr.display.pixels import Array8
from terminal.drawing import decorations
from terminal.drawing.decorations import CellMetrics, Decoration, Shape
from terminal.drawing.fonts import Face, find_family
from terminal.drawing.glyphs import GlyphPainter
from terminal.engines.contents import CLUSTER_BASE, Underline

MAX_GLYPHS = 65_000
MAX_SHEET_BYTES = 32 << 20
MAX_COLOURED_BYTES = 16 << 20
MAX_VARIANTS = 256
MAX_CLUSTERS = 16_384
"""Limits of a sheet. Once one is reached, glyphs that do not fit are shown as a box until the
terminals have switched to a new sheet."""

LEVELS = 16
BLANK = 0
"""The glyph of a blank cell."""
BOX = 1
"""The glyph shown for characters that do not fit."""

# A variant packs how a character is drawn.
UNDERLINE_SHIFT, STRIKE_SHIFT, OVERLINE_SHIFT, SHAPE_SHIFT, HALF_SHIFT = 2, 5, 6, 7, 9
_VARIANTS = 1 << 11

_PAGE_BITS = 8
_PAGE = 1 << _PAGE_BITS
_PAGES = (CLUSTER_BASE + MAX_CLUSTERS) >> _PAGE_BITS
_IN_PAGE = np.uint32(_PAGE - 1)
_UNDRAWN = 0xFFFF
_SPACE = 0x20

Glyphs = NDArray[np.uint16]


class Variant(NamedTuple):
    """A way to draw a character: the face, the decoration, and the half."""

    face: Face = Face.REGULAR
    decoration: Decoration = Decoration()
    half: int = 0
    """0: a whole narrow character; 1 and 2: the left and right half of a wide one."""

    def pack(self) -> int:
        """The number that `GlyphSheet.glyphs` accepts."""
        return (
            self.face
            | self.decoration.underline << UNDERLINE_SHIFT
            | self.decoration.strike << STRIKE_SHIFT
            | self.decoration.overline << OVERLINE_SHIFT
            | self.decoration.shape << SHAPE_SHIFT
            | self.half << HALF_SHIFT
        )

    @classmethod
    def unpack(cls, packed: int) -> Variant:
        """The inverse of `pack`."""
        return cls(
            Face(packed & 3),
            Decoration(
                Underline(packed >> UNDERLINE_SHIFT & 7),
                bool(packed >> STRIKE_SHIFT & 1),
                bool(packed >> OVERLINE_SHIFT & 1),
                Shape(packed >> SHAPE_SHIFT & 3),
            ),
            packed >> HALF_SHIFT,
        )


class GlyphSheet:
    """Glyphs, numbered on first use. Numbers and tiles never change."""

    def __init__(self, painter: GlyphPainter) -> None:
        metrics = painter.metrics
        self.metrics = metrics
        self.full = False
        """True if a glyph did not fit; the atlas should be renewed."""
        self._area = metrics.width * metrics.height
        self._painter = painter
        self._limit = min(MAX_GLYPHS, MAX_SHEET_BYTES // self._area)
        self._coloured_limit = MAX_COLOURED_BYTES // (self._area * 4)
        self._count = 0
        self.tiles: Array8 = np.zeros((64, self._area), np.uint8)
        """(glyphs or more, height * width)."""
        self.wide: NDArray[np.bool_] = np.zeros(64, np.bool_)
        """(glyphs or more,): whether it is the left half of a wide character."""
        self.coloured: dict[int, Array8] = {}
        """Coloured glyphs: (height * width, 4) red, green, blue and alpha."""
        self._pages = np.full((1, _PAGE), _UNDRAWN, np.uint16)
        self._page_of = np.zeros((1, _PAGES), np.int32)
        """By row and page of codes: where the page begins among all glyphs."""
        self._row_of = np.zeros(_VARIANTS, np.intp)
        """By packed variant: where its row begins."""
        self._decorations: dict[Decoration, Array8] = {}
        self._clusters: dict[str, int] = {}
        self._cluster_texts: list[str] = []
        self._add(np.zeros(self._area, np.uint8))
        self._add(_levels(painter.draw("□", Face.REGULAR, 1)))

    def glyphs(self, codes: NDArray[np.uint32], variants: NDArray[np.uint16]) -> Glyphs:
        """Return the glyphs of characters, and draw those that are missing.

        Args:
            codes: code points, or values of `cluster_code`; any shape.
            variants: packed variants, of the same shape.
        """
        glyphs = self._look_up(codes, variants)
        undrawn = glyphs == _UNDRAWN
        if np.count_nonzero(undrawn):
            packed = variants[undrawn]
            packed[packed >> HALF_SHIFT == 2] -= 1 << HALF_SHIFT  # drawn with the left half
            for key in np.unique(codes[undrawn].astype(np.int64) << 16 | packed).tolist():
                self._draw(key >> 16, key & 0xFFFF)
            glyphs = self._look_up(codes, variants)
            glyphs[glyphs == _UNDRAWN] = BOX
        return glyphs

    def glyph(self, variant: Variant) -> int:
        """The glyph of a decoration without a character."""
        glyphs = self.glyphs(np.zeros(1, np.uint32), np.array([variant.pack()], np.uint16))
        return int(glyphs[0])

    def cluster_code(self, text: str) -> int:
        """The code that represents a cluster in this sheet."""
        number = self._clusters.get(text)
        if number is None:
            if len(self._cluster_texts) >= MAX_CLUSTERS:
                self.full = True
                return ord(text[0])
            number = self._clusters[text] = len(self._cluster_texts)
            self._cluster_texts.append(text)
        return CLUSTER_BASE + number

    def _look_up(self, codes: NDArray[np.uint32], variants: NDArray[np.uint16]) -> Glyphs:
        at = self._row_of.take(variants)
        at += codes >> _PAGE_BITS
        glyphs = self._page_of.ravel().take(at).astype(np.uint32)
        glyphs += codes & _IN_PAGE
        return self._pages.ravel().take(glyphs)

    def _draw(self, code: int, packed: int) -> None:
        """Draw a character's cell, or both cells of a wide one."""
        variant = Variant.unpack(packed)
        if self._count + 2 > self._limit:
            self.full = True
            return
        over = self._over(variant.decoration)
        if code in (0, _SPACE):
            self._place(code, packed, self._add(over) if over.any() else BLANK)
            return
        text = self._text(code)
        picture = self._painter.draw(text, variant.face, 2 if variant.half else 1)
        if not variant.half:
            self._place(code, packed, self._add_picture(picture, over))
            return
        for half in (1, 2):
            part = picture[:, (half - 1) * self.metrics.width : half * self.metrics.width]
            key = variant._replace(half=half).pack()
            glyph = self._add_picture(part, over)
            self.wide[glyph] = half == 1
            self._place(code, key, glyph)

    def _over(self, decoration: Decoration) -> Array8:
        """The coverage of a decoration; callers must not change it."""
        tile = self._decorations.get(decoration)
        if tile is None:
            tile = self._decorations[decoration] = _levels(
                decorations.draw(decoration, self.metrics)
            )
        return tile

    def _text(self, code: int) -> str:
        return self._cluster_texts[code - CLUSTER_BASE] if code >= CLUSTER_BASE else chr(code)

    def _add_picture(self, picture: Array8, over: Array8) -> int:
        if picture.ndim == 2:
            return self._add(np.maximum(_levels(picture), over))
        if len(self.coloured) >= self._coloured_limit:
            self.full = True
            return BOX
        glyph = self._add(over)
        self.coloured[glyph] = picture.reshape(self._area, 4).copy()
        return glyph

    def _add(self, tile: Array8) -> int:
        if self._count == len(self.tiles):
            self.tiles = np.concatenate([self.tiles, np.zeros_like(self.tiles)])
            self.wide = np.concatenate([self.wide, np.zeros_like(self.wide)])
        self.tiles[self._count] = tile.ravel()
        self._count += 1
        return self._count - 1

    def _place(self, code: int, packed: int, glyph: int) -> None:
        """Record the glyph of a code; the page tables grow as needed."""
        row = int(self._row_of[packed]) // _PAGES
        if not row:
            if len(self._page_of) > MAX_VARIANTS:
                self.full = True
                return
            row = len(self._page_of)
            self._row_of[packed] = row * _PAGES
            self._page_of = np.concatenate([self._page_of, np.zeros((1, _PAGES), np.int32)])
        page = int(self._page_of[row, code >> _PAGE_BITS]) // _PAGE
        if not page:
            page = len(self._pages)
            self._page_of[row, code >> _PAGE_BITS] = page * _PAGE
            new = np.full((1, _PAGE), _UNDRAWN, np.uint16)
            self._pages = np.concatenate([self._pages, new])
        self._pages[page, code & (_PAGE - 1)] = glyph


class GlyphAtlas:
    """The sheet that terminals with one font draw from, until it is full."""

    def __init__(self, painter: GlyphPainter) -> None:
        self._painter = painter
        self.sheet = GlyphSheet(painter)
        """To be read again before each update; an older sheet keeps its numbers for its holders."""

    @property
    def metrics(self) -> CellMetrics:
        """The size of a cell."""
        return self._painter.metrics

    def renew(self, sheet: GlyphSheet) -> None:
        """Start a new sheet, unless another terminal has done so since `sheet`."""
        if self.sheet is sheet:
            self.sheet = GlyphSheet(self._painter)


_atlases: weakref.WeakValueDictionary[tuple[str, int, tuple[Path, ...]], GlyphAtlas] = (
    weakref.WeakValueDictionary()
)


def atlas_for(family: str, pixels: int, directories: tuple[Path, ...] = ()) -> GlyphAtlas:
    """The atlas of a font; it lives as long as any terminal uses it.

    Args:
        family: a name that fontconfig knows; see `find_family`.
        pixels: the font size: points times dots per inch, divided by 72.
        directories: additional font directories.

    Raises:
        FontsError: this machine has no font.
    """
    key = (family, pixels, directories)
    atlas = _atlases.get(key)
    if atlas is None:
        atlas = GlyphAtlas(GlyphPainter(find_family(family, directories), pixels))
        _atlases[key] = atlas
    return atlas


def font_pixels(points: float, dpi: int) -> int:
    """The size in pixels of a font size in points."""
    return max(1, round(points * dpi / 72))


def _levels(coverage: Array8) -> Array8:
    """Convert coverage from 0 to 255 into tiles."""
    levels = (coverage.astype(np.uint16) * (LEVELS - 1) + 127) // 255
    return np.where(levels > 0, levels | 0xF0, 0).astype(np.uint8)
