"""ZRLE (RFC 6143, 7.7.6): tiles of 64 by 64 pixels in one compressed stream."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guacr.api import Rect
from handlers.vnc.rfb.context import Context, bands, broken
from handlers.vnc.rfb.encodings.hextile import tiles
from handlers.vnc.rfb.inflater import Inflater
from handlers.vnc.rfb.input import Input, Steps
from handlers.vnc.rfb.pixel_format import PixelFormat

TILE = 64
RAW, SOLID, PACKED_MAX, PLAIN_RLE, PALETTE_RLE = 0, 1, 16, 128, 130
PALETTE_MAX = 127
RUN_GOES_ON = 255
"""A byte of a run's length after which another byte follows."""
RUN_COST = 100
"""Pixels that take as long as a run that is read individually."""
INDEX_RUN = 128
"""The bit of an index after which a length follows."""

Words = NDArray[np.uint32]


class ZrleReader:
    """Reads the rectangles of one connection."""

    __slots__ = ("_inflater",)

    def __init__(self, source: Input) -> None:
        self._inflater = Inflater(source)

    def read(self, context: Context, rect: Rect) -> Steps[None]:
        """Read a rectangle, a row of tiles at a time."""
        size = yield from context.input.u32()
        self._inflater.begin(size, sum(_most(context, row) for row in bands(rect, TILE)))
        tile_data = _TileData(context.pixel_format)
        for row in bands(rect, TILE):
            yield from context.off_loop(row.area)
            missing = max(0, _most(context, row) - tile_data.left)
            tile_data.add((yield from self._inflater.read_up_to(missing)))
            words = np.empty((row.height, row.width), np.uint32)
            for tile in tiles(row, TILE):
                words[:, tile.x : tile.x + tile.width] = tile_data.read(tile)
                yield from context.off_loop(tile.area + RUN_COST * tile_data.runs)
            context.draw(row, words.view(np.uint8).reshape(row.height, row.width, 4))
        yield from self._inflater.end()


def _most(context: Context, row: Rect) -> int:
    """Return the maximum bytes of a row of tiles: if the runs of a tile have one pixel each, every
    pixel takes one additional byte."""
    size = context.pixel_format.compact_size
    return row.area * (size + 1) + -(-row.width // TILE) * (1 + PALETTE_MAX * size)


class _TileData:
    """Tiles of one rectangle, uncompressed."""

    __slots__ = ("_at", "_data", "_format", "runs")

    def __init__(self, pixel_format: PixelFormat) -> None:
        self._data = b""
        self._format = pixel_format
        self._at = 0
        self.runs = 0
        """The number of runs of the last tile that were read individually."""

    @property
    def left(self) -> int:
        """The number of bytes that have not been read."""
        return len(self._data) - self._at

    def add(self, data: bytes) -> None:
        """Append data."""
        self._data = self._data[self._at :] + data
        self._at = 0

    def read(self, tile: Rect) -> Words:
        """Return the next tile, (height, width) of colours."""
        self.runs = 0
        kind = self._take(1)[0]
        if kind == RAW:
            return self._colours(tile.area).reshape(tile.height, tile.width)
        if kind == SOLID:
            return self._colours(1).reshape(1, 1)
        if kind <= PACKED_MAX:
            return self._packed(tile, kind)
        if kind == PLAIN_RLE:
            return self._runs(tile.area).reshape(tile.height, tile.width)
        if kind >= PALETTE_RLE:
            palette = self._colours(kind - 128)
            return palette[self._palette_runs(tile.area, len(palette))].reshape(
                tile.height, tile.width
            )
        raise broken(f"a tile of the unknown ZRLE type {kind}")

    def _take(self, size: int) -> bytes:
        data = self._data[self._at : self._at + size]
        if len(data) < size:
            raise broken("a ZRLE rectangle that ends too early")
        self._at += size
        return data

    def _colours(self, count: int) -> Words:
        data = self._take(count * self._format.compact_size)
        return np.ascontiguousarray(self._format.compact_colours(data)).view(np.uint32)[:, 0]

    def _packed(self, tile: Rect, count: int) -> Words:
        """Read indices of 1, 2 or 4 bits, in rows of whole bytes."""
        palette = self._colours(count)
        bits = 1 if count == 2 else 2 if count <= 4 else 4
        row = (tile.width * bits + 7) // 8
        packed = np.frombuffer(self._take(row * tile.height), np.uint8)
        parts = np.unpackbits(packed.reshape(tile.height, row), axis=1)
        indices = parts.reshape(tile.height, -1, bits) @ (1 << np.arange(bits - 1, -1, -1))
        indices = indices[:, : tile.width]
        if int(indices.max()) >= count:
            raise broken("a pixel whose colour is not in the palette")
        return palette[indices]

    def _runs(self, area: int) -> Words:
        """Read colours with lengths, all at once if every length has one byte."""
        size = self._format.compact_size
        each = size + 1
        most = min(area, self.left // each)
        records = np.frombuffer(self._data, np.uint8, most * each, self._at).reshape(most, each)
        lengths = records[:, size].astype(np.intp) + 1
        ends = lengths.cumsum()
        count = int(np.searchsorted(ends, area)) + 1
        whole = count <= most and not (records[:count, size] == RUN_GOES_ON).any()
        if not whole:
            return self._long_runs(area)
        if int(ends[count - 1]) != area:
            raise broken("a run that reaches beyond its tile")
        self._at += count * each
        colours = self._format.compact_colours(records[:count, :size].tobytes())
        words = np.ascontiguousarray(colours).view(np.uint32)[:, 0]
        return words.repeat(lengths[:count])

    def _long_runs(self, area: int) -> Words:
        words = np.empty(area, np.uint32)
        at = 0
        while at < area:
            colour = self._colours(1)[0]
            end = at + self._length()
            if end > area:
                raise broken("a run that reaches beyond its tile")
            words[at:end] = colour
            at = end
            self.runs += 1
        return words

    def _palette_runs(self, area: int, count: int) -> NDArray[np.intp]:
        indices = np.empty(area, np.intp)
        at = 0
        while at < area:
            index = self._take(1)[0]
            end = at + (self._length() if index & INDEX_RUN else 1)
            if end > area:
                raise broken("a run that reaches beyond its tile")
            if index & ~INDEX_RUN >= count:
                raise broken("a pixel whose colour is not in the palette")
            indices[at:end] = index & ~INDEX_RUN
            at = end
            self.runs += 1
        return indices

    def _length(self) -> int:
        length = 1
        while True:
            byte = self._take(1)[0]
            length += byte
            if byte != RUN_GOES_ON:
                return length
