"""Raw (RFC 6143, 7.7.1)."""

from __future__ import annotations

from guacr.api import Rect
from handlers.vnc.rfb.context import Context, bands
from handlers.vnc.rfb.input import Steps

BAND = 1 << 18
"""Bytes that are read at a time, so that the client never waits for more."""


def read_raw(context: Context, rect: Rect) -> Steps[None]:
    """Read a rectangle in bands of whole rows."""
    row = rect.width * context.pixel_format.size
    for band in bands(rect, max(1, BAND // max(row, 1))):
        data = yield from context.input.read(band.area * context.pixel_format.size)
        context.draw(band, context.pixel_format.pixels(data, band.width, band.height))
