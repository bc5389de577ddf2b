"""A terminal's picture as a surface, which stores cells and draws requested rectangles."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from guacr.display.geometry import Rect
from guacr.display.pixels import Pixels
from guacr.display.surface import Copy, Damage, Surface
from terminal.drawing.atlas import GlyphAtlas
from terminal.drawing.changes import GAP_COLUMNS, Block, Move, find_blocks, find_moves
from terminal.drawing.compositor import Ground, compose, ground
from terminal.drawing.images import Picture, changed, illustrated, joined, pictures
from terminal.drawing.pens import PairTable
from terminal.drawing.renderer import FIELD_MASK, PAIR_SHIFT, DrawnCells, Renderer, is_blank
from terminal.engines.contents import Colours, Cursor, PlacedImage, ScreenUpdate
from terminal.engines.emulator import Emulator

FEW_CELLS = 8
"""Maximum cells of a picture in the cache."""
PICTURES_KEPT = 64
PACK_LEVEL = 1
"""Of deflating cells: 0.1 ms for a screen."""
_NO_CELLS: DrawnCells = np.zeros((0, 0), np.uint64)
_NO_COLOURS = Colours((0, 0, 0), (0, 0, 0), None, bytes(768))
"""Of a renderer before the engine's first update, which brings them."""


class TerminalSurface(Surface):
    """An engine's viewport.

    The engine is not owned: its creator closes it, and feeds and resizes it directly.
    """

    def __init__(self, emulator: Emulator, atlas: GlyphAtlas) -> None:
        self._emulator = emulator
        self._atlas = atlas
        self._revision = -1
        self._cells = _NO_CELLS
        """The cells that the last `take_damage` reported, including the cursor."""
        self._packed: tuple[tuple[int, ...], bytes] | None = None
        """Their shape and compressed bytes, while the terminal is idle."""
        self._under: tuple[int, int, DrawnCells] | None = None
        """The row and column of the cursor, and the cells without it."""
        self._renderer = Renderer(atlas.sheet, PairTable(), _NO_COLOURS)
        self._pictures: dict[tuple[tuple[int, ...], bytes], Pixels] = {}
        """The cache of small pictures, the most recently used last."""
        self._crowded = False
        """True if a single screen has filled a whole glyph sheet."""
        self._images: list[Picture] = []
        """As of the last `take_damage`, too."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        metrics = self._atlas.metrics
        return self._emulator.columns * metrics.width, self._emulator.rows * metrics.height

    @property
    def atlas(self) -> GlyphAtlas:
        """The atlas that the cells are drawn from."""
        return self._atlas

    @atlas.setter
    def atlas(self, atlas: GlyphAtlas) -> None:
        self._atlas = atlas
        self._revision = -1

    @property
    def changed(self) -> bool:
        """True if `take_damage` may have something to return."""
        return self._revision != self._emulator.revision

    def trim(self) -> None:
        """Free the memory that a terminal needs only while it is in use; nothing is lost."""
        self._pictures.clear()
        self._renderer.trim()
        if self._packed is None:
            self._packed = self._cells.shape, zlib.compress(self._cells.tobytes(), PACK_LEVEL)
            self._cells = _NO_CELLS

    def _wake(self) -> None:
        """Restore the cells, which are needed again."""
        if self._packed is not None:
            shape, data = self._packed
            self._cells = np.frombuffer(bytearray(zlib.decompress(data)), np.uint64).reshape(shape)
            self._packed = None

    @property
    def keeps_pixels(self) -> bool:
        """Implement `Surface.keeps_pixels`."""
        return False

    def take_damage(self) -> Damage:
        """Return what changed since the last call; see `Surface.take_damage`."""
        self._wake()
        self._revision = self._emulator.revision
        shape = (self._emulator.rows, self._emulator.columns)
        whole = self._ready() or shape != self._cells.shape
        update = self._update(whole)
        drawn = self._renderer.cells(update)
        if self._renderer.sheet.full and not self._crowded:
            self._atlas.renew(self._renderer.sheet)
            self._ready()
            whole, update = True, self._update(True)
            drawn = self._renderer.cells(update)
            self._crowded = self._renderer.sheet.full
        damage = self._replace(drawn, update.cursor) if whole else self._change(drawn, update)
        return self._illustrate(damage, self._emulator.images())

    def _illustrate(self, damage: Damage, images: Sequence[PlacedImage]) -> Damage:
        """Add the damage of the images, which are shown from now on."""
        if not images and not self._images:
            return damage
        metrics, window = self._atlas.metrics, Rect(0, 0, *self.size)
        new = pictures(images, (metrics.width, metrics.height), window)
        wrong = changed(self._images, new, damage.copies, window)
        self._images = new
        return Damage(damage.copies, joined(damage.rects, wrong))

    def _ready(self) -> bool:
        """Start again with a new sheet or new pair numbers, if necessary."""
        renderer, sheet = self._renderer, self._atlas.sheet
        if renderer.sheet is sheet and not renderer.pairs.full:
            return False
        self._crowded = self._crowded and renderer.sheet is sheet
        self._renderer = Renderer(sheet, PairTable(), renderer.colours)
        self._pictures.clear()
        return True

    def _update(self, full: bool) -> ScreenUpdate:
        """Get an update of the engine, a full one if the colours are new."""
        update = self._emulator.update(full)
        if update.colours != self._renderer.colours:
            update = update if update.full else self._emulator.update(True)
        if update.full:
            self._renderer.restart(update.colours)
        return update

    def _replace(self, drawn: DrawnCells, cursor: Cursor) -> Damage:
        self._cells, self._under = drawn, None
        self._draw_cursor(self._cells, cursor)
        return Damage(rects=[Rect(0, 0, *self.size)])

    def _change(self, drawn: DrawnCells, update: ScreenUpdate) -> Damage:
        """Compare new cells with reported ones, in the rows that may differ."""
        row = update.cursor.row
        under = self._under
        if update.rows == [row] and (under is None or under[0] == row):
            return self._change_row(row, drawn[0], update)
        new = self._cells.copy()
        touched = set(update.rows)
        if self._under is not None:
            row, column, cells = self._under
            new[row, column : column + len(cells)] = cells
            touched.add(row)
        if update.rows:
            new[update.rows, update.left : update.left + drawn.shape[1]] = drawn
        self._draw_cursor(new, update.cursor)
        if self._under is not None:
            touched.add(self._under[0])
        old, self._cells = self._cells, new
        return self._compare(old, sorted(touched))

    def _change_row(self, row: int, drawn: DrawnCells, update: ScreenUpdate) -> Damage:
        """Like `_change`, if only the cursor's row has changed, as while someone types."""
        cells = self._cells[row]
        before = cells.tolist()
        if self._under is not None:
            _, column, under = self._under
            cells[column : column + len(under)] = under
        cells[update.left : update.left + len(drawn)] = drawn
        self._draw_cursor(self._cells, update.cursor)
        after = cells.tolist()
        columns = [at for at, cell in enumerate(after) if cell != before[at]]
        if not columns:
            return Damage()
        if columns[-1] - columns[0] > GAP_COLUMNS:
            old, self._cells = self._cells, self._cells.copy()
            old[row] = before
            return self._compare(old, [row])
        return Damage(rects=[self._rect(Block(row, columns[0], row + 1, columns[-1] + 1))])

    def _compare(self, old: DrawnCells, rows: list[int]) -> Damage:
        """Return the differences to `old`, which is overwritten, in some rows."""
        new = self._cells
        moves = find_moves(old, new, rows)
        for source, target, count in moves:
            old[target : target + count] = old[source : source + count].copy()
        if moves:
            rows = list(range(len(new)))
        blocks = find_blocks(old, new, rows)
        return Damage([self._copy(move) for move in moves], [self._rect(it) for it in blocks])

    def _draw_cursor(self, cells: DrawnCells, cursor: Cursor) -> None:
        """Draw the cursor, and keep the cells under it."""
        rows, columns = cells.shape
        if not cursor.visible or cursor.row >= rows or not 0 <= cursor.column < columns:
            self._under = None
            return
        row = cells[cursor.row]
        past = cursor.column + self._renderer.cursor_width(row, cursor.column)
        under = row[cursor.column : past].copy()
        self._under = (cursor.row, cursor.column, under)
        row[cursor.column : past] = self._renderer.with_cursor(under, cursor)

    def parts(self) -> list[Rect]:
        """The rows down to the last one in use, and those below it; see `Surface.parts`."""
        self._wake()
        rows, columns = self._cells.shape
        used = rows - _blank_rows(self._cells)
        blocks = (Block(0, 0, used, columns), Block(used, 0, rows, columns))
        return [self._rect(block) for block in blocks if block.area]

    def pixels(self, rect: Rect) -> Pixels:
        """The picture within `rect` as of the last `take_damage`; see `Surface.pixels`."""
        self._wake()
        metrics = self._renderer.sheet.metrics
        top, left = rect.y // metrics.height, rect.x // metrics.width
        bottom, right = -(-rect.bottom // metrics.height), -(-rect.right // metrics.width)
        cells = self._cells[top:bottom, left:right]
        if cells.size <= FEW_CELLS:
            picture = self._recent(cells)
        else:
            picture = compose(cells, self._renderer.sheet, self._renderer.pairs)
        if self._images:
            block = Block(top, left, top + len(cells), left + cells.shape[1])
            picture = self._illustrated(picture, block)
        x, y = rect.x - left * metrics.width, rect.y - top * metrics.height
        return _cropped(picture, Rect(x, y, rect.width, rect.height))

    def _illustrated(self, picture: Pixels, block: Block) -> Pixels:
        """The picture of a block with its images."""
        rect = self._rect(block)
        shown = [image for image in self._images if image.area.intersection(rect)]
        if not shown:
            return picture
        return illustrated(picture, rect, shown, lambda: self._ground(block))

    def _ground(self, block: Block) -> Ground:
        """The pixels below images under the text of a block; a block cursor is above them."""
        renderer, cells = self._renderer, self._cells
        inside = cells[block.top : block.bottom, block.left : block.right]
        found = ground(inside, renderer.sheet, renderer.pairs, renderer.colours.background)
        if self._under is not None:
            row, column, under = self._under
            past = column + len(under)
            if ((cells[row, column:past] ^ under) >> PAIR_SHIFT & FIELD_MASK).any():
                rect = self._rect(block)
                cursor = self._rect(Block(row, column, row + 1, past)).intersection(rect)
                if cursor:
                    x, y, width, height = cursor.moved(-rect.x, -rect.y)
                    found.coverage[y : y + height, x : x + width] = 255
        return found

    def _recent(self, cells: DrawnCells) -> Pixels:
        """The picture of a few cells, as while someone types, from the cache if possible."""
        key = (cells.shape, cells.tobytes())
        picture = self._pictures.pop(key, None)
        if picture is None:
            picture = compose(cells, self._renderer.sheet, self._renderer.pairs)
            if len(self._pictures) >= PICTURES_KEPT:
                self._pictures.pop(next(iter(self._pictures)))
        self._pictures[key] = picture
        return picture

    def _copy(self, move: Move) -> Copy:
        width, height = self.size[0], self._atlas.metrics.height
        source = Rect(0, move.source * height, width, move.rows * height)
        return Copy(source, 0, move.target * height)

    def _rect(self, block: Block) -> Rect:
        width, height = self._atlas.metrics.width, self._atlas.metrics.height
        return Rect(
            block.left * width,
            block.top * height,
            (block.right - block.left) * width,
            (block.bottom - block.top) * height,
        )


def _blank_rows(cells: DrawnCells) -> int:
    """The number of rows at the bottom that are blank, all in one colour."""
    last = cells[-1, -1]
    if not is_blank(int(last)):
        return 0
    used = (cells != last).any(axis=1).nonzero()[0]
    return len(cells) - (int(used[-1]) + 1 if len(used) else 0)


def _cropped(picture: Pixels, rect: Rect) -> Pixels:
    if (rect.width, rect.height) == (picture.width, picture.height):
        return picture
    return picture.crop(rect).detached()
