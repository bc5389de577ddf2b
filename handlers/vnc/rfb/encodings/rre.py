"""RRE (RFC 6143, 7.7.3) and CoRRE: a background, and rectangles of one colour on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guacr.api import Array8, Rect
from handlers.vnc.rfb.context import Context, broken
from handlers.vnc.rfb.input import Steps

RECORDS = 1024
"""Rectangles that are read and drawn at a time."""
OVERDRAWN_MAX = 8
"""How often each pixel may be drawn, on average; encoders draw none of them twice."""
PIXEL = 4
"""Bytes."""
RECORD_COST = 100
"""Pixels that take as long as one rectangle."""


def read_rre(context: Context, rect: Rect) -> Steps[None]:
    """Read RRE, whose coordinates have two bytes."""
    yield from _read(context, rect, ">u2")


def read_corre(context: Context, rect: Rect) -> Steps[None]:
    """Read CoRRE, whose coordinates have one byte."""
    yield from _read(context, rect, ">u1")


def _read(context: Context, rect: Rect, place: str) -> Steps[None]:
    size = context.pixel_format.size
    count = yield from context.input.u32()
    if count > rect.area:
        raise broken(f"{count} rectangles within {rect.area} pixels")
    background = yield from context.input.read(size)
    if not rect.area:
        return
    each = size + 4 * np.dtype(place).itemsize
    context.reserve(rect, rect.area * PIXEL)
    yield from context.off_loop(rect.area)
    words = np.full((rect.height, rect.width), _words(context.pixel_format.colours(background))[0])
    drawn = 0
    for at in range(0, count, RECORDS):
        part = min(RECORDS, count - at)
        data = yield from context.input.read(part * each)
        records = np.frombuffer(data, np.uint8).reshape(part, each)
        colours = _words(context.pixel_format.colours(records[:, :size].tobytes()))
        places = records[:, size:].copy().view(place).astype(np.intp)
        area = _area(places, rect)
        drawn += area
        if drawn > OVERDRAWN_MAX * rect.area:
            raise broken("rectangles that cover each other many times")
        yield from context.off_loop(area + RECORD_COST * part)
        for colour, (x, y, width, height) in zip(colours.tolist(), places.tolist(), strict=True):
            words[y : y + height, x : x + width] = colour
    context.draw(rect, words.view(np.uint8).reshape(rect.height, rect.width, 4))


def _area(places: NDArray[np.intp], rect: Rect) -> int:
    """Return the number of pixels that are drawn by rectangles within `rect`."""
    x, y, width, height = places.T
    if ((x + width > rect.width) | (y + height > rect.height)).any():
        raise broken("a rectangle that reaches beyond the one that contains it")
    return int((width * height).sum())


def _words(colours: Array8) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.ascontiguousarray(colours).view(np.uint32)[:, 0]
