"""Hextile (RFC 6143, 7.7.4): tiles of 16 by 16 pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from guacr.api import Rect
from handlers.vnc.rfb.context import Context, broken
from handlers.vnc.rfb.input import Steps

TILE = 16
SUBRECT_COST = 100
"""Pixels that take as long as a rectangle within a tile."""
RAW, BACKGROUND, FOREGROUND, SUBRECTS, COLOURED = 1, 2, 4, 8, 16


def tiles(rect: Rect, side: int) -> Iterator[Rect]:
    """Yield the tiles of a rectangle, relative to it, row by row from left to right."""
    for y in range(0, rect.height, side):
        for x in range(0, rect.width, side):
            yield Rect(x, y, min(side, rect.width - x), min(side, rect.height - y))


def read_hextile(context: Context, rect: Rect) -> Steps[None]:
    """Read a rectangle, a row of tiles at a time."""
    pixel_format, source = context.pixel_format, context.input
    size = pixel_format.size
    background = foreground = 0
    words = np.empty((TILE, rect.width), np.uint32)
    for tile in tiles(rect, TILE):
        area = words[: tile.height, tile.x : tile.x + tile.width]
        yield from context.off_loop(tile.area * 2)
        kind = yield from source.u8()
        if kind & RAW:
            data = yield from source.read(tile.area * size)
            colours = pixel_format.colours(data).copy().view(np.uint32)
            area[:] = colours.reshape(tile.height, tile.width)
        else:
            if kind & BACKGROUND:
                background = _word(context, (yield from source.read(size)))
            if kind & FOREGROUND:
                foreground = _word(context, (yield from source.read(size)))
            area[:] = background
            if kind & SUBRECTS:
                count = yield from source.u8()
                coloured = size if kind & COLOURED else 0
                data = yield from source.read(count * (coloured + 2))
                yield from context.off_loop(count * SUBRECT_COST)
                _draw(context, area, data, coloured, foreground)
        if tile.x + tile.width == rect.width:
            rows = words[: tile.height].copy().view(np.uint8)
            strip = Rect(rect.x, rect.y + tile.y, rect.width, tile.height)
            context.draw(strip, rows.reshape(tile.height, rect.width, 4))


def _draw(
    context: Context,
    area: np.ndarray[tuple[int, int], np.dtype[np.uint32]],
    data: bytes,
    coloured: int,
    foreground: int,
) -> None:
    height, width = area.shape
    for at in range(0, len(data), coloured + 2):
        colour = _word(context, data[at : at + coloured]) if coloured else foreground
        place, extent = data[at + coloured], data[at + coloured + 1]
        x, y = place >> 4, place & 15
        right, bottom = x + (extent >> 4) + 1, y + (extent & 15) + 1
        if right > width or bottom > height:
            raise broken("a rectangle that reaches beyond its tile")
        area[y:bottom, x:right] = colour


def _word(context: Context, pixel: bytes) -> int:
    return int.from_bytes(context.pixel_format.colours(pixel)[0].tobytes(), "little")
